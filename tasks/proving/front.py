"""Two goals at once: which points no other beats on both, how much they cover, where to stop.

More is better on both axes. Compare only points of one budget: diversity grows with size.
"""

from typing import Final

import numpy as np
from jaxtyping import Float, Int

TOLERANCE: Final = 1e-9  # values that differ by no more are equal


def front_of(points: Float[np.ndarray, "n 2"]) -> Int[np.ndarray, " f"]:
    """The points that none beats, by rising first value; of equal ones the first in order.

    A point is beaten by one that is nowhere worse and somewhere better by more than `TOLERANCE`.
    """
    order = np.lexsort((np.arange(len(points)), -points[:, 1], -points[:, 0]))
    kept: list[int] = []
    best = -np.inf
    for at in order.tolist():
        if points[at, 1] > best + TOLERANCE:
            if kept and points[at, 0] >= points[kept[-1], 0] - TOLERANCE:
                kept.pop()  # as good on the first goal but for a rounding, worse on the second
            kept.append(at)
            best = float(points[at, 1])
    return np.array(kept[::-1], dtype=np.int64)


def hypervolume(points: Float[np.ndarray, "n 2"], reference: tuple[float, float]) -> float:
    """Area that the points dominate above a reference; (1, 3), (2, 2), (3, 1) above 0: 6."""
    front = points[front_of(points)] if len(points) else points
    gained = np.maximum(front - np.array(reference), 0.0)
    widths = np.diff(gained[:, 0], prepend=0.0)
    return float((widths * gained[:, 1]).sum())


def ranked_front(points: Float[np.ndarray, "n 2"]) -> Int[np.ndarray, " f"]:
    """The front, the knee first, then what lies ever nearer to the chord between its ends.

    Distances are taken after min-max scaling of the front. With fewer than three points on the
    front there is no knee: the one of the best first value comes first. A tie goes to the lower
    first value.
    """
    front = front_of(points)
    if len(front) < 3:
        return front[::-1]
    scaled = points[front] - points[front].min(axis=0)
    scaled /= scaled.max(axis=0)
    # The ends are (0, 1) and (1, 0): the distance to the chord grows with the sum of both.
    return front[np.argsort(-scaled.sum(axis=1), kind="stable")]
