"""The log-determinant of the picks: how much volume they span (a determinantal point process)."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.constraints import Limits
from tasks.engine.objectives.part import affordable_rows
from tasks.engine.pool import Pool
from tasks.engine.tiles import map_row_blocks

BLOCK_ROWS = 2048


class LogDeterminant:
    """F(S) = log det(I + c X_S X_S'), by the d x d matrix A = I + c X_S' X_S of the same value.

    The gain of row x is log(1 + c x' A^-1 x) (Sylvester's identity). It never grows. A and its
    inverse are kept in float64, the inverse by Sherman and Morrison's formula. One look at all
    rows costs O(n d^2), one pick O(d^2). Memory O(d^2) beside the rows.
    """

    rises: float = 0.0

    def __init__(self, rows: Float[np.ndarray, "n d"], strength: float):
        self.rows, self.strength = rows, strength
        self.whole = np.eye(rows.shape[1])
        self.inverse = np.eye(rows.shape[1])

    def fresh(self) -> "LogDeterminant":
        """The same with nothing picked."""
        return LogDeterminant(self.rows, self.strength)

    def facts(self) -> dict[str, Any]:
        """The log-determinant reached, worked out anew from the picks' Gram matrix."""
        return {"log_determinant": round(float(np.linalg.slogdet(self.whole)[1]), 6)}

    def most(self, pool: Pool, limits: Limits) -> float:
        """At most d log(1 + c k / d), the most that k unit rows can span (arithmetic above geometric mean).

        k is the budget in rows; in tokens what it buys of the cheapest.
        """
        d = self.rows.shape[1]
        k = affordable_rows(pool, limits)
        if limits.in_tokens:
            k = min(limits.budget / float(pool.cost.min(initial=1)), len(pool))
        return float(d * np.log1p(self.strength * k / d))

    def all_gains(self) -> Float[np.ndarray, " n"]:
        """The gain of every row now."""
        inverse = self.inverse.astype(np.float32)

        def spread(block: slice) -> Float[np.ndarray, " b"]:
            count = block.stop - block.start
            some = np.zeros((BLOCK_ROWS, self.rows.shape[1]), dtype=np.float32)
            some[:count] = self.rows[block]  # one shape: bits depend on the row alone
            value = np.einsum("nd,nd->n", some @ inverse, some, dtype=np.float64)[:count]
            return np.log1p(self.strength * np.maximum(value, 0.0))

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
        return float(np.log1p(self.strength * max(0.0, row @ self.inverse @ row)))

    def accept(self, index: int) -> None:
        """Add a row."""
        row = self.rows[index].astype(np.float64)
        toward = self.inverse @ row
        scale = self.strength / (1.0 + self.strength * float(row @ toward))
        self.inverse -= np.outer(scale * toward, toward)
        self.whole += np.outer(self.strength * row, row)

    def follow(self, rows: Int[np.ndarray, " p"]) -> "FollowedLogDeterminant":
        """Start to follow some rows."""
        return FollowedLogDeterminant(self, rows)


class FollowedLogDeterminant:
    """x' A^-1 x of a few rows, lowered by every pick among them: one product with the rows."""

    def __init__(self, part: LogDeterminant, rows: Int[np.ndarray, " p"]):
        self.strength = part.strength
        self.rows = np.ascontiguousarray(part.rows[rows])
        self.inverse = part.inverse.copy()
        single = self.inverse.astype(np.float32)
        self.value = np.einsum("nd,nd->n", self.rows @ single, self.rows, dtype=np.float64)

    def gains(self) -> Float[np.ndarray, " p"]:
        """The gain of each of these rows now."""
        return np.asarray(np.log1p(self.strength * np.maximum(self.value, 0.0)))

    def ready(self, place: int) -> bool:
        """`accept` is always cheap."""
        return True

    def prepare(self, places: list[int]) -> None:
        """Nothing to get ready."""

    def accept(self, place: int) -> None:
        """Add the row at this place: Sherman and Morrison for the inverse and for the values."""
        row = self.rows[place].astype(np.float64)
        toward = self.inverse @ row
        scale = self.strength / (1.0 + self.strength * float(row @ toward))
        self.inverse -= np.outer(scale * toward, toward)
        self.value -= scale * np.square((self.rows @ toward.astype(np.float32)).astype(np.float64))
