"""Selector `distribution_matching`: a subset distributed as the pool is, or as it spreads."""

from dataclasses import dataclass
from typing import ClassVar, Final, get_args

from schemas.errors import SettingsError
from tasks.engine.mean_similarity import flattening_weights, mean_cosine, mean_similarity
from tasks.engine.objectives.choose_mixed import Mode
from tasks.engine.objectives.pairwise import Cosine, Pairwise, matching
from tasks.engine.pool import Pool
from tasks.engine.similarity import Similarity
from tasks.selectors.mixing import KernelSelector, check_between

DENSITY_ROWS: Final = 8_192  # up to which weights are exact; errors average out in the mean


@dataclass(frozen=True)
class DistributionMatching(KernelSelector):
    """Kernel herding, mixed with quality: argmax m(x) - sum_{s in S} k(x, s) / (t + 1).

    Welling (2009); Chen, Welling and Smola (2010). m(x) is the mean of k(x, .) over the pool, or
    with `flattening` a its mean with weights one over the a-th power of each row's density (its
    mean of k): 0 matches the pool as it is, 1 a pool spread evenly over the places it fills, so
    that rare groups count and copies do not; where the pool is even they agree. t = |S|. It is the
    greedy minimisation of the maximum mean discrepancy between the subset and that pool,
    whose square at the end is in `totals`. The kernel is exp((cosine - 1) / kernel_width), or the
    cosine itself for a width of 0 (which matches the mean row only). m is exact up to 65,536 rows
    and for the cosine, and beyond comes from near rows and a sample (see `mean_similarity`).
    All rows of the pool are matched, those that cannot be chosen too.

    Not submodular: gains may rise, and no share of an optimum is guaranteed. As a term beside
    quality it is scaled by its value at no discrepancy, k^2 / 2 times the mean kernel of that pool,
    k being the rows that the budget buys: so a weight means the same for every width and budget.

    Mode `exact` looks at all rows at every step, O(n k d) and slow for large pools; `fast` picks
    from a shortlist renewed every t / 16 picks, at most 64 (on 52,000 rows to 5,000 the squared
    discrepancy is within 0.2 % of the exact one's); `auto` is exact while rows times picks are at
    most 50 million. Memory O(n).
    """

    version: ClassVar[str] = "3.0.0"
    centred: bool = True  # as for all kernels; off for a width of 0
    kernel_width: float = 0.14
    flattening: float = 1.0  # in [0, 2]; 0 for a width of 0
    mode: Mode = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_between("flattening", self.flattening, 0, 2)
        if self.flattening and not self.kernel_width:
            raise SettingsError(
                "flattening needs a kernel_width above 0: a cosine is no density",
                where="choose.settings.kernel_width",
                remedy="set flattening to 0, or the width above it",
            )
        if self.mode not in get_args(Mode):
            raise SettingsError(f"mode must be one of {get_args(Mode)}; got {self.mode!r}")

    def similarity(self) -> Similarity:
        """The kernel; raises `SettingsError` for a width out of bounds."""
        kind = Similarity if self.kernel_width else Cosine
        return kind(self.centred, self.kernel_width)

    def search_mode(self) -> Mode:
        """As the setting says."""
        return self.mode

    def part(self, pool: Pool) -> Pairwise:
        """The objective, for no rows picked yet."""
        kernel = self.similarity()
        rows = kernel.rows(pool.vectors)
        if not self.kernel_width:
            return matching(rows, kernel, mean_cosine(rows))
        weights = None
        if self.flattening:
            weights = flattening_weights(rows, kernel, self.flattening, DENSITY_ROWS)
        return matching(rows, kernel, mean_similarity(rows, kernel, weights=weights))
