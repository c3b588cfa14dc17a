"""Saturated coverage: every row counts as covered once enough of the subset is like it."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from tasks.engine.buckets import partition
from tasks.engine.columns import SimilarityColumns
from tasks.engine.constraints import Limits
from tasks.engine.mean_similarity import EXACT_ROWS, mean_similarity
from tasks.engine.objectives.part import best_affordable
from tasks.engine.pool import Pool
from tasks.engine.sampled_sums import representatives
from tasks.engine.similarity import Similarity
from tasks.engine.tiles import column_tiles, map_row_blocks

REFERENCES: Final = 16_384  # rows to cover where the pool is too large to cover each of them


@dataclass(frozen=True)
class ToCover:
    """The m rows to cover, how many rows each stands for, and likeness summed over all pairs.

    `reach` is the likeness of each to all n rows, `singles` of each row to all to be covered, by
    their weight: its gain if nothing were saturated.
    """

    targets: Float[np.ndarray, "m d"]
    weight: Float[np.ndarray, " m"]
    reach: Float[np.ndarray, " m"]
    singles: Float[np.ndarray, " n"]

    @classmethod
    def of(
        cls, rows: Float[np.ndarray, "n d"], similarity: Similarity, exact_rows: int = EXACT_ROWS
    ) -> "ToCover":
        """All rows; in a pool of more than `exact_rows` some REFERENCES of them.

        These are some rows of each bucket of like rows, each standing for an equal part of it.
        """
        if len(rows) <= exact_rows:
            reach = len(rows) * mean_similarity(rows, similarity, exact_rows).values
            return cls(rows, np.ones(len(rows)), reach, reach)
        buckets = partition(rows, round(len(rows) ** 0.5), seed=0)
        some, weight, _ = representatives(buckets, max(1, REFERENCES // len(buckets)))
        return cls(rows[some], weight, *_sums(rows[some], rows, similarity, weight))


def _sums(
    targets: np.ndarray, rows: np.ndarray, similarity: Similarity, weight: np.ndarray
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " n"]]:
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


class Saturation:
    """F(S) = sum_v w_v min(sum_{j in S} s(v, j), a sum_{j in V} s(v, j)); a is the `saturation`.

    Lin and Bilmes (2011). Monotone and submodular, as s >= 0; v runs over the rows to cover. Time
    O(m d) per gain looked at; memory O(n + m) and a cache of columns.
    """

    rises: float = 0.0

    def __init__(
        self,
        rows: Float[np.ndarray, "n d"],
        similarity: Similarity,
        saturation: float,
        to_cover: ToCover,
    ):
        self.made_of = (rows, similarity, saturation, to_cover)
        self.to_cover = to_cover
        self.columns = SimilarityColumns(to_cover.targets, similarity, candidates=rows)
        self.room = saturation * to_cover.reach  # how much likeness each row still counts
        self.whole = float((self.room * to_cover.weight).sum())
        self.saturated = not self.room.any()

    def fresh(self) -> "Saturation":
        """The same with nothing picked."""
        return Saturation(*self.made_of)

    def facts(self) -> dict[str, Any]:
        """How many rows were to be covered, and the share of their room that was used."""
        left = float((self.room * self.to_cover.weight).sum())
        used = 1.0 - left / self.whole if self.whole else 0.0
        return {"rows_to_cover": len(self.room), "saturated": round(used, 6)}

    def most(self, pool: Pool, limits: Limits) -> float:
        """The value of the whole pool, or the best first gains the budget can buy if less."""
        return min(self.whole, best_affordable(self.to_cover.singles, pool, limits))

    def first_bounds(self) -> Float[np.ndarray, " n"]:
        """What each row would add if nothing were saturated."""
        return self.to_cover.singles

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
        return float((added * self.to_cover.weight).sum())

    def accept(self, index: int) -> None:
        """Add a row."""
        if not self.saturated:
            np.maximum(self.room - self.columns.column(index), 0.0, out=self.room)
            self.saturated = not self.room.any()
            self.columns.forget(index)
