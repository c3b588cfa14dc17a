"""Inner products of float32 rows whose bits are a function of the two rows alone.

A library's matrix product adds the terms of an entry in an order that depends on the entry's place
in the matrix, on the matrix's shape and on the processor, so that equal rows can have unequal
products. Here each entry is summed in float32 from the first dimension to the last, each product
and each sum rounded (no fused operations), which is the same everywhere.
"""

from typing import Final

import numpy as np
from numba import njit

WIDTH: Final = 512  # right rows laid out at a time: with d = 384 some 0.8 MB, near a core's cache
HEIGHT: Final = 16  # left rows that meet a part of them before the next part is read
STEP: Final = 8  # dimensions added while a sum stays in a register
SMALL: Final = 16  # dimensions of a row that are one line of cache


@njit(cache=True, nogil=True)
def multiply(left: np.ndarray, right: np.ndarray, out: np.ndarray) -> None:
    """out[i, j] = sum_t left[i, t] right[j, t] for float32 (b, d) and (w, d) into (b, w)."""
    d = left.shape[1]
    turned = np.empty((d, WIDTH), dtype=np.float32)
    for start in range(0, len(right), WIDTH):
        stop = min(start + WIDTH, len(right))
        _turn(right[start:stop], turned)
        for low in range(0, len(left), HEIGHT):
            rows = range(low, min(low + HEIGHT, len(left)))
            for i in rows:
                out[i, start:stop] = np.float32(0)
            for t in range(0, d - d % STEP, STEP):
                for i in rows:
                    _add_step(out[i, start:stop], turned[t : t + STEP], left[i, t : t + STEP])
            for t in range(d - d % STEP, d):
                for i in rows:
                    _add_one(out[i, start:stop], turned[t], left[i, t])


@njit(cache=True, nogil=True)
def _turn(rows: np.ndarray, turned: np.ndarray) -> None:
    """turned[t, j] = rows[j, t], a line of cache at a time."""
    d = rows.shape[1]
    for low in range(0, d, SMALL):
        for j in range(len(rows)):
            for t in range(low, min(low + SMALL, d)):
                turned[t, j] = rows[j, t]


@njit(cache=True, nogil=True)
def _add_step(sums: np.ndarray, turned: np.ndarray, one: np.ndarray) -> None:
    """Add STEP products to each sum, one after another."""
    a0, a1, a2, a3, a4, a5, a6, a7 = one[0], one[1], one[2], one[3], one[4], one[5], one[6], one[7]
    t0, t1, t2, t3 = turned[0], turned[1], turned[2], turned[3]
    t4, t5, t6, t7 = turned[4], turned[5], turned[6], turned[7]
    for j in range(len(sums)):
        total = sums[j]
        total += a0 * t0[j]
        total += a1 * t1[j]
        total += a2 * t2[j]
        total += a3 * t3[j]
        total += a4 * t4[j]
        total += a5 * t5[j]
        total += a6 * t6[j]
        total += a7 * t7[j]
        sums[j] = total


@njit(cache=True, nogil=True)
def _add_one(sums: np.ndarray, turned: np.ndarray, one: float) -> None:
    for j in range(len(sums)):
        sums[j] += one * turned[j]
