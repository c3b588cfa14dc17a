"""Loops over codes: whole numbers that order as the products they stand for."""

import numpy as np
from numba import njit

PEAK = np.float32(127)


@njit(cache=True, nogil=True)
def order_bits(tile: np.ndarray, below_sign: np.integer, most: np.integer) -> None:
    """Turn the bits of floats, read as integers, into integers that order as the floats do.

    In place. `below_sign` has all bits but the sign's; what exceeds `most` becomes `most`. Both
    are of the tile's type: wider numbers would cost three times the time.
    """
    rows, columns = tile.shape
    for i in range(rows):
        row = tile[i]
        for j in range(columns):
            bits = row[j]
            row[j] = min(bits ^ (below_sign if bits < 0 else 0), most)


@njit(cache=True, nogil=True)
def round_to_steps(rows: np.ndarray, steps: np.ndarray, coded: np.ndarray) -> float:
    """Rows as 8-bit numbers of each row's step; returns the longest error of a row.

    Numbers beyond 127 steps become 127 steps.
    """
    worst = 0.0
    for i in range(len(rows)):
        error = 0.0
        step = steps[i]
        for t in range(rows.shape[1]):
            units = min(max(np.rint(rows[i, t] / step), -PEAK), PEAK)
            coded[i, t] = np.int8(units)
            error += (rows[i, t] - units * step) ** 2
        worst = max(worst, error)
    return float(np.sqrt(worst))


@njit(cache=True, nogil=True)
def any_at_least(codes: np.ndarray, least: int) -> bool:
    """Whether one of the codes reaches `least`, which must be a number of their type.

    Written so that it runs 64 codes at a time.
    """
    found = np.uint8(0)
    limit = codes.dtype.type(least)
    for j in range(len(codes)):
        found |= np.uint8(codes[j] >= limit)
    return bool(found != 0)


@njit(cache=True, nogil=True)
def add_rows(rows: np.ndarray, label: np.ndarray, total: np.ndarray) -> None:
    """Add each row to `total[label]` (float64), in order of the rows."""
    for i in range(len(rows)):
        sums = total[label[i]]
        for t in range(rows.shape[1]):
            sums[t] += rows[i, t]
