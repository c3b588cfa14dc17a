"""The similarities that can still matter: those above what already covers a row.

Coverage only grows, so a pair with similarity at most the row's coverage can never add to a gain:
leaving it out loses nothing, and after some picks few pairs are left.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int

from tasks.engine.buckets import Buckets
from tasks.engine.products import Products
from tasks.engine.similarity import Similarity
from tasks.engine.tiles import map_row_blocks

TILE_ROWS: Final = 512
TILE_COLUMNS: Final = 2048
NEVER: Final = 2.0  # a coverage that no similarity exceeds: the row need not be covered


@dataclass(frozen=True)
class Edges:
    """Similarity of candidate j to the rows it may still cover better, in order of row.

    Those of j are `rows[indptr[j]:indptr[j + 1]]`, with `similarity` likewise. 8 bytes per edge.
    """

    indptr: Int[np.ndarray, " n_plus_1"]
    rows: Int[np.ndarray, " e"]
    similarity: Float[np.ndarray, " e"]

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What the kernels take."""
        return self.indptr, self.rows, self.similarity


@dataclass(frozen=True)
class Meeting:
    """Positions whose rows meet the rows at other positions: slices, or lists in rising order."""

    rows: slice | Int[np.ndarray, " b"]
    columns: tuple[slice | Int[np.ndarray, " w"], ...]


def all_pairs(n: int, asks: Bool[np.ndarray, " n"] | None = None) -> list[Meeting]:
    """Every pair of n rows, and every row with itself; or all pairs of rows that ask with any."""
    if asks is None:
        return [
            Meeting(block, tuple(cut(block.start, n, TILE_COLUMNS)))
            for block in cut(0, n, TILE_ROWS)
        ]
    asking, columns = np.flatnonzero(asks), tuple(cut(0, n, TILE_COLUMNS))
    return [Meeting(asking[part], columns) for part in cut(0, len(asking), TILE_ROWS)]


def neighbouring(buckets: Buckets, probes: int) -> list[list[int]]:
    """For each bucket those that are among its `probes` nearest or it among theirs, and itself."""
    near: list[set[int]] = [{bucket} for bucket in range(len(buckets))]
    for one, others in enumerate(buckets.nearest(probes).tolist()):
        for other in others:
            near[one].add(other)
            near[other].add(one)
    return [sorted(others) for others in near]


def near_pairs(buckets: Buckets, probes: int) -> list[Meeting]:
    """Pairs of rows in one bucket or in `neighbouring` ones."""
    meetings = []
    for one, others in enumerate(neighbouring(buckets, probes)):
        start, stop = buckets.starts[one : one + 2].tolist()
        away = [
            part
            for other in others
            if other < one
            for part in cut(
                int(buckets.starts[other]), int(buckets.starts[other + 1]), TILE_COLUMNS
            )
        ]
        meetings += [
            Meeting(block, (*cut(block.start, stop, TILE_COLUMNS), *away))
            for block in cut(start, stop, TILE_ROWS)
        ]
    return meetings


def cut(start: int, stop: int, size: int) -> Iterator[slice]:
    """Consecutive slices of at most `size`."""
    return (slice(low, min(low + size, stop)) for low in range(start, stop, size))


def uncovered_edges(
    vectors: Float[np.ndarray, "n d"],
    similarity: Similarity,
    covered: Float[np.ndarray, " n"],
    meetings: list[Meeting],
    products: Products,
    order: Int[np.ndarray, " n"],
    rare: bool = False,
) -> Edges:
    """Edges i <- j with similarity(i, j) > covered_i among pairs that meet, at O(d) per pair.

    `products` proposes pairs of positions in `order`; the exact similarity of the two rows, which
    depends on nothing else, decides. `covered` must come from the same exact similarities, so that
    equal rows do not keep each other. Unless proposals are `rare`, `products` is of these rows.
    """
    from tasks.engine.kernels.edges import keep_edges

    limit = products.at_least(similarity.cosine_of(covered))[order]
    width = np.float32(similarity.width)

    def held(places: slice | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the rows are read: they should lie together in memory if they are read often."""
        if rare:
            return vectors, order[places].astype(np.int64)
        if (whole := products.whole) is not None:
            return whole, np.r_[places].astype(np.int64)
        some = vectors[order[places]]
        return some, np.arange(len(some))

    def collect(which: slice) -> tuple[np.ndarray, ...]:
        meeting, parts = meetings[which.start], []
        room = 2 * TILE_ROWS * TILE_COLUMNS
        found = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.float32)
        rows = meeting.rows
        left = held(rows)
        for columns in meeting.columns:
            count = keep_edges(
                products.tile(rows, columns), left, held(columns), order[rows],
                order[columns], (limit[rows], limit[columns]), _half(rows, columns), covered,
                width, found,
            )  # fmt: skip
            parts.append([array[:count].copy() for array in found])
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))

    return by_candidate(list(map_row_blocks(len(meetings), collect, size=1)), len(vectors))


def _half(rows: slice | np.ndarray, columns: slice | np.ndarray) -> int:
    """How far columns lie after rows, so that each pair inside a block is looked at once.

    Where they are not slices of one run that overlap, every cell counts.
    """
    if isinstance(rows, slice) and isinstance(columns, slice):
        apart = columns.stop <= rows.start or columns.start >= rows.stop
        return TILE_ROWS if apart else columns.start - rows.start
    return TILE_ROWS


def by_candidate(parts: list[tuple[np.ndarray, ...]], n: int) -> Edges:
    """Sort (row, candidate, similarity) by candidate, then by row; `parts` is emptied."""
    from tasks.engine.kernels.edges import scatter, sort_by_row

    indptr = np.zeros(n + 1, dtype=np.int64)
    for _, candidate, _ in parts:
        indptr[1:] += np.bincount(candidate, minlength=n)
    np.cumsum(indptr, out=indptr)
    edges = Edges(indptr, np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32))
    place = indptr[:-1].copy()
    parts.reverse()
    while parts:
        scatter(*parts.pop(), place, edges.rows, edges.similarity)
    sort_by_row(*edges.arrays)
    return edges
