"""Lazy greedy (Minoux, 1978) over sparse coverage: a heap of stale gains, largest first."""

import numpy as np
from numba import njit

from tasks.engine.greedy import PER_PRICE
from tasks.engine.kernels.coverage import NOTHING


@njit(cache=True, nogil=True)
def edge_gain(
    edges: tuple[np.ndarray, np.ndarray, np.ndarray],
    covered: np.ndarray,
    worth: np.ndarray,
    scale: float,
    index: int,
) -> float:
    """Gain of a candidate: its worth, and `scale` times what its edges exceed coverage by."""
    indptr, rows, similarity = edges
    total = 0.0
    for t in range(indptr[index], indptr[index + 1]):
        total += max(similarity[t] - covered[rows[t]], NOTHING)
    return worth[index] + scale * total


@njit(cache=True, nogil=True)
def edge_gains(
    edges: tuple[np.ndarray, np.ndarray, np.ndarray],
    covered: np.ndarray,
    worth: np.ndarray,
    scale: float,
    candidates: np.ndarray,
) -> np.ndarray:
    """`edge_gain` of several candidates."""
    found = np.empty(len(candidates), np.float64)
    for t in range(len(candidates)):
        found[t] = edge_gain(edges, covered, worth, scale, candidates[t])
    return found


@njit(cache=True, nogil=True)
def before(key: np.ndarray, row: np.ndarray, one: int, other: int) -> bool:
    """Whether a heap entry comes before another: larger key, then lower row."""
    return key[one] > key[other] or (key[one] == key[other] and row[one] < row[other])


@njit(cache=True, nogil=True)
def sink(key: np.ndarray, row: np.ndarray, stamp: np.ndarray, place: int, size: int) -> None:
    """Let the entry at `place` sink until the heap of `size` entries is in order again."""
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and before(key, row, child + 1, child):
            child += 1
        if not before(key, row, child, place):
            return
        key[child], key[place] = key[place], key[child]
        row[child], row[place] = row[place], row[child]
        stamp[child], stamp[place] = stamp[place], stamp[child]
        place = child


@njit(cache=True, nogil=True)
def heapify(key: np.ndarray, row: np.ndarray, stamp: np.ndarray) -> None:
    """Put the entries in heap order."""
    for place in range(len(key) // 2 - 1, -1, -1):
        sink(key, row, stamp, place, len(key))


@njit(cache=True, nogil=True)
def take_some(
    heap: tuple[np.ndarray, np.ndarray, np.ndarray],
    size: int,
    edges: tuple[np.ndarray, np.ndarray, np.ndarray],
    covered: np.ndarray,
    nearest: np.ndarray,
    worth: np.ndarray,
    price: np.ndarray,
    cost: np.ndarray,
    group: np.ndarray,
    room: np.ndarray,
    left: int,
    scale: float,
    unit: float,
    gain: np.ndarray,
    lowest: float,
    lacked: np.ndarray,
    shut_out: np.ndarray,
    taken: np.ndarray,
    taken_before: int,
) -> tuple[int, int, int, float]:
    """Fill `taken` with the next picks: (how many, budget left, heap size, least gain so far).

    A row that costs more than what is left, or whose group has no room, is dropped: neither ever
    grows; `shut_out` says so (1: cost, 2: group). `lacked` keeps the least gap of each row to the
    least gain accepted before it.
    """
    key, row, stamp = heap
    count = 0
    while count < len(taken) and size and left > 0:
        index = row[0]
        shut = cost[index] > left or room[group[index]] <= 0
        fresh = stamp[0] == taken_before + count
        if shut or fresh:
            size -= 1
            key[0], row[0], stamp[0] = key[size], row[size], stamp[size]
            sink(key, row, stamp, 0, size)
            if shut:
                shut_out[index] = 2 if room[group[index]] <= 0 else 1
                continue
            taken[count] = index
            count += 1
            left -= cost[index]
            room[group[index]] -= 1
            lowest = min(lowest, gain[index])
            for t in range(edges[0][index], edges[0][index + 1]):
                i = edges[1][t]
                if edges[2][t] > covered[i]:
                    covered[i], nearest[i] = edges[2][t], index
        else:
            lacked[index] = min(lacked[index], lowest - gain[index])
            gain[index] = edge_gain(edges, covered, worth, scale, index)
            key[0] = np.int64(np.rint(np.rint(gain[index] * unit) / price[index] * PER_PRICE))
            stamp[0] = taken_before + count
            sink(key, row, stamp, 0, size)
    return count, left, size, lowest
