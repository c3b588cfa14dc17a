"""Drift: do two samples of rows come from one distribution? Kolmogorov and Smirnov, on any axis.

Two comparisons with the promoted run: of all rows, and of the new rows alone, which a large pool
would hide. Embeddings are compared on the axis that best tells the two apart, learnt on half the
rows and tested on the others (a classifier two-sample test: Lopez-Paz and Oquab, 2017).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from jaxtyping import Bool, Float

from tasks.gates.outcome import POWER, Test

MIN_ROWS: Final = 20  # of either sample; with fewer only a gap of nearly 1 would be found
EXACT_PAIRS: Final = 40_000  # of rows, up to which p is exact: large-sample levels are too small
RIDGE: Final = 0.1  # of the mean variance, added to every variance: few rows, many coordinates
SCORE_DECIMALS: Final = 9  # a row has the same score wherever in a matrix it stands


def column_tests(
    name: str, now: pl.DataFrame, before: pl.DataFrame, columns: Sequence[str], limit: float
) -> list[Test]:
    """One test for each column of the two samples; a missing value counts as below all others."""
    return [
        ks_test(name, column, _values(now[column]), _values(before[column]), limit)
        for column in columns
    ]


def _values(column: pl.Series) -> Float[np.ndarray, " n"]:
    values: np.ndarray = column.cast(pl.Float64).fill_nan(None).fill_null(-np.inf).to_numpy()
    return values


def ks_test(name: str, of: str, now: np.ndarray, before: np.ndarray, limit: float) -> Test:
    """Compare two samples of one number: D, the largest gap between their distribution functions.

    D in [0, 1] is the effect too: no threshold tells the two apart in a larger share of rows. Ties,
    and rows that both samples share, make p larger than it need be, never smaller.
    """
    from scipy.stats import ks_2samp

    method = "exact" if len(now) * len(before) <= EXACT_PAIRS else "asymp"
    found = ks_2samp(now, before, method=method)
    distance, p = float(found.statistic), float(found.pvalue)
    at = float(found.statistic_location)
    moved = "lower" if found.statistic_sign > 0 else "higher"
    where = f", {moved} around {at:.4g}" if np.isfinite(at) and distance else ""
    return Test(
        name,
        of,
        distance,
        limit,
        p,
        f"{of}: {len(now):,} rows against {len(before):,} before, D = {distance:.3f}{where}",
        lambda level: f"D = {detectable(len(now), len(before), level, limit):.3f}",
    )


def detectable(now: int, before: int, level: float, limit: float) -> float:
    """The smallest D that samples of these sizes show with a power of 80 %, at most 1.

    Where the distributions differ most, the observed gap is normal around the true one with a
    deviation of at most sqrt(1/n + 1/m) / 2 (Massey, 1950); it must pass the limit and the critical
    value c(level) sqrt(1/n + 1/m), c = sqrt(-ln(level / 2) / 2).
    """
    from scipy.special import ndtri

    size = np.sqrt(1 / now + 1 / before)
    critical = np.sqrt(-np.log(level / 2) / 2) * size
    return min(1.0, float(max(critical, limit) + ndtri(POWER) * size / 2))


def embedding_test(
    name: str,
    now: Float[np.ndarray, "n d"],
    before: Float[np.ndarray, "m d"],
    halves: tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " m"]],
    limit: float,
) -> Test:
    """Compare two samples of vectors: learn an axis on one half of the rows, test on the other.

    A row that is in both samples must be in the same half of both.
    """
    learn_now, learn_before = halves
    axis = best_axis(_features(now[learn_now]), _features(before[learn_before]))
    scored_now, scored_before = (
        np.round(_features(sample[~learn]) @ axis, SCORE_DECIMALS)
        for sample, learn in ((now, learn_now), (before, learn_before))
    )
    return ks_test(name, "embeddings", scored_now, scored_before, limit)


def _features(vectors: np.ndarray) -> Float[np.ndarray, "n f"]:
    """Coordinates and their squares: a shift shows in the former, a change of spread in both."""
    wide = vectors.astype(np.float64)
    return np.hstack([wide, np.square(wide)])


def best_axis(now: Float[np.ndarray, "n f"], before: Float[np.ndarray, "m f"]) -> np.ndarray:
    """The direction that separates two samples best, of length one (Fisher, 1936; with a ridge)."""
    gap = now.mean(axis=0) - before.mean(axis=0)
    centred = np.vstack([now - now.mean(axis=0), before - before.mean(axis=0)])
    scale = centred.std(axis=0)
    scale[scale == 0] = 1.0  # a coordinate without any spread
    spread = (centred / scale).T @ (centred / scale) / len(centred)
    axis = np.linalg.solve(spread + RIDGE * np.eye(len(gap)), gap / scale) / scale
    length = float(np.linalg.norm(axis))
    unit: np.ndarray = axis / length if length else axis
    return unit
