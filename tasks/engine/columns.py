"""Similarities of rows to a few candidate rows, computed in batches and kept while they fit."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float

from tasks.engine.similarity import Similarity
from tasks.engine.tiles import TILE_COLUMNS, column_tiles, map_row_blocks

CACHE_BYTES: Final = 512 * 2**20
PLAIN: Final = Similarity()
BATCH: Final = 256  # columns per product


class SimilarityColumns:
    """`column(j)` is the similarity of every row to candidate j, (n,) float32; recent ones stay.

    The candidates are the rows themselves unless others are given. Bits depend on the two rows
    alone (see tiles). Memory: CACHE_BYTES and one batch of columns.
    """

    def __init__(
        self,
        vectors: Float[np.ndarray, "n d"],
        similarity: Similarity = PLAIN,
        cache_bytes: int = CACHE_BYTES,
        candidates: Float[np.ndarray, "m d"] | None = None,
    ):
        self.vectors, self.similarity = vectors, similarity
        self.candidates = vectors if candidates is None else candidates
        self.capacity = max(1, cache_bytes // max(1, 4 * len(vectors)))
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()

    def __contains__(self, index: int) -> bool:
        return index in self._kept

    def prepare(self, indices: Sequence[int]) -> None:
        """Compute the columns of several rows at once (at most `capacity` are kept)."""
        wanted = [index for index in indices if index not in self._kept][: self.capacity]
        if not wanted:
            return
        found = [np.empty(len(self.vectors), dtype=np.float32) for _ in wanted]

        def fill(rows: slice) -> None:
            for start in range(0, len(wanted), BATCH):
                some = self.candidates[wanted[start : start + BATCH]]
                for columns, tile in column_tiles(some, self.vectors[rows]):
                    for position, values in enumerate(tile, start):
                        part = slice(rows.start + columns.start, rows.start + columns.stop)
                        found[position][part] = self.similarity.of(values)

        for _ in map_row_blocks(len(self.vectors), fill, size=4 * TILE_COLUMNS):
            pass
        self._kept.update(zip(wanted, found, strict=True))
        while len(self._kept) > self.capacity:
            self._kept.popitem(last=False)

    def column(self, index: int) -> Float[np.ndarray, " n"]:
        """The column of one row, computed if it is not kept."""
        if index not in self._kept:
            self.prepare([index])
        self._kept.move_to_end(index)
        return self._kept[index]

    def forget(self, index: int) -> None:
        """Drop a column that will not be asked for again."""
        self._kept.pop(index, None)
