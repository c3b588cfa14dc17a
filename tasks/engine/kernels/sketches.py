"""Loops over sets of hashed n-grams: MinHash band keys and sizes of intersections."""

import numpy as np
from numba import njit

MOST = np.uint32(0xFFFFFFFF)


@njit(inline="always")
def _mixed(value: np.uint32) -> np.uint32:
    """The 32-bit finaliser of MurmurHash3 (Appleby, 2011): a bijection that spreads every bit."""
    value ^= value >> np.uint32(16)
    value = np.uint32(value * np.uint32(0x85EBCA6B))
    value ^= value >> np.uint32(13)
    value = np.uint32(value * np.uint32(0xC2B2AE35))
    return np.uint32(value ^ (value >> np.uint32(16)))


@njit(cache=True, nogil=True)
def signatures(
    hashes: np.ndarray, offsets: np.ndarray, slope: np.ndarray, shift: np.ndarray
) -> np.ndarray:
    """(rows, permutations) uint32: the least slope * mixed(h) + shift (mod 2^32) over each row.

    `hashes` is flat uint64, of which the upper 32 bits count; row i has the slice offsets[i] to
    offsets[i + 1]. A row without hashes has the largest value everywhere.
    """
    found = np.full((len(offsets) - 1, len(slope)), MOST, dtype=np.uint32)
    for row in range(len(found)):
        least = found[row]
        for place in range(offsets[row], offsets[row + 1]):
            mixed = _mixed(np.uint32(hashes[place] >> np.uint64(32)))
            for p in range(len(slope)):
                value = np.uint32(slope[p] * mixed + shift[p])
                least[p] = min(least[p], value)
    return found


@njit(cache=True, nogil=True)
def shared_counts(hashes: np.ndarray, offsets: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """(m,) int64: how many hashes the two rows of each pair have in common; rows are sorted."""
    counts = np.zeros(len(pairs), dtype=np.int64)
    for place in range(len(pairs)):
        a, b = offsets[pairs[place, 0]], offsets[pairs[place, 1]]
        a_end, b_end = offsets[pairs[place, 0] + 1], offsets[pairs[place, 1] + 1]
        while a < a_end and b < b_end:
            if hashes[a] == hashes[b]:
                counts[place] += 1
                a += 1
                b += 1
            elif hashes[a] < hashes[b]:
                a += 1
            else:
                b += 1
    return counts
