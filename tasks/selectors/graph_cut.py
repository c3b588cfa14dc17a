"""Selector `graph_cut`: be like the pool, and unlike each other."""

from dataclasses import dataclass
from typing import ClassVar

from tasks.engine.mean_similarity import mean_similarity
from tasks.engine.objectives.pairwise import Pairwise, graph_cut
from tasks.engine.pool import Pool
from tasks.selectors.mixing import KernelSelector, check_between


@dataclass(frozen=True)
class GraphCut(KernelSelector):
    """Mix quality with sum_v sum_{j in S} s(v, j) - r sum_{i, j in S} s(i, j).

    Lin and Bilmes (2011). Submodular; monotone, and so with greedy's guarantee, for r up to 1/2;
    with a larger one gains may fall below 0, and the budget is spent all the same. The first sum
    is exact up to 65,536 rows, and beyond comes from near rows and a sample (see
    `mean_similarity`); the second is exact. Time O(n k d) beside it, memory O(n).
    """

    version: ClassVar[str] = "1.1.0"
    redundancy: float = 0.5  # r in [0, 1]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_between("redundancy", self.redundancy, 0, 1)

    def part(self, pool: Pool) -> Pairwise:
        """The objective, for no rows picked yet."""
        similarity = self.similarity()
        rows = similarity.rows(pool.vectors)
        return graph_cut(rows, similarity, mean_similarity(rows, similarity), self.redundancy)
