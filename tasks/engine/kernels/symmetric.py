"""Inner loops over tiles of a block of rows with itself and later rows: each pair is met once."""

import numpy as np
from numba import njit

from tasks.engine.kernels.coverage import NOTHING, excess


@njit(cache=True, nogil=True)
def add_excesses(tile: np.ndarray, start: int, covered: np.ndarray, total: np.ndarray) -> None:
    """Add to `total` what each row of a pair exceeds the other's coverage by.

    `covered` and `total` start at the block's first row; column b of the tile is row `start + b`.
    """
    for a in range(len(tile)):
        first = max(0, a - start)  # where the row meets itself, if it does in this tile
        if first >= tile.shape[1]:
            continue
        later = slice(start + first, start + tile.shape[1])
        total[a] += excess(tile[a, first:], covered[later])
        beyond = 1 if start + first == a else 0
        _add_above(tile[a, first + beyond :], covered[a], total[start + first + beyond :])


@njit(cache=True, nogil=True)
def _add_above(similarity: np.ndarray, level: np.float32, total: np.ndarray) -> None:
    for b in range(len(similarity)):
        total[b] += max(similarity[b] - level, NOTHING)


@njit(cache=True, nogil=True)
def keep_above(
    tile: np.ndarray,
    first_row: int,
    start: int,
    covered: np.ndarray,
    found: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> int:
    """Write (row, candidate, similarity) of what lies above a row's coverage; how many.

    Row a of the tile is row `first_row + a`, column b is row `first_row + start + b`.
    """
    one, other, value = found
    count = 0
    for a in range(len(tile)):
        i = first_row + a
        for b in range(max(0, a - start), tile.shape[1]):
            j, near = first_row + start + b, tile[a, b]
            if near > covered[i]:
                one[count], other[count], value[count] = i, j, near
                count += 1
            if i != j and near > covered[j]:
                one[count], other[count], value[count] = j, i, near
                count += 1
    return count
