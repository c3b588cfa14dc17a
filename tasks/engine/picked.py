"""How similar every row is to the rows picked so far, summed up: exact, and counted in blocks."""

from typing import Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.similarity import Similarity
from tasks.engine.tiles import TILE_COLUMNS, column_tiles, map_row_blocks

BATCH: Final = 64  # picks per product with all rows; few, for some searches count them often


class PickedSums:
    """sum_{s picked} s(x, s) for every row x, in float64, added in the order of the picks.

    Picks wait until all rows are brought up to date at once, one product of BATCH picks with
    all rows: O(n d) per pick, at the speed of a matrix product and not of memory. Equal rows have
    equal sums, bit for bit, however and whenever they are counted.
    """

    def __init__(self, rows: Float[np.ndarray, "n d"], similarity: Similarity):
        self.rows, self.similarity = rows, similarity
        self._total = np.zeros(len(rows))
        self.picks: list[int] = []
        self._waiting: list[int] = []

    def add(self, index: int) -> None:
        """Count one more pick."""
        self.picks.append(index)
        self._waiting.append(index)

    @property
    def waiting(self) -> int:
        """Picks not yet counted for all rows."""
        return len(self._waiting)

    def all(self) -> Float[np.ndarray, " n"]:
        """The sum of every row now; counts what waits. Not to be altered."""
        if self._waiting:
            picked = self.rows[self._waiting]

            def count(block: slice) -> None:
                self._add(picked, self.rows[block], self._total[block])

            for _ in map_row_blocks(len(self.rows), count, size=4 * TILE_COLUMNS):
                pass
            self._waiting.clear()
        return self._total

    def of(self, indices: Int[np.ndarray, " m"] | list[int]) -> Float[np.ndarray, " m"]:
        """The sums of a few rows now; what waits goes on waiting, unless it is a full batch."""
        if len(self._waiting) >= BATCH:
            self.all()
        sums = self._total[indices]
        if self._waiting:
            self._add(self.rows[self._waiting], self.rows[indices], sums)
        return sums

    def _add(self, picked: np.ndarray, rows: np.ndarray, total: np.ndarray) -> None:
        """Add the similarities with each pick, one after another, to `total` in place."""
        for start in range(0, len(picked), BATCH):
            some = picked[start : start + BATCH]
            for part, tile in column_tiles(some, rows):
                for values in self.similarity.of(tile):
                    total[part] += values
