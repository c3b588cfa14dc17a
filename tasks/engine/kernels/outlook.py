"""Inner loop of the outlook: what a sample of rows says about all pairs."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def survey(
    tile: np.ndarray,
    columns: np.ndarray,
    rank: np.ndarray,
    covered: np.ndarray,
    edges: np.ndarray,
    excess: np.ndarray,
) -> None:
    """Count sampled pairs above coverage, and sum their excess by how near their buckets are.

    `tile` (b, w) holds similarities of sampled rows to rows in the buckets `columns` (w,);
    `rank` (b, c) is the place of each bucket among those near a sampled row; `covered` (l, b)
    are rising levels of coverage; `edges` (l,) and `excess` (l, c) are added to.
    """
    levels = len(covered)
    for a in range(len(tile)):
        least = covered[0, a]
        for b in range(len(columns)):
            value = tile[a, b]
            if value <= least:
                continue
            near = rank[a, columns[b]]
            for level in range(levels):
                above = value - covered[level, a]
                if above <= 0:
                    break
                edges[level] += 1
                excess[level, near] += above
