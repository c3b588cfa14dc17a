"""Optimal transport, where it has a closed form: on a line, and between Gaussians."""

from typing import Final

import numpy as np
from jaxtyping import Float

from tasks.engine.one_thread import one_thread

DIRECTIONS: Final = 128


def directions(width: int, count: int = DIRECTIONS, seed: int = 0) -> Float[np.ndarray, "d c"]:
    """`count` fixed unit columns, uniform on the sphere: the same for the same arguments."""
    drawn = np.random.default_rng(seed).standard_normal((width, count))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=0))


def sliced_wasserstein(
    one: Float[np.ndarray, "n d"],
    other: Float[np.ndarray, "m d"],
    count: int = DIRECTIONS,
    seed: int = 0,
) -> float:
    """Mean over fixed directions of the 1-Wasserstein distance of the two projections.

    Range >= 0, 0 for equal samples; a metric (Bonneel et al., 2015). Two samples of one
    distribution lie about sqrt(1/n + 1/m) times the spread of a projection apart, not 0.
    Time O((n + m) (d + log) count).
    """
    lines = directions(one.shape[1], count, seed)
    with one_thread():
        projected = [np.sort(rows.astype(np.float64) @ lines, axis=0) for rows in (one, other)]
    return float(wasserstein_of_sorted(*projected).mean())


def wasserstein_of_sorted(
    one: Float[np.ndarray, "n c"], other: Float[np.ndarray, "m c"]
) -> Float[np.ndarray, " c"]:
    """1-Wasserstein distance of each pair of columns, sorted upwards: the area between quantiles.

    Exact for samples of unlike size.
    """
    n, m = len(one), len(other)
    if n == m:
        return np.asarray(np.abs(one - other).mean(axis=0))
    ends = np.unique(np.concatenate([np.arange(1, n + 1) * m, np.arange(1, m + 1) * n]))
    width = np.diff(ends, prepend=0) / (n * m)  # whole numbers: no step is lost to rounding
    last = ends - 1
    return np.asarray(width @ np.abs(one[last // m] - other[last // n]))


def gaussian_wasserstein(
    mean: Float[np.ndarray, " d"],
    covariance: Float[np.ndarray, "d d"],
    other_mean: Float[np.ndarray, " d"],
    other_covariance: Float[np.ndarray, "d d"],
) -> float:
    """2-Wasserstein distance of two Gaussians, also called Frechet or Bures distance.

    W^2 = |m1 - m2|^2 + tr(C1 + C2 - 2 (C1^1/2 C2 C1^1/2)^1/2) (Dowson and Landau, 1982). Range
    >= 0; with fewer rows than dimensions the covariances are singular and the distance of equal
    distributions is large: compare at equal size. Time O(d^3).
    """
    with one_thread():
        values, vectors = np.linalg.eigh(covariance)
        root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
        between = np.sqrt(np.linalg.eigvalsh(root @ other_covariance @ root).clip(min=0)).sum()
    gap = mean - other_mean
    squared = gap @ gap + np.trace(covariance) + np.trace(other_covariance) - 2 * between
    return float(np.sqrt(max(0.0, squared)))
