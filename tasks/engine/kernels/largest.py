"""The largest codes of many rows, kept while tiles of codes pass by.

A row keeps keys: the code in the upper half of 64 bits, the complement of the column's position
in the lower, so that a larger key is a larger code or, on ties, a lower position. Keys are unique,
and what is kept at the end does not depend on the order in which tiles come.
"""

import numpy as np
from numba import njit

from tasks.engine.kernels.codes import any_at_least

LOWER = 0xFFFFFFFF
SPAN = 64  # codes looked at together


@njit(cache=True, nogil=True)
def key_of(code: int, position: int) -> int:
    """Key of a code at a position."""
    return int((np.int64(code) << 32) | (LOWER - position))


@njit(cache=True, nogil=True)
def position_of(key: int) -> int:
    """Position a key was made of."""
    return LOWER - (key & LOWER)


@njit(cache=True, nogil=True)
def keep_largest_keys(keys: np.ndarray, count: int, keep: int) -> int:
    """Move the `keep` largest of the first `count` (> keep) keys to the front; the least of them.

    Selection by partition around a median of three (Hoare, 1961), without branches.
    """
    low, high = 0, count
    while high - low > 1 and low < keep < high:
        one, two, three = keys[low], keys[(low + high) // 2], keys[high - 1]
        pivot = max(min(one, two), min(max(one, two), three))
        end = low
        for t in range(low, high):
            key = keys[t]
            keys[t] = keys[end]
            keys[end] = key
            end += key > pivot
        if end >= keep:
            high = end
        else:
            for t in range(end, high):
                if keys[t] == pivot:
                    keys[t] = keys[end]
                    keys[end] = pivot
                    break
            low = end + 1
    least = keys[0]
    for t in range(1, keep):
        least = min(least, keys[t])
    return int(least)


@njit(cache=True, nogil=True)
def keep_largest(
    tile: np.ndarray,
    width: int,
    rows: np.ndarray,
    own: np.ndarray,
    first: int,
    keep: int,
    keys: np.ndarray,
    count: np.ndarray,
    least: np.ndarray,
) -> None:
    """Offer a tile: its line a belongs to row `rows[a]`, its column b < width to first + b.

    `own[a]` is the position of the row itself, which is passed over. Per row, `keys` has room for
    more than `keep`, `count` are in it, and codes below `least` cannot be among the largest.
    """
    room = keys.shape[1]
    for a in range(len(rows)):
        mine, codes, me = keys[rows[a]], tile[a], own[a] - first
        held, low = count[rows[a]], least[rows[a]]
        for start in range(0, width, SPAN):
            span = codes[start : min(start + SPAN, width)]
            if not any_at_least(span, low):
                continue
            for b in range(len(span)):
                code = span[b]
                if code < low or start + b == me:
                    continue
                if held == room:
                    low = keep_largest_keys(mine, held, keep) >> 32
                    held = keep
                    if code < low:
                        continue
                mine[held] = key_of(code, first + start + b)
                held += 1
        count[rows[a]], least[rows[a]] = held, low


@njit(cache=True, nogil=True)
def kept_positions(
    keys: np.ndarray, count: np.ndarray, keep: int, ordered: bool, positions: np.ndarray
) -> None:
    """Positions of each row's `keep` largest, -1 where there are fewer.

    The largest first if `ordered`, else in any order; the keys are put in that order too.
    """
    for i in range(len(keys)):
        held = count[i]
        if held > keep:
            keep_largest_keys(keys[i], held, keep)
            held = keep
        if ordered:
            keys[i, :held] = np.sort(keys[i, :held])[::-1]
        for t in range(keep):
            positions[i, t] = position_of(keys[i, t]) if t < held else -1
