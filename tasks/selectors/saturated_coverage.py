"""Selector `saturated_coverage`: every row is to have enough likeness in the subset, not more."""

from dataclasses import dataclass
from typing import ClassVar

from tasks.engine.objectives.saturation import Saturation, ToCover
from tasks.engine.pool import Pool
from tasks.selectors.mixing import KernelSelector, check_between


@dataclass(frozen=True)
class SaturatedCoverage(KernelSelector):
    """Mix quality with sum_v min(sum_{j in S} s(v, j), a sum_j s(v, j)) (Lin and Bilmes, 2011).

    Lazy greedy, exact up to 65,536 rows; beyond, the rows v are some 16,000 that stand for the
    others. With a budget of more than the share `saturation` of the rows everything may be
    saturated, after which quality alone decides.
    """

    version: ClassVar[str] = "1.0.0"
    saturation: float = 0.1  # a in (0, 1]: the share of a row's likeness to the pool that counts

    def __post_init__(self) -> None:
        super().__post_init__()
        check_between("saturation", self.saturation, 0.001, 1)

    def part(self, pool: Pool) -> Saturation:
        """The objective, for no rows picked yet."""
        similarity = self.similarity()
        rows = similarity.rows(pool.vectors)
        return Saturation(rows, similarity, self.saturation, ToCover.of(rows, similarity))
