"""95 % intervals: over draws for random subsets, over groups of rows for fixed ones."""

from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.special import stdtrit

CONFIDENCE: Final = 0.95


def over_draws(values: Float[np.ndarray, " s"]) -> tuple[float, float] | None:
    """Interval of the mean over s independent draws, mean +- t(s - 1) sd / sqrt(s) (Student, 1908).

    None with fewer than two draws.
    """
    if len(values) < 2:
        return None
    error = float(np.std(values, ddof=1) / np.sqrt(len(values)))
    return _around(float(np.mean(values)), error, len(values))


def jackknife(value: float, replicates: Float[np.ndarray, " b"]) -> tuple[float, float] | None:
    """Interval of `value` from replicates that each leave one of b groups of rows out.

    Standard error sqrt((b - 1) / b * sum (r - mean r)^2), times t(b - 1) (Quenouille, 1949; Tukey,
    1958; groups: Kott, 2001). It says how far the value depends on which rows of the kind happened
    to be there; it does not include re-running the selector. None with fewer than two groups.
    """
    groups = len(replicates)
    if groups < 2:
        return None
    spread = np.square(replicates - replicates.mean()).sum()
    return _around(value, float(np.sqrt((groups - 1) / groups * spread)), groups)


def _around(value: float, error: float, count: int) -> tuple[float, float]:
    reach = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2)) * error  # a quantile of Student's t
    return value - reach, value + reach
