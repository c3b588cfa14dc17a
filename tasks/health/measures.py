"""What is measured of embeddings: pure functions of moments and of a sample of unit rows."""

from typing import Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.one_thread import one_thread

SAME: Final = 1e-5  # squared distance below which rows are in one place, by rounded cosines
SHRINK: Final = 0.01  # of the mean variance, added to each before whitening divides by it
KEPT_VARIANCE: Final = 0.99  # share of the variance in the directions that whitening keeps
BLOCK: Final = 512


def unit_rows(vectors: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Rows at length 1; a row without a direction stays 0."""
    length = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    unit = np.divide(vectors, length, out=np.zeros(vectors.shape), where=length > 1e-6)
    return np.ascontiguousarray(unit, dtype=np.float32)


def singular_rank(shares: Float[np.ndarray, " r"]) -> float:
    """Exp of the entropy of singular values (Roy and Vetterli, 2007; RankMe: Garrido et al., 2023).

    `shares` are those of their squares. Range [1, r]; not the Vendi score, which is of squares.
    """
    roots = np.sqrt(shares) / np.sqrt(shares).sum()
    return float(np.exp(-(roots * np.log(roots)).sum()))


def uniformity(unit: Float[np.ndarray, "n d"]) -> float:
    """Ln of the mean of exp(-2 ||x - y||^2) over pairs of different rows (Wang and Isola, 2020).

    Range [-8, 0]; 0 = all rows in one place; about -4 + 8 / d for rows spread evenly; lower is
    more even. A single row gives 0. O(n^2 d).
    """
    rows, total = len(unit), 0.0
    if rows < 2:
        return 0.0
    with one_thread():
        for start in range(0, rows, BLOCK):
            cosine = unit[start : start + BLOCK] @ unit.T
            total += float(np.exp(4 * np.minimum(cosine, 1) - 4, dtype=np.float64).sum())
    lone = float(np.exp(4 * np.square(unit, dtype=np.float64).sum(axis=1).clip(max=1) - 4).sum())
    return float(np.log((total - lone) / (rows * (rows - 1))))


def nearest(
    unit: Float[np.ndarray, "n d"], k: int
) -> tuple[Int[np.ndarray, "n k"], Float[np.ndarray, "n k"]]:
    """The k nearest other rows of each row of a sample, nearest first, and their cosines. O(n^2 d).

    A plain product serves: nothing is decided about a row here, and the engine's exact kernels
    would take two seconds to load. Fewer columns than k where there are fewer rows.
    """
    count = max(min(k, len(unit) - 1), 0)
    index = np.empty((len(unit), count), dtype=np.int64)
    cosines = np.empty((len(unit), count), dtype=np.float32)
    with one_thread():
        for start in range(0, len(unit) if count else 0, BLOCK):
            rows = slice(start, start + BLOCK)
            cosine = np.round(unit[rows] @ unit.T, 6)  # so that rounding breaks no tie
            lines = np.arange(len(cosine))
            cosine[lines, lines + start] = -np.inf  # a row is not its own neighbour
            some = np.sort(np.argpartition(-cosine, count - 1, axis=1)[:, :count], axis=1)
            value = np.take_along_axis(cosine, some, axis=1)
            order = np.argsort(-value, axis=1, kind="stable")
            index[rows] = np.take_along_axis(some, order, axis=1)
            cosines[rows] = np.take_along_axis(value, order, axis=1)
    return index, cosines


def occurrences(neighbours: Int[np.ndarray, "n k"]) -> Int[np.ndarray, " n"]:
    """How often each row is among the k nearest of another; the mean is k."""
    return np.bincount(neighbours[neighbours >= 0], minlength=len(neighbours))


def skewness(counts: Int[np.ndarray, " n"]) -> float:
    """Skewness of k-occurrences (Radovanovic et al., 2010); 0 if all are equal.

    Above about 1, a few rows ("hubs") are neighbours of very many others, and others of none.
    """
    deviation = counts - counts.mean()
    spread = float(np.sqrt(np.square(deviation).mean()))
    return float((deviation**3).mean() / spread**3) if spread > 0 else 0.0


def two_nn(cosines: Float[np.ndarray, "n k"]) -> float | None:
    """Intrinsic dimension n / sum ln(r2 / r1) of the two nearest distances (Facco et al., 2017).

    Rows with another in the same place are left out; None if fewer than two are left, or all are
    equally far from both neighbours.
    """
    if cosines.shape[1] < 2:
        return None
    squares = 2 - 2 * cosines[:, :2].astype(np.float64)
    squares = squares[np.isfinite(squares).all(axis=1) & (squares[:, 0] > SAME)]
    logs = 0.5 * np.log(squares[:, 1] / squares[:, 0])
    return float(len(logs) / logs.sum()) if len(logs) > 1 and logs.sum() > 0 else None


def welch_bound(rows: int, width: int) -> float:
    """Least possible largest |cosine| among `rows` unit rows: sqrt((n - d) / (d (n - 1))).

    0 up to d rows, which can be orthogonal (Welch, 1974).
    """
    return float(np.sqrt((rows - width) / (width * (rows - 1)))) if rows > width else 0.0


def whitening(
    total: Float[np.ndarray, " d"], gram: Float[np.ndarray, "d d"], rows: int
) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, "d k"]]:
    """Mean and map (x - mean) @ map that give the rows equal variance in every direction kept.

    Directions of largest variance are kept up to KEPT_VARIANCE; each variance is raised by SHRINK
    of the mean variance first, so that noise is not blown up without bound.
    """
    mean = total / rows
    with one_thread():
        values, axes = np.linalg.eigh(gram / rows - np.outer(mean, mean))
    values, axes = np.maximum(values[::-1], 0), axes[:, ::-1]
    if not values.sum() > 0:
        return mean, axes
    kept = 1 + int(np.searchsorted(values.cumsum(), KEPT_VARIANCE * values.sum()))
    return mean, axes[:, :kept] / np.sqrt(values[:kept] + SHRINK * values.mean())


def shared_neighbours(
    left: Int[np.ndarray, "n k"], right: Int[np.ndarray, "n k"]
) -> Float[np.ndarray, " n"]:
    """Share of each row's neighbours on the left that are also neighbours on the right."""
    both = (left[:, :, None] == right[:, None, :]) & (left >= 0)[:, :, None]
    share: np.ndarray = both.any(axis=2).sum(axis=1) / np.maximum((left >= 0).sum(axis=1), 1)
    return share


def same_label(
    neighbours: Int[np.ndarray, "n k"], labels: Int[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Share of each row's neighbours that have its label."""
    there = neighbours >= 0
    same = (labels[neighbours] == labels[:, None]) & there
    share: np.ndarray = same.sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    return share
