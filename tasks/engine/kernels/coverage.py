"""Inner loops of facility location: gains of dense columns, and lazy greedy inside one block.

A row is covered as well as the most similar chosen row covers it; `covered` holds that similarity.
The gain of a row is `worth` (what it adds by itself) plus `scale` times what it adds to coverage.
Gains are compared as integers, rint(gain / price * unit), so that gains closer than rounding tie;
the lower row wins a tie. A price of infinity shuts a row out.
"""

import numpy as np
from numba import njit

REORDER = {"reassoc", "nsz"}  # sums may run in vector lanes: the order is fixed on one CPU type
NOTHING = np.float32(0.0)


@njit(cache=True, nogil=True, fastmath=REORDER)
def excess(similarity: np.ndarray, covered: np.ndarray) -> float:
    """Sum of what similarity exceeds coverage by, over all rows."""
    total = 0.0
    for i in range(len(similarity)):
        total += max(similarity[i] - covered[i], NOTHING)
    return total


@njit(cache=True, nogil=True)
def raise_coverage(
    similarity: np.ndarray, covered: np.ndarray, nearest: np.ndarray, index: int
) -> None:
    """Let row `index` cover what it is more similar to than every row chosen before."""
    for i in range(len(similarity)):
        if similarity[i] > covered[i]:
            covered[i], nearest[i] = similarity[i], index


@njit(cache=True, nogil=True)
def dense_greedy(
    similarity: np.ndarray,
    covered: np.ndarray,
    worth: np.ndarray,
    price: np.ndarray,
    scale: float,
    unit: float,
    most: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Lazy greedy among the rows of one (m, m) block until `most` is spent: (places, gains)."""
    rows = len(worth)
    key, gain = np.empty(rows, np.int64), np.empty(rows, np.float64)
    fresh = np.zeros(rows, np.int64)
    for j in range(rows):
        gain[j] = worth[j] + scale * excess(similarity[j], covered)
        key[j] = -1 if np.isinf(price[j]) else np.int64(np.rint(gain[j] / price[j] * unit))
    order, gains = np.empty(rows, np.int64), np.empty(rows, np.float64)
    count, spent = 0, 0.0
    while spent < most and count < rows:
        j = int(np.argmax(key))
        if key[j] < 0:
            break
        if fresh[j] == count:
            order[count], gains[count], key[j] = j, gain[j], -1
            count += 1
            spent += price[j]
            for i in range(rows):
                covered[i] = max(covered[i], similarity[j, i])
        else:
            gain[j] = worth[j] + scale * excess(similarity[j], covered)
            key[j], fresh[j] = np.int64(np.rint(gain[j] / price[j] * unit)), count
    return order[:count], gains[:count]
