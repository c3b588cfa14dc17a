"""Cosines of pairs of rows, and the best of a row's candidates by them."""

import numpy as np
from numba import njit

from tasks.engine.kernels.largest import keep_largest_keys, key_of, position_of

EITHER_ORDER = {"reassoc", "contract"}  # lets the processor add several products at a time


@njit(cache=True, nogil=True, fastmath=EITHER_ORDER)
def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Inner product of two float32 rows, summed in float64 and rounded to float32.

    Products of float32 numbers are exact in float64, and the sum's error is some 1e-15: the
    result is the same in any order of summing, but for sums that near the middle of two float32.
    """
    total = 0.0
    for t in range(len(one)):
        total += np.float64(one[t]) * np.float64(other[t])
    return np.float32(total)  # type: ignore[return-value]


@njit(cache=True, nogil=True)
def float_code(value: float) -> int:
    """A whole number that orders as float32 numbers do."""
    bits = np.int64(np.float32(value).view(np.int32))
    return int(bits ^ 0x7FFFFFFF if bits < 0 else bits)


@njit(cache=True, nogil=True)
def code_float(code: int) -> float:
    """The float32 number of a code."""
    bits = np.int32(code ^ 0x7FFFFFFF if code < 0 else code)
    return bits.view(np.float32)  # type: ignore[return-value]


@njit(cache=True, nogil=True)
def rank_by_cosine(
    vectors: np.ndarray,
    rows: np.ndarray,
    candidates: np.ndarray,
    index: np.ndarray,
    cosines: np.ndarray,
) -> None:
    """The best candidates of each row by (-cosine, index), with their cosines.

    `candidates` (m, c) are row numbers, -1 for none; `index`, `cosines` (m, k), k <= c, come
    filled with -1 and -inf.
    """
    keys = np.empty(candidates.shape[1], dtype=np.int64)
    for i in range(len(rows)):
        one = vectors[rows[i]]
        held = 0
        for t in range(candidates.shape[1]):
            if candidates[i, t] >= 0:
                value = cosine(one, vectors[candidates[i, t]])
                keys[held] = key_of(float_code(value + 0.0), candidates[i, t])
                held += 1
        ordered = np.sort(keys[:held])
        for t in range(min(held, index.shape[1])):
            index[i, t] = position_of(ordered[held - 1 - t])
            cosines[i, t] = code_float(ordered[held - 1 - t] >> 32)


@njit(cache=True, nogil=True)
def rank_all(vectors: np.ndarray, row: int, index: np.ndarray, cosines: np.ndarray) -> None:
    """The best of all other rows for one row, pair by pair, into `index` and `cosines` (k)."""
    keys = np.empty(len(vectors) - 1, dtype=np.int64)
    for j in range(len(vectors)):
        if j != row:
            code = float_code(cosine(vectors[row], vectors[j]) + 0.0)
            keys[j - (j > row)] = key_of(code, j)
    held = min(len(index), len(keys))
    if held < len(keys):
        keep_largest_keys(keys, len(keys), held)
    ordered = np.sort(keys[:held])
    for t in range(held):
        index[t] = position_of(ordered[held - 1 - t])
        cosines[t] = code_float(ordered[held - 1 - t] >> 32)
