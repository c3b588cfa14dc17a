"""Feature-based objectives: concave functions of how much of each feature a subset holds."""

from typing import Any, Final, Literal

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from tasks.engine.constraints import Limits
from tasks.engine.objectives.part import best_affordable
from tasks.engine.pool import Pool

Curve = Literal["sqrt", "power", "log"]
POWER: Final = 0.8
EPSILON: Final = 1e-6  # keeps the slope of x^0.8 finite at 0


def curve(kind: Curve, mass: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """The concave function: sqrt(x), x^0.8 or log(1 + x)."""
    if kind == "power":
        return np.asarray(np.power(mass, POWER))
    return np.asarray(np.sqrt(mass) if kind == "sqrt" else np.log1p(mass))


def slope(kind: Curve, mass: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Its derivative, at x + 1e-6 where it would be infinite at 0."""
    if kind == "log":
        return np.asarray(1.0 / (1.0 + mass))
    power = POWER if kind == "power" else 0.5
    return np.asarray(power * np.power(mass + EPSILON, power - 1.0))


class ConcaveFeatures:
    """F(S) = sum_f phi(sum_{i in S} m_if), m >= 0, phi concave (Lin and Bilmes, 2011).

    Monotone and submodular. With `linearised` the gain is sum_f m_if phi'(x_f) instead of
    phi(x_f + m_if) - phi(x_f): what a row would add if the slope stayed as it is. It is larger,
    and falls as well. Time O(nnz) for all gains, memory O(nnz).
    """

    rises: float = 0.0

    def __init__(self, features: sparse.csr_array, kind: Curve, linearised: bool = False):
        self.features, self.kind, self.linearised = features, kind, linearised
        self.mass = np.zeros(features.shape[1])  # of each feature in the rows picked

    def fresh(self) -> "ConcaveFeatures":
        """The same with nothing picked."""
        return ConcaveFeatures(self.features, self.kind, self.linearised)

    def facts(self) -> dict[str, Any]:
        """How many features there are and are held, and rows that have none (never gained)."""
        without = int((np.diff(self.features.indptr) == 0).sum())
        return {
            "features": len(self.mass),
            "features_held": int((self.mass > 0).sum()),
            "rows_without_features": without,
        }

    def most(self, pool: Pool, limits: Limits) -> float:
        """The value of the whole pool, or the best first gains the budget can buy if less."""
        nothing = np.zeros_like(self.mass)
        exact = self._sum_gains(self.features, nothing, linearised=False)
        whole = curve(self.kind, self.features.sum(axis=0)).sum()
        return float(min(whole, best_affordable(exact, pool, limits)))

    def _sum_gains(
        self, rows: sparse.csr_array, mass: np.ndarray, linearised: bool
    ) -> Float[np.ndarray, " m"]:
        held = mass[rows.indices]
        if linearised:
            each = rows.data * slope(self.kind, held)
        else:
            each = curve(self.kind, held + rows.data) - curve(self.kind, held)
        gains = sparse.csr_array((each, rows.indices, rows.indptr), shape=rows.shape)
        return np.asarray(gains @ np.ones(rows.shape[1]))

    def all_gains(self) -> Float[np.ndarray, " n"]:
        """The gain of every row now."""
        return self._sum_gains(self.features, self.mass, self.linearised)

    def all_bounds(self) -> Float[np.ndarray, " n"]:
        """The gain of every row now."""
        return self.all_gains()

    def first_bounds(self) -> Float[np.ndarray, " n"]:
        """The gain of every row now."""
        return self.all_gains()

    def ready(self, index: int) -> bool:
        """A row's gain takes as long as it has features."""
        return True

    def prepare(self, indices: list[int]) -> None:
        """Nothing to share."""

    def gain(self, index: int) -> float:
        """The gain of one row now."""
        return float(self._sum_gains(self.features[[index]], self.mass, self.linearised)[0])

    def accept(self, index: int) -> None:
        """Add a row."""
        part = slice(*self.features.indptr[index : index + 2])
        self.mass[self.features.indices[part]] += self.features.data[part]

    def follow(self, rows: Int[np.ndarray, " p"]) -> "FollowedFeatures":
        """Start to follow some rows."""
        return FollowedFeatures(self, self.features[rows])


class FollowedFeatures:
    """A few rows; what their part holds of each feature is all there is to know."""

    def __init__(self, part: ConcaveFeatures, rows: sparse.csr_array):
        self.part, self.rows = part, rows

    def gains(self) -> Float[np.ndarray, " p"]:
        """The gain of each of these rows now."""
        return self.part._sum_gains(self.rows, self.part.mass, self.part.linearised)

    def ready(self, place: int) -> bool:
        """There is nothing to prepare."""
        return True

    def prepare(self, places: list[int]) -> None:
        """Nothing to share."""

    def accept(self, place: int) -> None:
        """The part has counted the row."""
