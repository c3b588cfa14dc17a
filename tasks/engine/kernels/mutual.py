"""A neighbour of mine may not have found me: offer every edge to its other end."""

import numpy as np
from numba import njit

from tasks.engine.kernels.cosines import code_float, float_code
from tasks.engine.kernels.largest import key_of, position_of


@njit(cache=True, nogil=True)
def _wanted(index: np.ndarray, cosines: np.ndarray, i: int, t: int) -> bool:
    """Whether row i would rank before the last neighbour of its own neighbour t."""
    other = index[i, t]
    if other < 0:
        return False
    last = index.shape[1] - 1
    if index[other, last] < 0:
        return True
    edge = key_of(float_code(cosines[i, t]), i)
    return edge > key_of(float_code(cosines[other, last]), index[other, last])


@njit(cache=True, nogil=True)
def count_offers(index: np.ndarray, cosines: np.ndarray, starts: np.ndarray) -> None:
    """Cumulated numbers of offers per row, into `starts` (n + 1 zeros)."""
    for i in range(len(index)):
        for t in range(index.shape[1]):
            if _wanted(index, cosines, i, t):
                starts[index[i, t] + 1] += 1
    for i in range(1, len(starts)):
        starts[i] += starts[i - 1]


@njit(cache=True, nogil=True)
def fill_offers(
    index: np.ndarray, cosines: np.ndarray, starts: np.ndarray, keys: np.ndarray
) -> None:
    """Keys (cosine, row) of what is offered to each row, in `keys[starts[i]:starts[i + 1]]`."""
    filled = starts[:-1].copy()
    for i in range(len(index)):
        for t in range(index.shape[1]):
            if _wanted(index, cosines, i, t):
                other = index[i, t]
                keys[filled[other]] = key_of(float_code(cosines[i, t]), i)
                filled[other] += 1


@njit(cache=True, nogil=True)
def merge_offers(
    index: np.ndarray,
    cosines: np.ndarray,
    starts: np.ndarray,
    offers: np.ndarray,
    start: int,
    stop: int,
) -> None:
    """Take the offers that rank among a row's best into its list, for rows start to stop."""
    width = index.shape[1]
    for i in range(start, stop):
        offered = offers[starts[i] : starts[i + 1]]
        if len(offered) == 0:
            continue
        keys = np.empty(width + len(offered), dtype=np.int64)
        held = 0
        while held < width and index[i, held] >= 0:
            keys[held] = key_of(float_code(cosines[i, held]), index[i, held])
            held += 1
        keys[held : held + len(offered)] = offered
        ordered = np.sort(keys[: held + len(offered)])
        taken, before = 0, np.int64(0)
        for t in range(len(ordered) - 1, -1, -1):
            if taken < width and (taken == 0 or ordered[t] != before):
                before = ordered[t]
                index[i, taken] = position_of(before)
                cosines[i, taken] = code_float(before >> 32)
                taken += 1
