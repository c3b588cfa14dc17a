"""Selector `stratified`: uniform inside strata, equal or proportional among them."""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np

from schemas.errors import SettingsError
from schemas.results import Selection
from tasks.engine.constraints import Admission, Limits
from tasks.engine.draws import ranks_within, uniform_keys
from tasks.engine.greedy import take_in_order
from tasks.engine.pool import Pool
from tasks.engine.watch import Watch
from tasks.selectors.top_quality import ordered_selection

Allocation = Literal["equal", "proportional"]


@dataclass(frozen=True)
class Stratified:
    """Shuffle each stratum, then deal: every stratum's first row, every second row, and so on.

    `equal` is water filling (sizes 90, 8, 2 and a budget of 30 give 20, 8, 2); `proportional`
    deals by (rank + 1/2) / size, so shares follow the strata's eligible rows. Strata are the
    values of the column `by` (cluster, source or a metadata key), or the combinations of values of
    several columns. Gain is minus the place in the deal, scaled to (0, 1].
    """

    version: ClassVar[str] = "1.1.0"
    draw: ClassVar[str] = "stratified"
    by: str | list[str] = "cluster"
    allocation: Allocation = "equal"

    def __post_init__(self) -> None:
        if self.allocation not in get_args(Allocation):
            raise SettingsError(
                f"allocation must be one of {get_args(Allocation)}; got {self.allocation!r}"
            )

    def __call__(
        self, pool: Pool, limits: Limits, seed: int, watch: Watch | None = None
    ) -> Selection:
        """Deal rows from the strata of `pool.stratum`; equal seeds give equal rows."""
        admission = Admission(pool, limits)
        keys = uniform_keys(pool.ids, seed, "stratified")
        there = np.zeros(len(pool), dtype=bool)
        there[[*limits.preselected, *limits.include]] = True
        keys[there] -= 1.0  # what is chosen beforehand uses up the first turns of its stratum,
        keys[~there & ~admission.free] += 1.0  # what cannot be chosen uses up none
        rank = ranks_within(keys, pool.stratum)
        counted = np.bincount(pool.stratum, weights=admission.free | there, minlength=1)
        sizes = np.maximum(counted, 1.0)[pool.stratum]
        turn = rank if self.allocation == "equal" else (rank + 0.5) / sizes
        order = np.lexsort((np.arange(len(pool)), keys, turn))
        take_in_order(order, admission, watch)
        gain = np.empty(len(pool))
        gain[order] = 1.0 - np.arange(len(pool)) / max(1, len(pool))
        return ordered_selection(self, admission, order, gain)
