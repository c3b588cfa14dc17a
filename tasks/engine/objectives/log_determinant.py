"""The log-determinant of the picks: how much volume they span (a determinantal point process)."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import solve_triangular

from tasks.engine.constraints import Limits
from tasks.engine.objectives.part import affordable_rows
from tasks.engine.pool import Pool
from tasks.engine.tiles import column_tiles, map_row_blocks

BLOCK_ROWS: Final = 2048
SEGMENT: Final = 64  # picks whose effect on all rows is one product
RENEWED_ROWS: Final = 2048  # up to so many followed rows are renewed in float64 every segment
ROUNDING: Final = 1e-5  # of a row's squared length: more than float32 loses in any number of picks


class LogDeterminant:
    """F(S) = log det(I + c X_S X_S'), by the d x d matrix A = I + c X_S' X_S of the same value.

    The gain of row x is log(1 + c x' A^-1 x) (Sylvester's identity). It never grows. After the
    picks S of a segment x' A^-1 x is less by |W x|^2, where W = L^-1 X_S A^-1 and
    L L' = I / c + X_S A^-1 X_S' (Woodbury's identity): O(n d) per pick, as one product per segment.
    The inverse is kept in float64. One exact look at all rows costs O(n d^2). Memory O(n + d^2)
    beside the rows.
    """

    rises: float = 0.0

    def __init__(self, rows: Float[np.ndarray, "n d"], strength: float):
        self.rows, self.strength = rows, strength
        self._picks: list[int] = []
        self._inverse: np.ndarray = np.eye(rows.shape[1])  # after whole segments
        self._value: np.ndarray | None = None  # x' A^-1 x, when it was last asked for
        self._segments = 0
        self._counted = 0  # picks after whole segments that the value knows of
        self._longest = 0.0  # squared length of the longest row

    def _picked(self) -> Float[np.ndarray, "p d"]:
        """The picks of the segment that is not whole."""
        return self.rows[self._picks[self._segments * SEGMENT :]].astype(np.float64)

    def inverse(self) -> Float[np.ndarray, "d d"]:
        """The inverse of A now."""
        lowered = self._lowering(self._picked(), self._inverse)
        return np.asarray(self._inverse - lowered.T @ lowered)

    def _lowering(
        self, some: Float[np.ndarray, "p d"], inverse: Float[np.ndarray, "d d"]
    ) -> Float[np.ndarray, "p d"]:
        """W, by which these picks lower A^-1 by W' W."""
        toward = some @ inverse
        gram = toward @ some.T + np.eye(len(some)) / self.strength
        lower = np.linalg.cholesky(gram)
        return np.asarray(solve_triangular(lower, toward, lower=True)) if len(some) else toward

    def fresh(self) -> "LogDeterminant":
        """The same with nothing picked."""
        return LogDeterminant(self.rows, self.strength)

    def facts(self) -> dict[str, Any]:
        """The log-determinant reached, worked out anew from the picks' products."""
        some = self.rows[self._picks].astype(np.float64)
        whole = np.eye(self.rows.shape[1]) + self.strength * (some.T @ some)
        return {"log_determinant": round(float(np.linalg.slogdet(whole)[1]), 6)}

    def most(self, pool: Pool, limits: Limits) -> float:
        """At most d log(1 + c k / d), by the inequality of arithmetic and geometric means.

        k is the budget in rows; in tokens what it buys of the cheapest.
        """
        d = self.rows.shape[1]
        k = affordable_rows(pool, limits)
        if limits.in_tokens:
            k = min(limits.budget / float(pool.cost.min(initial=1)), len(pool))
        return float(d * np.log1p(self.strength * k / d))

    def _blocks(self, work: Callable[[np.ndarray], np.ndarray]) -> Float[np.ndarray, " n"]:
        """Work on all rows in blocks of one shape, on all threads."""

        def one(block: slice) -> Float[np.ndarray, " b"]:
            some = self.rows[block]
            if (count := len(some)) < BLOCK_ROWS:
                some = np.pad(some, ((0, BLOCK_ROWS - count), (0, 0)))
            return np.asarray(work(some)[:count])

        parts = map_row_blocks(len(self.rows), one, BLOCK_ROWS)
        return np.concatenate([np.zeros(0), *parts])

    def _gains(self, value: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        return np.asarray(np.log1p(self.strength * np.maximum(value, 0.0)))

    def all_gains(self) -> Float[np.ndarray, " n"]:
        """The gain of every row now."""
        inverse = self.inverse().astype(np.float32)

        def spread(some: np.ndarray) -> np.ndarray:
            turned = np.empty_like(some)
            for part, tile in column_tiles(some, inverse):  # equal rows have equal bits
                turned[:, part] = tile
            return np.asarray(np.einsum("nd,nd->n", turned, some, dtype=np.float64))

        return self._gains(self._blocks(spread))

    def values(self) -> Float[np.ndarray, " n"]:
        """X' A^-1 x of every row now, off by ROUNDING |x|^2 at most."""
        if self._value is None:
            self._value = self._blocks(_squares)
            self._longest = float(self._value.max(initial=0.0))
        while len(self._picks) >= (self._segments + 1) * SEGMENT:
            first = self._segments * SEGMENT
            lowered = self._lower(self.rows[self._picks[first : first + SEGMENT]])
            self._inverse = self._inverse - lowered.T @ lowered
            self._segments, self._counted = self._segments + 1, 0
        self._lower(self._picked())
        return self._value.copy()

    def _lower(self, some: Float[np.ndarray, "p d"]) -> Float[np.ndarray, "p d"]:
        """Bring the values up to date with the picks of a segment; W of them all.

        A line of W depends on the picks up to its own alone: each is counted once.
        """
        lowered = self._lowering(some.astype(np.float64), self._inverse)
        assert self._value is not None
        self._value -= self._fall(lowered[self._counted :])
        self._counted = len(lowered)
        return lowered

    def all_bounds(self) -> Float[np.ndarray, " n"]:
        """Upper bounds of all gains: less by rounding than 1 + ROUNDING c above them."""
        return self._gains(self.values() + ROUNDING * self._longest)

    def _fall(self, lowered: Float[np.ndarray, "p d"]) -> Float[np.ndarray, " n"] | float:
        """|W x|^2 of every row."""
        if not len(lowered):
            return 0.0
        height = -(-len(lowered) // 8) * 8  # whole registers
        padded = np.zeros((height, self.rows.shape[1]), dtype=np.float32)
        padded[: len(lowered)] = lowered

        def squares(some: np.ndarray) -> np.ndarray:
            turned = padded @ some.T  # a few long lines: faster than many short ones
            return np.asarray(np.square(turned, out=turned).sum(axis=0), dtype=np.float64)

        return self._blocks(squares)

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
        self._picks.append(index)

    def follow(self, rows: Int[np.ndarray, " p"]) -> "FollowedLogDeterminant":
        """Start to follow some rows."""
        return FollowedLogDeterminant(self, rows)


def _squares(rows: Float[np.ndarray, "n p"]) -> Float[np.ndarray, " n"]:
    return np.asarray(np.einsum("np,np->n", rows, rows, dtype=np.float64))


class FollowedLogDeterminant:
    """x' A^-1 x of a few rows, lowered by every pick among them.

    By the rows of a Cholesky factor, as Chen, Zhang and Zhou (2018) do, but of A^-1 at the start
    and over these rows alone: O(p (d + m)) for the m-th pick.
    """

    def __init__(self, part: LogDeterminant, rows: Int[np.ndarray, " p"]):
        self.part, self.strength = part, part.strength
        whole = len(rows) == len(part.rows)
        self.rows = part.rows if whole else np.ascontiguousarray(part.rows[rows])
        self.value = part.values()[rows]
        self.factor = np.empty((len(rows), SEGMENT), dtype=np.float32)
        self._begin()

    def _begin(self) -> None:
        """Start a new factor, from A^-1 of now."""
        self.inverse, self.picks = self.part.inverse(), 0
        if len(self.rows) <= RENEWED_ROWS:
            rows = self.rows.astype(np.float64)
            self.value = np.einsum("nd,nd->n", rows @ self.inverse, rows)

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
        from tasks.engine.kernels.volume import lower_values

        toward = (self.inverse @ self.rows[place].astype(np.float64)).astype(np.float32)
        lower_values(self.rows, toward, self.factor, self.picks, place, self.strength, self.value)
        self.picks += 1
        if self.picks == SEGMENT:
            self._begin()
