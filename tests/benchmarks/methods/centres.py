"""k-center by farthest-first traversal: ours and two plain loops over the picks."""

import numpy as np

from tests.benchmarks.inputs import Missing
from tests.benchmarks.methods import Inputs, Run, once, selector


def ours(inputs: Inputs) -> Run:
    """`k_center`; all qualities are equal, so it starts at row 0 as the loops do."""
    return once("", selector("k_center", inputs))


def opposites_count() -> bool:
    """Whether our distance tells a row at a right angle from an opposite one (1 - cosine does)."""
    rows = np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.float32)
    return bool(selector("k_center", Inputs(rows, 2, 1))()[1] == 2)


def products(inputs: Inputs) -> Run:
    """One matrix-vector product per pick, distances kept in float32 (the best plain loop).

    The distance is ours: 1 - cosine, or 1 - max(0, cosine).
    """
    least = -2.0 if opposites_count() else 0.0

    def work() -> np.ndarray:
        vectors = np.asarray(inputs.vectors)
        nearest = np.full(len(vectors), np.inf, dtype=np.float32)
        picks = np.zeros(inputs.k, dtype=np.int64)
        for step in range(1, inputs.k + 1):
            last = picks[step - 1]
            near = vectors @ vectors[last]
            np.minimum(nearest, 1.0 - np.maximum(near, least, out=near), out=nearest)
            nearest[last] = -np.inf
            if step < inputs.k:
                picks[step] = nearest.argmax()
        return picks

    return once("", work)


def pairwise(inputs: Inputs) -> Run:
    """scikit-learn's pairwise distances to each new pick, as active-learning code writes it."""
    try:
        from sklearn.metrics import pairwise_distances
    except ImportError as error:
        raise Missing("scikit-learn is not installed") from error

    def work() -> np.ndarray:
        vectors = np.asarray(inputs.vectors)
        nearest, picks = None, [0]
        while len(picks) < inputs.k:
            distance = pairwise_distances(vectors, vectors[picks[-1]].reshape(1, -1))
            nearest = distance if nearest is None else np.minimum(nearest, distance)
            picks.append(int(nearest.argmax()))
        return np.array(picks)

    return once("", work)
