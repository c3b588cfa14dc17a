"""Selector `uniform`: the control that many published selectors do not beat."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from schemas.results import Selection
from tasks.engine.constraints import Admission, Limits
from tasks.engine.draws import uniform_keys
from tasks.engine.greedy import take_in_order
from tasks.engine.pool import Pool
from tasks.engine.watch import Watch
from tasks.selectors.top_quality import ordered_selection


@dataclass(frozen=True)
class Uniform:
    """Draw rows uniformly without replacement: the smallest hashes of (seed, id).

    A row's key does not depend on the other rows, so adding rows never reorders the others.
    Gain is 1 - key, in (0, 1].
    """

    version: ClassVar[str] = "1.1.0"
    draw: ClassVar[str] = "sampled"

    def __call__(
        self, pool: Pool, limits: Limits, seed: int, watch: Watch | None = None
    ) -> Selection:
        """Choose at random; equal seeds give equal rows."""
        admission = Admission(pool, limits)
        keys = uniform_keys(pool.ids, seed, "uniform")
        order = np.argsort(keys, kind="stable")
        take_in_order(order, admission, watch)
        return ordered_selection(self, admission, order, 1.0 - keys)
