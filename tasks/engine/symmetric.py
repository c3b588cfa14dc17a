"""Passes over all pairs of rows, each pair looked at once: s_ij is s_ji, so half the products do.

Similarities are those of `tiles`: the bits that columns have too.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from tasks.engine.edges import Edges, by_candidate
from tasks.engine.similarity import Similarity
from tasks.engine.tiles import TILE_COLUMNS, TILE_ROWS, column_tiles, map_row_blocks


def total_excess(
    vectors: Float[np.ndarray, "n d"], similarity: Similarity, covered: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """sum_i max(0, s_ij - covered_i) for every row j, float64. O(n^2 d / 2) time, O(n) memory."""
    from tasks.engine.kernels.symmetric import add_excesses

    n = len(vectors)

    def reach(rows: slice) -> tuple[slice, np.ndarray]:
        total = np.zeros(n - rows.start)  # of this block's rows and of all later ones
        for start, tile in _later_tiles(vectors, similarity, rows):
            add_excesses(tile, start, covered[rows.start :], total)
        return rows, total

    reached = np.zeros(n)
    for rows, total in map_row_blocks(n, reach):
        reached[rows.start :] += total
    return reached


def exact_edges(
    vectors: Float[np.ndarray, "n d"], similarity: Similarity, covered: Float[np.ndarray, " n"]
) -> Edges:
    """Every edge i <- j with s_ij > covered_i. O(n^2 d / 2) time, 20 bytes per edge at most."""
    from tasks.engine.kernels.symmetric import keep_above

    def collect(rows: slice) -> tuple[np.ndarray, ...]:
        parts, room = [], 2 * TILE_ROWS * TILE_COLUMNS
        found = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.float32)
        for start, tile in _later_tiles(vectors, similarity, rows):
            count = keep_above(tile, rows.start, start, covered, found)
            parts.append([array[:count].copy() for array in found])
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))

    return by_candidate(list(map_row_blocks(len(vectors), collect)), len(vectors))


def _later_tiles(
    vectors: np.ndarray, similarity: Similarity, rows: slice
) -> Iterator[tuple[int, np.ndarray]]:
    """Similarities of a block of rows to itself and to all later rows: (place after its first)."""
    for part, tile in column_tiles(vectors[rows], vectors[rows.start :]):
        yield part.start, similarity.of(tile)
