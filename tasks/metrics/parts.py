"""Sufficient statistics of a subset, made in one pass over the vectors.

Every statistic is kept per block of rows, so that the subset without one block (the jackknife's
replicate) costs a subtraction or a maximum, never a second pass.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from schemas.errors import ContractError
from tasks.engine.distances import DomainScores, domain_scores
from tasks.engine.one_thread import one_thread
from tasks.metrics.closest import closest_per_block, rows_looked_at
from tasks.metrics.rows import BLOCKS, SAMPLE_ROWS, Rows

GRAM_ROWS: Final = 4096  # rows turned to float64 at a time
DOMAIN_ROWS: Final = 1_000  # of either side that a classifier is to tell apart


@dataclass(frozen=True)
class SubsetParts:
    """A subset's statistics per block of rows; `indices` is sorted, so no metric depends on order.

    `closest[i, b]` is the cosine of row `searched[i]` to the closest other selected row of block b,
    -inf where there is none. `looked`: which pool rows `nearest` is of, `asked`: which selected
    rows `neighbour` is of; `searched` holds both. What few metrics need is made when one asks.
    """

    rows: Rows
    indices: Int[np.ndarray, " k"]
    looked: Int[np.ndarray, " p"]
    asked: Int[np.ndarray, " a"]
    searched: Int[np.ndarray, " m"]
    closest: Float[np.ndarray, "m b"]
    best_coverage: float = 1.0  # of any known subset of the size: see `CoverageRelative`

    @cached_property
    def grams(self) -> Float[np.ndarray, "b d d"]:
        """Sum of x x^T over the selected rows of each block."""
        return _grams(self.rows, self.indices)

    @cached_property
    def feature_sums(self) -> Float[np.ndarray, "b f"]:
        """Sum of the random features over the selected rows of each block."""
        return self.rows.feature_sums_of(self.indices)

    @cached_property
    def sample(self) -> Int[np.ndarray, " s"]:
        """The selected rows of smallest key."""
        return self.rows.first(self.indices, SAMPLE_ROWS)

    @cached_property
    def judged(self) -> Int[np.ndarray, " s"]:
        """The selected rows that a classifier is to tell from others."""
        return self.rows.first(self.indices, DOMAIN_ROWS)

    @cached_property
    def rest(self) -> Int[np.ndarray, " r"]:
        """Rows that were not selected, of smallest key: what `judged` are told from."""
        left = np.ones(len(self.rows.vectors), dtype=bool)
        left[self.indices] = False
        return self.rows.first(np.flatnonzero(left), DOMAIN_ROWS)

    @cached_property
    def told_from_rest(self) -> DomainScores:
        """Scores of `rest` and `judged`."""
        return domain_scores(self.rows.vectors[self.rest], self.rows.vectors[self.judged])

    @cached_property
    def told_from_target(self) -> DomainScores:
        """Scores of the target's rows and `judged`."""
        assert self.rows.target is not None
        return domain_scores(self.rows.target.vectors[:DOMAIN_ROWS], self.rows.vectors[self.judged])

    @property
    def removable(self) -> list[int]:
        """Blocks that hold a selected row and are not the whole subset."""
        sizes = np.bincount(self.rows.block[self.indices], minlength=BLOCKS)
        return [int(block) for block in np.flatnonzero((sizes > 0) & (sizes < len(self.indices)))]


def describe(rows: Rows, indices: Int[np.ndarray, " k"]) -> SubsetParts:
    """Gather the statistics of the subset at `indices` (distinct).

    O(n k d) time, of large pools O(MOST_PAIRS d); O(n) memory. Raises `ContractError` for a subset
    without rows: no metric has a value for it.
    """
    if not len(indices):
        raise ContractError(
            "a subset without rows cannot be measured",
            expected="at least one row",
            remedy="raise choose.budget: it buys not even one row, for the selection or a control",
        )
    chosen = np.sort(np.asarray(indices, dtype=np.int64))
    looked = np.sort(rows.first(rows.all, rows_looked_at(len(rows.vectors), len(chosen))))
    asked = np.sort(rows.first(chosen, rows_looked_at(len(chosen), len(chosen))))
    searched = np.union1d(looked, asked)
    closest = closest_per_block(rows.vectors, searched, chosen, rows.block, BLOCKS)
    return SubsetParts(rows, chosen, looked, asked, searched, closest)


def _grams(rows: Rows, chosen: np.ndarray) -> np.ndarray:
    width = rows.vectors.shape[1]
    grams = np.zeros((BLOCKS, width, width))
    with one_thread():  # one order of summation, whatever the machine
        for block in range(BLOCKS):
            members = chosen[rows.block[chosen] == block]
            for start in range(0, len(members), GRAM_ROWS):
                part = rows.vectors[members[start : start + GRAM_ROWS]].astype(np.float64)
                grams[block] += part.T @ part
    return grams
