"""Selector `k_center`: spread as far as possible; it chases outliers, so mind the quality."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from schemas.results import Selection
from tasks.engine.columns import SimilarityColumns
from tasks.engine.constraints import Admission, Limits
from tasks.engine.evidence import selection_of
from tasks.engine.greedy import TIE_DIGITS, Progress
from tasks.engine.pool import Pool


@dataclass(frozen=True)
class KCenter:
    """Farthest-first traversal: add argmax_i min_{j in S} (1 - max(0, x_i . x_j)).

    At most twice the least possible covering radius for a budget in rows without floors and caps
    (Gonzalez, 1985). Starts at the row of best quality (unless rows must be included). Gain is the
    distance to the rows chosen before, in [0, 1]; a lost row's final gain is exact.
    Time O(n k d), memory O(n).
    """

    version: ClassVar[str] = "1.0.0"
    draw: ClassVar[str] = "greedy"

    def __call__(self, pool: Pool, limits: Limits, seed: int) -> Selection:
        """Choose rows by distance, ties by id. `seed` is unused."""
        admission, progress = (taken := Admission(pool, limits)), Progress(taken)
        columns = SimilarityColumns(pool.vectors, cache_bytes=0)
        distance = np.ones(len(pool), dtype=np.float64)
        gains: list[float] = []

        def add(index: int) -> None:
            gains.append(float(distance[index]))
            near = 1.0 - columns.column(index).astype(np.float64)
            np.minimum(distance, np.round(near, TIE_DIGITS), out=distance)
            columns.forget(index)
            progress.tell(gains[-1])

        for index in admission.order:
            add(index)
        while not admission.full and admission.free.any():
            start = not admission.order
            key = np.where(admission.free, pool.quality if start else distance, -np.inf)
            index = int(key.argmax())
            rule = admission.refusal(index)
            if rule:
                admission.close(index, rule)
                continue
            admission.take(index)
            add(index)
        return selection_of(
            self,
            admission,
            np.array(gains),
            final_gain=distance,
            is_bound=np.zeros(len(pool), dtype=bool),
            totals={"radius": round(float(distance.max(initial=0.0)), 6)},
        )
