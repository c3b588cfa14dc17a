"""Exact nearest neighbours: some rows asked for against all rows, in float32."""

from typing import Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.largest import LOWEST, Largest
from tasks.engine.tiles import TILE_ROWS, column_tiles, map_row_blocks

SPARE: Final = 16  # candidates kept beyond k: products within rounding of the last may tie
HIGHEST: Final = np.int32(2**31 - 1)


def exact_neighbours(
    vectors: Float[np.ndarray, "n d"], rows: Int[np.ndarray, " m"], k: int, settle: bool = True
) -> tuple[Int[np.ndarray, "m k"], Float[np.ndarray, "m k"]]:
    """The k nearest other rows of each of `rows`, by (-cosine, index), and their cosines.

    -1 and -inf where there are fewer. Candidates come from blocked products; with `settle`, a row
    whose last candidate is within rounding of the k-th is searched again pair by pair (without
    it, which of such rows are returned may differ). O(m n d) time, O(m k) memory.
    """
    index = np.full((len(rows), k), -1, dtype=np.int32)
    cosines = np.full((len(rows), k), -np.inf, dtype=np.float32)

    def search(block: slice) -> None:
        from tasks.engine.kernels.cosines import rank_all, rank_by_cosine

        candidates, last = _candidates(vectors, rows[block], k + SPARE)
        rank_by_cosine(vectors, rows[block], candidates, index[block], cosines[block])
        rounding = vectors.shape[1] * 2.0**-23
        open_ones = (last > LOWEST) & (cosines[block, k - 1] <= _float_of(last) + rounding)
        for line in np.flatnonzero(open_ones & settle) + block.start:
            rank_all(vectors, rows[line], index[line], cosines[line])

    for _ in map_row_blocks(len(rows), search, TILE_ROWS):
        pass
    return index, cosines


def _candidates(
    vectors: np.ndarray, rows: np.ndarray, keep: int
) -> tuple[Int[np.ndarray, "b keep"], Int[np.ndarray, " b"]]:
    """Per row the columns of largest product, and the least code kept (LOWEST: all are kept)."""
    from tasks.engine.kernels.codes import order_bits

    largest = Largest(len(rows), keep)
    for columns, tile in column_tiles(np.asarray(vectors[rows]), vectors):
        codes = np.ascontiguousarray(tile).view(np.int32)
        order_bits(codes, HIGHEST, HIGHEST)
        largest.offer(codes, codes.shape[1], np.arange(len(rows)), rows, columns.start)
    candidates = largest.positions()
    return candidates, largest.last(candidates)


def _float_of(codes: Int[np.ndarray, " b"]) -> Float[np.ndarray, " b"]:
    bits = codes.astype(np.int32)
    return (bits ^ np.where(bits < 0, HIGHEST, np.int32(0))).view(np.float32)
