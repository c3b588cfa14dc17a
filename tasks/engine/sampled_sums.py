"""Sums of similarities to a large pool: near rows one by one, the rest by moments and a sample."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.buckets import Buckets, partition
from tasks.engine.control_variate import ControlVariate
from tasks.engine.similarity import Similarity
from tasks.engine.tiles import TILE_ROWS, column_tiles, map_row_blocks

LOOKED_AT: Final = 16  # rows of a block whose error is worked out
FITTED_ROWS: Final = 64  # sampled rows whose similarities with the sample are fitted


def sampled_sums(
    rows: Float[np.ndarray, "n d"],
    similarity: Similarity,
    compared: int,
    weights: Float[np.ndarray, " n"] | None = None,
) -> tuple[Float[np.ndarray, " n"], float]:
    """Sum of each row's similarities to all rows, and the typical relative standard error.

    Rows are put into about sqrt(n) buckets, and a row is compared with about `compared` others:
    half of them all rows of the nearest buckets, half of them a sample of equal size of each other
    bucket, which stands for it (and for its weight). Only what a quadratic of the cosine leaves of
    a similarity is sampled; the quadratic's sum is exact (see `ControlVariate`). The error is the
    median over some rows, from how much the sampled rows of a bucket differ.
    Time O(n d (compared + d)); memory O(n) beside the rows.
    """
    buckets = partition(rows, round(len(rows) ** 0.5), seed=0)
    near = buckets.nearest(max(1, compared * len(buckets) // (2 * len(rows))))
    some, stands_for, of_bucket = representatives(buckets, max(2, compared // 2 // len(buckets)))
    if weights is not None:
        stands_for = _weight_stood_for(weights, buckets, some, of_bucket)
    sample = _Sample(rows[some], stands_for, of_bucket)
    control = _fitted(sample, near, similarity)
    totals, errors = control.sums(rows, weights), np.full(len(rows), np.nan)

    def look_at(part: slice) -> None:
        for bucket in range(part.start, part.stop):
            own = _rows_of(buckets, [bucket])
            close = np.sort(_rows_of(buckets, near[bucket]))
            heavy = np.ones(len(close)) if weights is None else weights[close]
            near_rows, far = rows[close], sample.without(near[bucket])
            for start in range(0, len(own), TILE_ROWS):
                these = own[start : start + TILE_ROWS]
                left = rows[these]
                for columns, tile in column_tiles(left, near_rows):
                    totals[these] += _weighted(control.rest(tile), heavy[columns])
                for columns, tile in column_tiles(left, far.rows):
                    totals[these] += _weighted(control.rest(tile), far.stands_for[columns])
                errors[these[:LOOKED_AT]] = far.error(left[:LOOKED_AT], control)

    for _ in map_row_blocks(len(buckets), look_at, size=8):
        pass
    known = np.flatnonzero(~np.isnan(errors) & (totals > 0))
    relative = errors[known] / totals[known]
    return totals, float(np.median(relative)) if len(known) else 0.0


@dataclass(frozen=True)
class _Sample:
    """Rows that stand for their buckets: for so many rows each, or for so much of their weight."""

    rows: Float[np.ndarray, "r d"]
    stands_for: Float[np.ndarray, " r"]
    of_bucket: Int[np.ndarray, " r"]

    def without(self, near: Int[np.ndarray, " m"]) -> "_Sample":
        """The rows of the other buckets."""
        far = ~np.isin(self.of_bucket, near)
        return _Sample(self.rows[far], self.stands_for[far], self.of_bucket[far])

    def error(
        self, left: Float[np.ndarray, "b d"], control: ControlVariate
    ) -> Float[np.ndarray, " b"]:
        """Standard error of the stratified estimate sum_r stands_for_r rest_br, per bucket."""
        rest = np.empty((len(left), len(self.rows)))
        for columns, tile in column_tiles(left, self.rows):
            rest[:, columns] = control.rest(tile)
        first = np.flatnonzero(np.diff(self.of_bucket, prepend=-1))
        count = np.diff(np.append(first, len(self.of_bucket)))
        if not len(first):
            return np.zeros(len(left))
        mean = np.add.reduceat(rest, first, axis=1) / count
        spread = np.maximum(np.add.reduceat(rest**2, first, axis=1) / count - mean**2, 0.0)
        size = np.add.reduceat(self.stands_for, first)
        return np.asarray(np.sqrt((spread / np.maximum(count - 1, 1)) @ size**2))


def _fitted(
    sample: _Sample, near: Int[np.ndarray, "b m"], similarity: Similarity
) -> ControlVariate:
    """The quadratic that leaves least of the similarities of sampled rows that are not near."""
    chosen = np.unique(np.linspace(0, len(sample.rows) - 1, FITTED_ROWS).astype(np.int64))
    cosines, weights = [np.zeros(0)], [np.zeros(0)]
    for row in chosen:
        far = sample.without(near[sample.of_bucket[row]])
        for columns, tile in column_tiles(sample.rows[row : row + 1], far.rows):
            cosines.append(tile[0].astype(np.float64))
            weights.append(far.stands_for[columns])
    return ControlVariate.fit(similarity, np.concatenate(cosines), np.concatenate(weights))


def _weighted(
    values: Float[np.ndarray, "b w"], weights: Float[np.ndarray, " w"]
) -> Float[np.ndarray, " b"]:
    """Values @ weights in float64, each row summed alike wherever it stands."""
    return np.asarray(np.einsum("bw,w->b", values.astype(np.float64), weights))


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
