"""Which rows look into which bucket."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def rows_by_bucket(
    near: np.ndarray,
    label: np.ndarray,
    first_of: np.ndarray,
    starts: np.ndarray,
    rows: np.ndarray,
) -> int:
    """Line the rows up by the bucket they look into, their own bucket left out.

    Row i looks into the first bucket of each centre `near[i]`. Bucket b's rows are then
    `rows[starts[b]:starts[b + 1]]`, ascending; `starts` comes as zeros. Returns how many in all.
    """
    for i in range(len(near)):
        for t in range(near.shape[1]):
            bucket = first_of[near[i, t]]
            if bucket >= 0 and bucket != label[i]:
                starts[bucket + 1] += 1
    for b in range(1, len(starts)):
        starts[b] += starts[b - 1]
    filled = starts[:-1].copy()
    for i in range(len(near)):
        for t in range(near.shape[1]):
            bucket = first_of[near[i, t]]
            if bucket >= 0 and bucket != label[i]:
                rows[filled[bucket]] = i
                filled[bucket] += 1
    return int(starts[-1])
