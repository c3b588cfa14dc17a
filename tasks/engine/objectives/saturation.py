"""Saturated coverage: every row counts as covered once enough of the subset is like it."""

from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.buckets import partition
from tasks.engine.columns import SimilarityColumns
from tasks.engine.constraints import Limits
from tasks.engine.mean_similarity import EXACT_ROWS, mean_similarity, representatives
from tasks.engine.objectives.part import best_affordable
from tasks.engine.pool import Pool
from tasks.engine.similarity import Similarity
from tasks.engine.tiles import column_tiles, map_row_blocks

REFERENCES: Final = 16_384  # rows to cover where the pool is too large to cover each of them


class Saturation:
    """F(S) = sum_v w_v min(sum_{j in S} s(v, j), a sum_{j in V} s(v, j)); a is the `saturation`.

    Lin and Bilmes (2011). Monotone and submodular, as s >= 0. The rows v to cover are all rows
    with w = 1, or for a pool of more than `exact_rows` some rows of each bucket of like rows, each
    standing for w_v rows. Time O(m n d) for m rows to cover, and O(m d) per gain looked at;
    memory O(n + m) and a cache of columns.
    """

    rises: float = 0.0

    def __init__(
        self,
        rows: Float[np.ndarray, "n d"],
        similarity: Similarity,
        saturation: float,
        exact_rows: int = EXACT_ROWS,
    ):
        if len(rows) <= exact_rows:
            self.weight = np.ones(len(rows))
            targets = rows
            reach = self.singles = len(rows) * mean_similarity(rows, similarity, exact_rows).values
        else:
            some, self.weight = _to_cover(rows)
            targets = rows[some]
            reach, self.singles = _sums(targets, rows, similarity, self.weight)
        self.columns = SimilarityColumns(targets, similarity=similarity, candidates=rows)
        self.room = saturation * reach  # how much likeness each row to cover still counts
        self.whole = float((self.room * self.weight).sum())
        self.saturated = not self.room.any()

    def facts(self) -> dict[str, Any]:
        """How many rows were to be covered, and the share of their room that was used."""
        left = float((self.room * self.weight).sum())
        used = 1.0 - left / self.whole if self.whole else 0.0
        return {"rows_to_cover": len(self.room), "saturated": round(used, 6)}

    def most(self, pool: Pool, limits: Limits) -> float:
        """The value of the whole pool, or the best first gains the budget can buy if less."""
        return min(self.whole, best_affordable(self.singles, pool, limits))

    def first_bounds(self) -> Float[np.ndarray, " n"]:
        """What each row would add if nothing were saturated."""
        return self.singles

    def ready(self, index: int) -> bool:
        """Whether the row's column is kept, or none is needed any more."""
        return self.saturated or index in self.columns

    def prepare(self, indices: list[int]) -> None:
        """Compute several columns in one product."""
        self.columns.prepare(indices)

    def gain(self, index: int) -> float:
        """What the row adds now."""
        if self.saturated:
            return 0.0
        added = np.minimum(self.columns.column(index), self.room)
        return float((added * self.weight).sum())

    def accept(self, index: int) -> None:
        """Add a row."""
        if not self.saturated:
            np.maximum(self.room - self.columns.column(index), 0.0, out=self.room)
            self.saturated = not self.room.any()
            self.columns.forget(index)


def _to_cover(rows: np.ndarray) -> tuple[Int[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """About REFERENCES rows, some of every bucket of like rows, and how many each stands for."""
    buckets = partition(rows, round(len(rows) ** 0.5), seed=0)
    some, stands_for, _ = representatives(buckets, max(1, REFERENCES // len(buckets)))
    return some, stands_for


def _sums(
    targets: np.ndarray, rows: np.ndarray, similarity: Similarity, weight: np.ndarray
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " n"]]:
    """Similarity of each target to all rows, and of each row to all targets by their weight."""
    reach, singles = np.zeros(len(targets)), np.zeros(len(rows))

    def add(block: slice) -> tuple[slice, np.ndarray, np.ndarray]:
        own, other = np.zeros(block.stop - block.start), np.zeros(len(rows))
        for part, tile in column_tiles(targets[block], rows):
            values = similarity.of(tile).astype(np.float64)
            own += values.sum(axis=1)
            other[part] = weight[block] @ values
        return block, own, other

    for block, own, other in map_row_blocks(len(targets), add):
        reach[block] = own
        singles += other
    return reach, singles
