"""Semantic duplicates: of rows whose vectors are nearly equal only the preferred one stays.

After SemDeDup (Abbas et al., 2023), with three differences: rows that were dropped drop no other
row, the order of preference is given, and rows are compared with those of the next centres as well.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int

from tasks.engine.buckets import learn_centres, nearest_centres
from tasks.engine.draws import ranks_within
from tasks.engine.edges import TILE_ROWS, Edges, Meeting, all_pairs, cut, uncovered_edges
from tasks.engine.folded import fold
from tasks.engine.products import Products, fastest_format
from tasks.engine.similarity import Similarity
from tasks.engine.tiles import map_row_blocks
from tasks.engine.visits import visited, visiting

BLOCK_ROWS: Final = 1536  # rows first compared among themselves
EXACT_ROWS: Final = 50_000  # up to which all pairs are compared
CENTRES: Final = 0.6  # times sqrt(n): more centres cost as much as rows compared at each then save
VISITED: Final = 8  # centres near a row that are thought of
FOLDED_FROM: Final = 0.93  # below it folded rows propose so many pairs that nothing is won,
FOLDED_FORMAT: Final = "fp32"  # nor where low precision makes products cheap and less sharp


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
    few before pairs are listed. Memory: at most 640 bytes a row twice, one block, the pairs found.
    """
    n = len(vectors)
    keeper = Near.none(n).keeper
    if n < 2:
        return Near.none(n)
    centres = learn_centres(vectors, int(CENTRES * n**0.5), seed=0)
    near = visited(vectors, centres, nearest_centres(vectors, centres, VISITED), threshold)
    pairs = Pairs(vectors, near, len(centres), threshold, n <= EXACT_ROWS)
    pairs.within_blocks(rank, keeper)
    inside = keeper.copy()
    _between(pairs, rank, keeper < 0, None, keeper)
    orphans = (inside >= 0) & (keeper[inside] >= 0)
    if orphans.any():
        keeper[orphans] = -1
        later = np.where(orphans, rank + n, rank)  # those that stay are preferred
        _between(pairs, later, keeper < 0, orphans, keeper)
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


class Pairs:
    """Pairs of rows to compare: all, or those that meet at each row's nearest centres `near`.

    Rows that live at one centre lie together in `order`, and are first compared block by block.
    """

    def __init__(
        self,
        vectors: Float[np.ndarray, "n d"],
        near: Int[np.ndarray, "n c"],
        centres: int,
        threshold: float,
        exact: bool,
    ):
        self.vectors, self.threshold, self.exact = vectors, threshold, exact
        self.order = np.argsort(near[:, 0], kind="stable").astype(np.int32)
        self.near = near[self.order]
        self.home = np.searchsorted(self.near[:, 0], np.arange(centres + 1))
        if threshold >= FOLDED_FROM and fastest_format() == FOLDED_FORMAT:
            self.products = Products(fold(vectors, self.order))
        else:
            self.products = Products(vectors, self.order)

    def within_blocks(self, rank: Int[np.ndarray, " n"], keeper: Int[np.ndarray, " n"]) -> None:
        """Raise `keeper` of rows that give way to another of their block."""
        from tasks.engine.kernels.leaders import leaders, mark_alike

        homes = zip(self.home[:-1].tolist(), self.home[1:].tolist(), strict=True)
        blocks = [block for start, stop in homes for block in cut(start, stop, BLOCK_ROWS)]
        limit = int(self.products.at_least(np.array(self.threshold, dtype=np.float32)))

        def compare(which: slice) -> None:
            block = blocks[which.start]
            rows = self.order[block]
            near = np.zeros((len(rows), len(rows)), dtype=np.bool_)
            for part in cut(block.start, block.stop, TILE_ROWS):
                codes = self.products.tile(part, slice(part.start, block.stop))
                first = part.start - block.start
                mark_alike(
                    codes, limit, self.vectors, rows, first, np.float32(self.threshold), near
                )
            found = leaders(near, np.argsort(rank[rows]))
            keeper[rows] = np.where(found >= 0, rows[found], -1)

        for _ in map_row_blocks(len(blocks), compare, size=1):
            pass

    def alike(self, some: Bool[np.ndarray, " n"], asks: Bool[np.ndarray, " n"] | None) -> Edges:
        """Pairs of `some` rows that are similar enough, at least one of which asks (None: all)."""
        kept = np.flatnonzero(some[self.order])
        asking = None if asks is None else asks[self.order[kept]]
        if self.exact:
            meetings = all_pairs(len(kept), asking)
        else:
            meetings = visiting(self.near[kept], np.diff(self.home) > BLOCK_ROWS, asking)
        placed = [
            Meeting(kept[each.rows], tuple(kept[columns] for columns in each.columns))
            for each in meetings
        ]
        below = np.nextafter(np.float32(self.threshold), np.float32(-1.0))
        covered = np.full(len(self.vectors), below, dtype=np.float32)
        return uncovered_edges(
            self.vectors, Similarity(), covered, placed, self.products, self.order, rare=True
        )


def _between(
    pairs: Pairs, rank: np.ndarray, some: np.ndarray, asks: np.ndarray | None, keeper: np.ndarray
) -> None:
    """Compare `some` rows; raise `keeper` of those that give way."""
    from tasks.engine.kernels.leaders import give_way

    edges = pairs.alike(some, asks)
    rows = np.flatnonzero(some if asks is None else asks)
    give_way(rows[np.argsort(rank[rows])], rank, edges.arrays, keeper)


def _cosines(vectors: np.ndarray, keeper: np.ndarray) -> Float[np.ndarray, " n"]:
    from tasks.engine.kernels.edges import pairwise

    every = np.arange(len(vectors), dtype=np.int64)
    return np.asarray(pairwise(vectors, every, keeper, np.float32(0.0)), dtype=np.float64)
