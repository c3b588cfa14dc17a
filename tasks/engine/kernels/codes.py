"""Loops over a tile of codes (numbers that order as the products they stand for)."""

import numpy as np
from numba import njit

ONE = 0x3F80  # the bits of 1.0 in bfloat16


@njit(cache=True, nogil=True)
def order_bits(tile: np.ndarray) -> None:
    """Turn bfloat16 bits, read as int16, into integers that order as the numbers do; in place.

    What is above 1 becomes 1: the true product of two unit rows is not above it.
    """
    rows, columns = tile.shape
    for i in range(rows):
        for j in range(columns):
            bits = tile[i, j]
            tile[i, j] = min(bits ^ ((bits >> 15) & 0x7FFF), ONE)


@njit(cache=True, nogil=True)
def round_to_steps(rows: np.ndarray, steps: np.ndarray, coded: np.ndarray) -> float:
    """Rows as 8-bit numbers of each row's step; returns the longest rounding error of a row."""
    worst = 0.0
    for i in range(len(rows)):
        error = 0.0
        step = steps[i]
        for t in range(rows.shape[1]):
            units = np.rint(rows[i, t] / step)
            coded[i, t] = np.int8(units)
            error += (rows[i, t] - units * step) ** 2
        worst = max(worst, error)
    return float(np.sqrt(worst))


@njit(cache=True, nogil=True)
def largest_of_rows(tile: np.ndarray, where: np.ndarray) -> None:
    """Column of each row's largest code (the lower column on ties), into `where`."""
    rows, columns = tile.shape
    for i in range(rows):
        row = tile[i]
        best = row[0]
        for j in range(columns):
            best = max(best, row[j])
        for j in range(columns):
            if row[j] == best:
                where[i] = j
                break


@njit(cache=True, nogil=True)
def add_rows(rows: np.ndarray, label: np.ndarray, total: np.ndarray) -> None:
    """Add each row to `total[label]` (float64), in order of the rows."""
    for i in range(len(rows)):
        sums = total[label[i]]
        for t in range(rows.shape[1]):
            sums[t] += rows[i, t]
