"""Selector `distribution_matching`: a subset whose rows are distributed as the pool's are."""

from dataclasses import dataclass
from typing import ClassVar

from tasks.engine.constraints import Limits
from tasks.engine.mean_similarity import mean_cosine, mean_similarity
from tasks.engine.objectives.pairwise import Cosine, Pairwise, matching
from tasks.engine.pool import Pool
from tasks.engine.similarity import Similarity
from tasks.selectors.mixing import KernelSelector


@dataclass(frozen=True)
class DistributionMatching(KernelSelector):
    """Kernel herding, mixed with quality: argmax m(x) - sum_{s in S} k(x, s) / (t + 1).

    Welling (2009); Chen, Welling and Smola (2010). m(x) is the mean of k(x, .) over the pool,
    t = |S|. It is the greedy minimisation of the maximum mean discrepancy between subset and pool.
    The kernel is exp((cosine - 1) / kernel_width), or the cosine itself for a width of 0 (which
    matches the mean row only). m is exact up to 65,536 rows and for the cosine, and beyond comes
    from near rows and a sample (see `mean_similarity`; `totals` tells its error). Not submodular:
    gains may rise, and no share of an optimum is guaranteed. Quality and the herding score times
    (t + 1) / k are mixed, k being the rows that the budget buys: one exact copy of a row too many
    costs as much as one row of average quality among the best affordable ones. All rows of the
    pool are matched, those that cannot be chosen too. Time O(n k d) beside m, memory O(n).
    """

    version: ClassVar[str] = "1.0.0"
    kernel_width: float = 0.1

    def similarity(self) -> Similarity:
        """The kernel; raises `SettingsError` for a width out of bounds."""
        kind = Similarity if self.kernel_width else Cosine
        return kind(self.centred, self.kernel_width)

    def part(self, pool: Pool, limits: Limits) -> Pairwise:
        """The objective, for no rows picked yet."""
        kernel = self.similarity()
        rows = kernel.rows(pool.vectors)
        mean = mean_similarity(rows, kernel) if self.kernel_width else mean_cosine(rows)
        return matching(rows, kernel, mean)
