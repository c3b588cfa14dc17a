"""Inner loop of the log-determinant: how a pick lowers what a few rows still add."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, fastmath=True)
def lower_values(
    rows: np.ndarray,
    toward: np.ndarray,
    factor: np.ndarray,
    picks: int,
    place: int,
    strength: float,
    value: np.ndarray,
) -> None:
    """Column `picks` of the Cholesky factor of the rows' products, and its square off `value`.

    `toward` (d,) is A^-1 x of the row at `place`, `factor` (p, m) one line per row. A line is
    summed in the same order for every row, so that equal rows keep equal values.
    """
    scale = np.sqrt(strength / (1.0 + strength * max(value[place], 0.0)))
    width = rows.shape[1]
    own = factor[place, :picks].copy()
    for i in range(len(rows)):
        row, before = rows[i], factor[i]
        alike = np.float32(0.0)
        for t in range(width):
            alike += row[t] * toward[t]
        earlier = np.float32(0.0)
        for t in range(picks):
            earlier += before[t] * own[t]
        step = np.float32(scale * (alike - earlier))
        before[picks] = step
        value[i] -= np.float64(step) * np.float64(step)
