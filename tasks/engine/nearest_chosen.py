"""How close every row is to the rows chosen so far, and to which of them, as the choice grows."""

from typing import Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.tiles import TILE_COLUMNS, TILE_ROWS, column_tiles, map_row_blocks

STEP: Final = 64  # rows compared at a time


class NearestChosen:
    """The largest cosine of each row with a chosen row, and that row.

    `cosine` (n,) float32 is -inf and `row` (n,) int32 is -1 while nothing is chosen. Of equally
    close rows the one chosen first counts. The bits of a cosine depend on its two rows alone, so
    what comes out does not depend on how many rows are added at a time. Time O(n d) per chosen
    row, at the speed of a matrix product where many are added at once; memory 8 bytes per row.
    """

    def __init__(self, vectors: Float[np.ndarray, "n d"]):
        self.vectors = vectors
        self.cosine = np.full(len(vectors), -np.inf, dtype=np.float32)
        self.row = np.full(len(vectors), -1, dtype=np.int32)

    def add(self, rows: Int[np.ndarray, " m"]) -> None:
        """Choose these rows, in this order."""
        for start in range(0, len(rows), TILE_ROWS):
            self._add(rows[start : start + TILE_ROWS])

    def _add(self, rows: Int[np.ndarray, " m"]) -> None:
        chosen = self.vectors[rows]

        def look(block: slice) -> None:
            for columns, tile in column_tiles(chosen, self.vectors[block]):
                part = slice(block.start + columns.start, block.start + columns.stop)
                self._raise(part, tile, rows)

        for _ in map_row_blocks(len(self.vectors), look, size=2 * TILE_COLUMNS):
            pass

    def _raise(self, part: slice, tile: Float[np.ndarray, "m w"], rows: np.ndarray) -> None:
        best, cosine = tile.max(axis=0), self.cosine[part]
        closer = np.flatnonzero(best > cosine)
        cosine[closer] = best[closer]
        self.row[part][closer] = rows[tile[:, closer].argmax(axis=0)]


def cosines_of(
    some: Float[np.ndarray, "m d"], rows: Float[np.ndarray, "p d"]
) -> Float[np.ndarray, "m p"]:
    """Cosines of a few rows with others, float32, of the same bits as in `NearestChosen`."""
    found = np.empty((len(some), len(rows)), dtype=np.float32)
    for columns, tile in column_tiles(some, rows):
        found[:, columns] = tile
    return found
