"""How similar each row is to the pool on average: exact by all pairs, or estimated.

For a pool of n rows m(x) = (1 / n) sum_y s(x, y): density, the mean embedding of a kernel at x,
and 1 / n of the first gain of every coverage objective.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from tasks.engine.sampled_sums import sampled_sums
from tasks.engine.similarity import Similarity
from tasks.engine.tiles import TILE_COLUMNS, column_tiles, map_row_blocks

EXACT_ROWS: Final = 65_536  # up to which all pairs are compared: some 15 s for 50,000
COMPARED_SHARE: Final = 4  # a row of a larger pool is compared with one in so many of those
DIGITS: Final = 12  # sums over other blocks come in another order: closer means are equal


@dataclass(frozen=True)
class MeanSimilarity:
    """`values` per row, and their typical (median) relative standard error: 0 where exact.

    `weights` are those of the pool's rows, 1 on average; None: all 1.
    """

    values: Float[np.ndarray, " n"]
    error: float = 0.0
    weights: Float[np.ndarray, " n"] | None = None

    @property
    def over_pool(self) -> float:
        """The mean of the values, each as heavy as its row."""
        return float(np.average(self.values, weights=self.weights))


def mean_similarity(
    rows: Float[np.ndarray, "n d"],
    similarity: Similarity,
    exact_rows: int = EXACT_ROWS,
    weights: Float[np.ndarray, " n"] | None = None,
) -> MeanSimilarity:
    """Mean similarity of every row to all rows, itself included, as heavy as `weights` say.

    Up to `exact_rows` rows by all pairs, each product used for both its rows. Beyond, a row is
    compared with a fourth as many, its nearest rows and a sample (see `sampled_sums`): enough,
    because herding picks what was overestimated, and to gain from k picks the error must be small
    beside 1 / k. Time O(n d exact_rows); memory O(n) beside the rows.
    """
    n = len(rows)
    if n <= exact_rows:
        total = _all_pairs(rows, similarity, weights)
        return MeanSimilarity(np.round(total / max(1, n), DIGITS), weights=weights)
    total, error = sampled_sums(rows, similarity, exact_rows // COMPARED_SHARE, weights)
    return MeanSimilarity(np.round(total / n, DIGITS), error, weights)


def flattening_weights(
    rows: Float[np.ndarray, "n d"], similarity: Similarity, power: float, exact_rows: int
) -> Float[np.ndarray, " n"]:
    """One over each row's density to the `power`, 1 on average: 1 spreads the pool evenly."""
    density = mean_similarity(rows, similarity, exact_rows).values
    weights = np.maximum(density, 1.0 / max(1, len(rows))) ** -power
    return np.asarray(weights / weights.mean() if len(weights) else weights)


def mean_cosine(rows: Float[np.ndarray, "n d"]) -> MeanSimilarity:
    """Mean cosine of every row to all rows, exact in O(n d): the product with the mean row."""
    mean_row = rows.mean(axis=0, dtype=np.float64)

    def of(block: slice) -> Float[np.ndarray, " b"]:
        return np.asarray(rows[block].astype(np.float64) @ mean_row)

    parts = list(map_row_blocks(len(rows), of, size=TILE_COLUMNS))
    return MeanSimilarity(np.round(np.concatenate([np.zeros(0), *parts]), DIGITS))


def _summed(
    values: Float[np.ndarray, "a b"], weights: Float[np.ndarray, " c"] | None, axis: int
) -> Float[np.ndarray, " e"]:
    """Sums along an axis, whose rows or columns weigh as told."""
    if weights is None:
        return np.asarray(values.sum(axis=axis, dtype=np.float64))
    wide = values.astype(np.float64)
    return np.asarray(wide @ weights if axis else weights @ wide)


def _all_pairs(
    rows: np.ndarray, similarity: Similarity, weights: np.ndarray | None
) -> Float[np.ndarray, " n"]:
    n = len(rows)

    def of(part: slice) -> np.ndarray | None:
        return None if weights is None else weights[part]

    total = np.zeros(n)

    def reach(block: slice) -> tuple[slice, np.ndarray, np.ndarray]:
        """Sums over the rows from this block on, and what the block adds to the later rows."""
        own, later = np.zeros(block.stop - block.start), np.zeros(n - block.stop)
        for part, tile in column_tiles(rows[block], rows[block.start :]):
            values = similarity.of(tile)
            of_part = slice(block.start + part.start, block.start + part.stop)
            own += _summed(values, of(of_part), 1)
            after = max(0, block.stop - block.start - part.start)  # the block's own columns
            place = part.start + after - (block.stop - block.start)
            sums = _summed(values[:, after:], of(block), 0)
            later[place : place + len(sums)] += sums
        return block, own, later

    for block, own, later in map_row_blocks(n, reach):
        total[block] += own
        total[block.stop :] += later
    return total
