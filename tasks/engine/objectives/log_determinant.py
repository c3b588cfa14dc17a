"""The log-determinant of the picks: how much volume they span (a determinantal point process)."""

from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.constraints import Limits
from tasks.engine.objectives.part import affordable_rows
from tasks.engine.pool import Pool
from tasks.engine.tiles import map_row_blocks

BLOCK_ROWS: Final = 2048
STEP: Final = 64  # picks for which room is made at a time


class LogDeterminant:
    """F(S) = log det(I + c X_S X_S'), by the d x d matrix A = I + c X_S' X_S of the same value.

    The gain of row x is log(1 + c x' A^-1 x) (Sylvester's identity). It never grows. A is kept in
    float64 and inverted anew when gains are asked for after picks, so that nothing drifts. One look
    at all rows costs O(n d^2 + d^3). Memory O(d^2) beside the rows.
    """

    rises: float = 0.0

    def __init__(self, rows: Float[np.ndarray, "n d"], strength: float):
        self.rows, self.strength = rows, strength
        self._whole: np.ndarray = np.eye(rows.shape[1])
        self._inverse: np.ndarray = np.eye(rows.shape[1])
        self._waiting: list[int] = []

    def inverse(self) -> Float[np.ndarray, "d d"]:
        """The inverse of A now."""
        if self._waiting:
            some = self.rows[self._waiting].astype(np.float64)
            self._whole += self.strength * (some.T @ some)
            self._inverse = np.linalg.inv(self._whole)
            self._waiting.clear()
        return self._inverse

    def fresh(self) -> "LogDeterminant":
        """The same with nothing picked."""
        return LogDeterminant(self.rows, self.strength)

    def facts(self) -> dict[str, Any]:
        """The log-determinant reached, worked out anew from the picks' Gram matrix."""
        self.inverse()
        return {"log_determinant": round(float(np.linalg.slogdet(self._whole)[1]), 6)}

    def most(self, pool: Pool, limits: Limits) -> float:
        """At most d log(1 + c k / d), by the inequality of arithmetic and geometric means.

        k is the budget in rows; in tokens what it buys of the cheapest.
        """
        d = self.rows.shape[1]
        k = affordable_rows(pool, limits)
        if limits.in_tokens:
            k = min(limits.budget / float(pool.cost.min(initial=1)), len(pool))
        return float(d * np.log1p(self.strength * k / d))

    def all_gains(self) -> Float[np.ndarray, " n"]:
        """The gain of every row now."""
        inverse = self.inverse().astype(np.float32)

        def spread(block: slice) -> Float[np.ndarray, " b"]:
            count = block.stop - block.start
            some = np.zeros((BLOCK_ROWS, self.rows.shape[1]), dtype=np.float32)
            some[:count] = self.rows[block]  # one shape: bits depend on the row alone
            value = np.einsum("nd,nd->n", some @ inverse, some, dtype=np.float64)[:count]
            return np.asarray(np.log1p(self.strength * np.maximum(value, 0.0)))

        parts = map_row_blocks(len(self.rows), spread, BLOCK_ROWS)
        return np.concatenate([np.zeros(0), *parts])

    def first_bounds(self) -> Float[np.ndarray, " n"]:
        """The gain of every row now."""
        return self.all_gains()

    def ready(self, index: int) -> bool:
        """A gain is always cheap."""
        return True

    def prepare(self, indices: list[int]) -> None:
        """Nothing to get ready."""

    def gain(self, index: int) -> float:
        """The gain of one row now."""
        row = self.rows[index].astype(np.float64)
        return float(np.log1p(self.strength * max(0.0, row @ self.inverse() @ row)))

    def accept(self, index: int) -> None:
        """Add a row."""
        self._waiting.append(index)

    def follow(self, rows: Int[np.ndarray, " p"]) -> "FollowedLogDeterminant":
        """Start to follow some rows."""
        return FollowedLogDeterminant(self, rows)


class FollowedLogDeterminant:
    """x' A^-1 x of a few rows, lowered by every pick among them.

    By the rows of a Cholesky factor, as Chen, Zhang and Zhou (2018) do, but of A^-1 at the start
    and over these rows alone: O(p (d + m)) for the m-th pick.
    """

    def __init__(self, part: LogDeterminant, rows: Int[np.ndarray, " p"]):
        self.strength = part.strength
        self.rows = part.rows[rows].astype(np.float64)  # so that equal rows tie after rounding
        self.toward = self.rows @ part.inverse()
        self.value = np.einsum("nd,nd->n", self.toward, self.rows)
        self.factor = np.empty((STEP, len(rows)))
        self.picks = 0

    def gains(self) -> Float[np.ndarray, " p"]:
        """The gain of each of these rows now."""
        return np.asarray(np.log1p(self.strength * np.maximum(self.value, 0.0)))

    def ready(self, place: int) -> bool:
        """`accept` is always cheap."""
        return True

    def prepare(self, places: list[int]) -> None:
        """Nothing to get ready."""

    def accept(self, place: int) -> None:
        """Add the row at this place."""
        if self.picks == len(self.factor):
            self.factor = np.concatenate([self.factor, np.empty_like(self.factor)])
        before = self.factor[: self.picks]
        likeness = self.rows @ self.toward[place] - before[:, place] @ before
        scale = self.strength / (1.0 + self.strength * max(float(self.value[place]), 0.0))
        step = np.multiply(likeness, np.sqrt(scale), out=self.factor[self.picks])
        self.value -= np.square(step)
        self.picks += 1
