"""How similar each row is to the pool on average: exact by all pairs, or near rows and a sample.

For a pool of n rows m(x) = (1 / n) sum_y s(x, y): density, the mean embedding of a kernel at x,
and 1 / n of the first gain of every coverage objective.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.buckets import Buckets, partition
from tasks.engine.similarity import Similarity
from tasks.engine.tiles import TILE_COLUMNS, TILE_ROWS, column_tiles, map_row_blocks

EXACT_ROWS: Final = 65_536  # rows that each row is compared with at most: some 15 s for 50,000
LOOKED_AT: Final = 16  # rows of a block whose error is worked out
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

    Up to `exact_rows` rows by all pairs, each product used for both its rows. Beyond, rows are
    put into about sqrt(n) buckets and a row is compared with about `exact_rows` others: half of
    them all rows of the nearest buckets, half of them a sample of equal size of each other bucket,
    which stands for it (and for its weight). The error is estimated from how much the sampled rows
    of a bucket differ. Many, because herding picks what was overestimated: to gain from k picks the
    error must be small beside 1 / k. Time O(n d exact_rows); memory O(n) beside the rows.
    """
    n = len(rows)
    if n <= exact_rows:
        total = _all_pairs(rows, similarity, weights)
        return MeanSimilarity(np.round(total / max(1, n), DIGITS), weights=weights)
    buckets = partition(rows, round(n**0.5), seed=0)
    near = max(1, exact_rows * len(buckets) // (2 * n))
    sampled = max(2, exact_rows // 2 // len(buckets))
    return _near_and_sample(rows, similarity, buckets, near, sampled, weights)


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


def representatives(
    buckets: Buckets, count: int
) -> tuple[Int[np.ndarray, " r"], Float[np.ndarray, " r"], Int[np.ndarray, " r"]]:
    """Up to `count` rows of each bucket, evenly over its order; the rows each stands for; bucket.

    Rows of a bucket lie in order of their index, which says nothing of what they hold.
    """
    size = np.diff(buckets.starts)
    taken = np.minimum(count, size)
    bucket = np.repeat(np.arange(len(size)), taken)
    place = np.arange(len(bucket)) - np.repeat(np.cumsum(taken) - taken, taken)
    offset = (2 * place + 1) * size[bucket] // (2 * taken[bucket])
    return buckets.order[buckets.starts[bucket] + offset], size[bucket] / taken[bucket], bucket


def _near_and_sample(
    rows: np.ndarray,
    similarity: Similarity,
    buckets: Buckets,
    near_buckets: int,
    sampled: int,
    weights: np.ndarray | None,
) -> MeanSimilarity:
    some, stands_for, of_bucket = representatives(buckets, sampled)
    if weights is not None:
        stands_for = _weight_stood_for(weights, buckets, some, of_bucket)
    far_rows, near = rows[some], buckets.nearest(near_buckets)
    totals, errors = np.empty(len(rows)), np.full(len(rows), np.nan)

    def look(bucket: int) -> None:
        own = _rows_of(buckets, [bucket])
        close = np.sort(_rows_of(buckets, near[bucket]))
        heavy, close_rows = None if weights is None else weights[close], rows[close]
        weight = np.where(np.isin(of_bucket, near[bucket]), 0.0, stands_for)
        for start in range(0, len(own), TILE_ROWS):
            these = own[start : start + TILE_ROWS]
            total = np.zeros(len(these))
            for part, tile in column_tiles(rows[these], close_rows):
                of_part = None if heavy is None else heavy[part]
                total += _summed(similarity.of(tile), of_part, 1)
            far = np.empty((min(LOOKED_AT, len(these)), len(far_rows)))
            for part, tile in column_tiles(rows[these], far_rows):
                values = similarity.of(tile).astype(np.float64)
                total += values @ weight[part]
                far[:, part] = values[:LOOKED_AT]
            totals[these] = total
            errors[these[:LOOKED_AT]] = _error(far, weight, of_bucket)

    def look_at(part: slice) -> None:
        for bucket in range(part.start, part.stop):
            look(bucket)

    for _ in map_row_blocks(len(buckets), look_at, size=8):
        pass
    known = np.flatnonzero(~np.isnan(errors) & (totals > 0))
    relative = errors[known] / totals[known]
    error = float(np.median(relative)) if len(known) else 0.0
    return MeanSimilarity(np.round(totals / len(rows), DIGITS), error, weights)


def _weight_stood_for(
    weights: np.ndarray,
    buckets: Buckets,
    some: Int[np.ndarray, " r"],
    of_bucket: Int[np.ndarray, " r"],
) -> Float[np.ndarray, " r"]:
    """The weight of a bucket's rows, shared out among its sampled rows by their own weights."""
    whole = np.add.reduceat(weights[buckets.order], buckets.starts[:-1])
    sampled = np.bincount(of_bucket, weights=weights[some], minlength=len(whole))
    return np.asarray(weights[some] * (whole / sampled)[of_bucket])


def _rows_of(buckets: Buckets, some: Iterable[int]) -> Int[np.ndarray, " m"]:
    return np.concatenate([buckets.order[buckets.starts[b] : buckets.starts[b + 1]] for b in some])


def _error(
    far: Float[np.ndarray, "b r"], weight: Float[np.ndarray, " r"], of_bucket: Int[np.ndarray, " r"]
) -> Float[np.ndarray, " b"]:
    """Standard error of the stratified estimate sum_r weight_r far_br, strata being the buckets."""
    first = np.flatnonzero(np.diff(of_bucket, prepend=-1))
    count = np.diff(np.append(first, len(of_bucket)))
    mean = np.add.reduceat(far, first, axis=1) / count
    spread = np.maximum(np.add.reduceat(far**2, first, axis=1) / count - mean**2, 0.0)
    size = np.add.reduceat(weight, first)
    return np.asarray(np.sqrt((spread / np.maximum(count - 1, 1)) @ size**2))
