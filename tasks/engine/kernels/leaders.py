"""Inner loops of semantic duplicates: who stays when the preferred row of each pair stays."""

import numpy as np
from numba import njit

from tasks.engine.kernels.edges import dot


@njit(cache=True, nogil=True)
def mark_alike(
    codes: np.ndarray,
    limit: int,
    vectors: np.ndarray,
    rows: np.ndarray,
    first: int,
    threshold: np.float32,
    near: np.ndarray,
) -> None:
    """Mark in `near`, both ways round, the pairs of a block that are at least `threshold` similar.

    The block's rows are `vectors[rows]`. `codes` propose pairs of those from `first` on with each
    other, by at least `limit`; the cosine of the two rows decides.
    """
    for a in range(len(codes)):
        one = vectors[rows[first + a]]
        for b in range(a + 1, codes.shape[1]):
            if codes[a, b] >= limit and dot(one, vectors[rows[first + b]]) >= threshold:
                near[first + a, first + b] = near[first + b, first + a] = True


@njit(cache=True, nogil=True)
def leaders(near: np.ndarray, preferred: np.ndarray) -> np.ndarray:
    """Among the rows of a block, in order of preference: the row that each one gives way to, or -1.

    A row gives way to the first row before it that stays and that is `near`.
    """
    keeper = np.full(len(preferred), -1, np.int64)
    for place in range(len(preferred)):
        one = preferred[place]
        if keeper[one] >= 0:
            continue
        for other in preferred[place + 1 :]:
            if keeper[other] < 0 and near[one, other]:
                keeper[other] = one
    return keeper


@njit(cache=True, nogil=True)
def give_way(
    preferred: np.ndarray,
    rank: np.ndarray,
    edges: tuple[np.ndarray, np.ndarray, np.ndarray],
    keeper: np.ndarray,
) -> None:
    """Let each row, in order of preference, give way to the most similar better row that stays.

    `edges` holds the pairs that are similar enough, both ways round; a tie goes to the lower row.
    """
    indptr, rows, similarity = edges
    for one in preferred:
        best = np.float32(-1.0)
        for t in range(indptr[one], indptr[one + 1]):
            other = rows[t]
            stays = keeper[other] < 0 and rank[other] < rank[one]
            if stays and similarity[t] > best:
                best, keeper[one] = similarity[t], other
