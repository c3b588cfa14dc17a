"""Selector `k_center`: spread as far as possible; it chases outliers, so mind the quality."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from schemas.results import Selection
from tasks.engine.constraints import Admission, Limits
from tasks.engine.evidence import selection_of
from tasks.engine.farthest_first import FarthestFirst
from tasks.engine.pool import Pool
from tasks.engine.similarity import Similarity
from tasks.engine.watch import Watch


@dataclass(frozen=True)
class KCenter:
    """Farthest-first traversal: add argmax_i min_{j in S} (1 - s_ij), s the similarity.

    s is max(0, cosine), or what `centred` and `kernel_width` make of it (see Similarity); of rows
    at equal distance the one of lower cosine is farther, then the lower id. So the picks are those
    of the traversal by Euclidean distance or angle, at most twice the least possible radius in
    these for a budget in rows without floors and caps (Gonzalez, 1985). Starts at the row of best
    quality (unless rows are chosen beforehand). Gain is the distance to the rows chosen before, in
    [0, 1]; a lost row's final gain is exact. Time O(n k d) as matrix products, memory O(n) (and a
    copy of the rows if `centred`).
    """

    version: ClassVar[str] = "2.0.0"
    draw: ClassVar[str] = "greedy"
    centred: bool = False
    kernel_width: float = 0.0

    def __post_init__(self) -> None:
        Similarity(self.centred, self.kernel_width)  # refuses a width out of range

    def __call__(
        self, pool: Pool, limits: Limits, seed: int, watch: Watch | None = None
    ) -> Selection:
        """Choose rows by distance, ties by id. `seed` is unused."""
        similarity = Similarity(self.centred, self.kernel_width)
        rows, admission = similarity.rows(pool.vectors), Admission(pool, limits)
        search = FarthestFirst(rows, similarity, admission, watch or Watch())
        search.run(pool.quality)
        distance = search.distances()
        return selection_of(
            self,
            admission,
            np.array(search.gains),
            final_gain=distance,
            is_bound=np.zeros(len(pool), dtype=bool),
            totals={"radius": round(float(distance.max(initial=0.0)), 6)},
        )
