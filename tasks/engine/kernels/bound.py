"""Inner loop of the upper bound: how often a row is covered beyond its level."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def times_covered(
    edges: tuple[np.ndarray, np.ndarray, np.ndarray],
    level: np.ndarray,
    candidates: np.ndarray,
    share: np.ndarray,
) -> np.ndarray:
    """For each row, the summed `share` of candidates more similar to it than its level."""
    indptr, rows, similarity = edges
    times = np.zeros(len(level), np.float64)
    for place in range(len(candidates)):
        for t in range(indptr[candidates[place]], indptr[candidates[place] + 1]):
            if similarity[t] > level[rows[t]]:
                times[rows[t]] += share[place]
    return times
