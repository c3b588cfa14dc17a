"""Selector `k_center`: spread as far as possible; it chases outliers, so mind the quality."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from schemas.results import Selection
from tasks.engine.columns import SimilarityColumns
from tasks.engine.constraints import Admission, Limits
from tasks.engine.evidence import selection_of
from tasks.engine.greedy import TIE_DIGITS, fill_floors
from tasks.engine.pool import Pool
from tasks.engine.watch import Watch


@dataclass(frozen=True)
class KCenter:
    """Farthest-first traversal: add argmax_i min_{j in S} (1 - max(0, x_i . x_j)).

    At most twice the least possible covering radius for a budget in rows without floors and caps
    (Gonzalez, 1985). Starts at the row of best quality (unless rows are chosen beforehand). Gain is
    the distance to the rows chosen before, in [0, 1]; a lost row's final gain is exact.
    Time O(n k d), memory O(n).
    """

    version: ClassVar[str] = "1.0.0"
    draw: ClassVar[str] = "greedy"

    def __call__(
        self, pool: Pool, limits: Limits, seed: int, watch: Watch | None = None
    ) -> Selection:
        """Choose rows by distance, ties by id. `seed` is unused."""
        admission, watch = Admission(pool, limits), watch or Watch()
        saved = watch.resume()
        columns = SimilarityColumns(pool.vectors, cache_bytes=0)
        distance = np.ones(len(pool), dtype=np.float64)
        gains: list[float] = []

        def cover(index: int) -> None:
            near = 1.0 - columns.column(index).astype(np.float64)
            np.minimum(distance, np.round(near, TIE_DIGITS), out=distance)
            columns.forget(index)

        def add(index: int) -> None:
            gains.append(float(distance[index]))
            cover(index)

        for index in limits.preselected:
            cover(index)
        for index in admission.order:
            add(index)
        saved.replay(admission, add)
        while not admission.full and admission.free.any() and not watch.stop():
            start = not (admission.order or limits.preselected)
            key = np.where(admission.free, pool.quality if start else distance, -np.inf)
            index = int(key.argmax())
            rule = admission.refusal(index)
            if rule:
                admission.close(index, rule)
                continue
            admission.take(index)
            add(index)
            watch.tell(admission, gains[-1])
        if watch.stopped:
            fill_floors(np.argsort(-distance, kind="stable"), admission, add)
        return selection_of(
            self,
            admission,
            np.array(gains),
            final_gain=distance,
            is_bound=np.zeros(len(pool), dtype=bool),
            totals={"radius": round(float(distance.max(initial=0.0)), 6)},
        )
