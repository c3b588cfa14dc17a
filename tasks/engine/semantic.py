"""Semantic duplicates: of rows whose vectors are nearly equal only the preferred one stays.

After SemDeDup (Abbas et al., 2023), with three differences: rows that were dropped drop no other
row, the order of preference is given, and pairs of neighbouring buckets are compared as well.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int

from tasks.engine.buckets import Buckets, partition
from tasks.engine.draws import ranks_within
from tasks.engine.edges import near_pairs, uncovered_edges
from tasks.engine.near import BUCKET_ROWS, PROBES
from tasks.engine.products import Products
from tasks.engine.similarity import Similarity
from tasks.engine.tiles import column_tiles, map_row_blocks

BLOCK_ROWS: Final = 1536  # rows first compared among themselves
EXACT_ROWS: Final = 50_000  # up to which all pairs are compared


@dataclass(frozen=True)
class Near:
    """For each row the row that it gives way to (-1: it stays) and their cosine (NaN)."""

    keeper: Int[np.ndarray, " n"]
    cosine: Float[np.ndarray, " n"]

    @classmethod
    def none(cls, n: int) -> "Near":
        """Every row stays."""
        return cls(np.full(n, -1, dtype=np.int64), np.full(n, np.nan))


def drop_near(
    vectors: Float[np.ndarray, "n d"], rank: Int[np.ndarray, " n"], threshold: float
) -> Near:
    """Who gives way at this cosine; `rank` 0 is the most preferred row.

    Every dropped row is at least `threshold` similar to its keeper, which stays. No two rows that
    stay are, if all pairs were compared (up to 50,000 rows); beyond, pairs in far buckets may be
    missed. Rows are compared in blocks first, so that a large family of near copies shrinks to a
    few before pairs are listed. Memory: one byte per number, one block, the pairs found.
    """
    n = len(vectors)
    keeper = Near.none(n).keeper
    if n < 2:
        return Near.none(n)
    buckets = partition(vectors, max(1, n // BUCKET_ROWS), seed=0)
    probes = len(buckets) if n <= EXACT_ROWS else PROBES
    _within_blocks(vectors, rank, threshold, buckets, keeper)
    inside = keeper.copy()
    _between(vectors, rank, threshold, buckets, probes, keeper < 0, keeper)
    orphans = (inside >= 0) & (keeper[inside] >= 0)
    if orphans.any():
        keeper[orphans] = -1
        stays = keeper < 0
        later = np.where(orphans, rank + n, rank)  # those that stay are preferred
        _between(vectors, later, threshold, buckets, probes, stays, keeper)
    return Near(keeper, _cosines(vectors, keeper))


def spare(
    near: Near, rank: Int[np.ndarray, " n"], source: Int[np.ndarray, " n"], share: float
) -> Near:
    """Let the most preferred dropped rows stay where a source would keep less than this share."""
    if not len(rank):
        return near
    size, dropped = np.bincount(source), np.flatnonzero(near.keeper >= 0)
    left = size - np.bincount(source[dropped], minlength=len(size))
    lacks = np.maximum(np.ceil(share * size - 1e-9).astype(np.int64) - left, 0)
    place = ranks_within(rank[dropped].astype(np.float64), source[dropped])
    spared = dropped[place < lacks[source[dropped]]]
    keeper, cosine = near.keeper.copy(), near.cosine.copy()
    keeper[spared], cosine[spared] = -1, np.nan
    return Near(keeper, cosine)


def _within_blocks(
    vectors: np.ndarray, rank: np.ndarray, threshold: float, buckets: Buckets, keeper: np.ndarray
) -> None:
    from tasks.engine.kernels.leaders import leaders

    blocks = [
        buckets.order[low : min(low + BLOCK_ROWS, stop)]
        for start, stop in zip(buckets.starts[:-1], buckets.starts[1:], strict=True)
        for low in range(start, stop, BLOCK_ROWS)
    ]

    def compare(which: slice) -> None:
        rows = blocks[which.start]
        some = vectors[rows]
        near = np.empty((len(rows), len(rows)), dtype=np.float32)
        for low in range(0, len(rows), 512):
            for part, tile in column_tiles(some[low : low + 512], some):
                near[low : low + 512, part] = tile
        found = leaders(near, np.argsort(rank[rows]), np.float32(threshold))
        keeper[rows] = np.where(found >= 0, rows[found], -1)

    for _ in map_row_blocks(len(blocks), compare, size=1):
        pass


def _between(
    vectors: np.ndarray, rank: np.ndarray, threshold: float, buckets: Buckets, probes: int,
    some: Bool[np.ndarray, " n"], keeper: np.ndarray,
) -> None:  # fmt: skip
    """Compare `some` rows in neighbouring buckets; raise `keeper` of those that give way."""
    from tasks.engine.kernels.leaders import give_way

    part = _restrict(buckets, some)
    below = np.nextafter(np.float32(threshold), np.float32(-1.0))
    products = Products(vectors, part.order)
    edges = uncovered_edges(
        vectors, Similarity(), np.full(len(vectors), below, dtype=np.float32),
        near_pairs(part, probes), products, part.order,
    )  # fmt: skip
    rows = np.flatnonzero(some)
    give_way(rows[np.argsort(rank[rows])], rank, edges.arrays, keeper)


def _restrict(buckets: Buckets, some: Bool[np.ndarray, " n"]) -> Buckets:
    """The same buckets with only some of their rows; a bucket may be empty."""
    stays = some[buckets.order]
    starts = np.concatenate([[0], np.cumsum(stays)])[buckets.starts]
    return replace(buckets, order=buckets.order[stays], starts=starts)


def _cosines(vectors: np.ndarray, keeper: np.ndarray) -> Float[np.ndarray, " n"]:
    from tasks.engine.kernels.edges import pairwise

    every = np.arange(len(vectors), dtype=np.int64)
    return np.asarray(pairwise(vectors, every, keeper, np.float32(0.0)), dtype=np.float64)
