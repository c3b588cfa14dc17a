"""Tiles of proposed cosines between rows and the buckets they look into."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from jaxtyping import Int

from tasks.engine.buckets import Buckets
from tasks.engine.products import Products

TILE_ROWS: Final = 512
TILE_COLUMNS: Final = 512
Visit = Callable[[np.ndarray, int, Int[np.ndarray, " b"], int], None]


@dataclass(frozen=True)
class Probing:
    """Rows in order of bucket look into their own bucket and into those of their `near` centres.

    Positions count in the order of the buckets, as the rows of `products` do. `near` (n, p) has
    a line per place; None stands for all buckets.
    """

    products: Products
    buckets: Buckets
    near: Int[np.ndarray, "n p"] | None

    def tiles(self, chunk: slice, visit: Visit) -> None:
        """Visit the tiles of a chunk of positions, own buckets first.

        A visit gets the padded codes, how many columns count, the lines of the rows (from the
        chunk's start), and the first column's position. A row meets a bucket once, and bucket by
        bucket in ascending order after its own.
        """
        if self.near is None:
            self._visit(chunk, np.arange(chunk.stop - chunk.start), 0, len(self.products), visit)
            return
        places = self.buckets.order[chunk]
        label = self.buckets.label[places]
        bounds = np.flatnonzero(np.diff(label, prepend=-1, append=-1))
        for start, stop in pairwise(bounds):
            self._bucket(chunk, np.arange(start, stop), int(label[start]), visit)
        starts, lines = self._lookers(places, label)
        for bucket in np.flatnonzero(np.diff(starts)):
            self._bucket(chunk, lines[starts[bucket] : starts[bucket + 1]], int(bucket), visit)

    def _lookers(self, places: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from tasks.engine.kernels.probes import rows_by_bucket

        assert self.near is not None
        near = self.near[places]
        starts = np.zeros(len(self.buckets) + 1, dtype=np.int64)
        lines = np.empty(near.size, dtype=np.int32)
        rows_by_bucket(near, label, self.buckets.first_of, starts, lines)
        return starts, lines

    def _bucket(self, chunk: slice, lines: np.ndarray, bucket: int, visit: Visit) -> None:
        starts = self.buckets.starts
        self._visit(chunk, lines, int(starts[bucket]), int(starts[bucket + 1]), visit)

    def _visit(self, chunk: slice, lines: np.ndarray, first: int, stop: int, visit: Visit) -> None:
        for row in range(0, len(lines), TILE_ROWS):
            some = lines[row : row + TILE_ROWS]
            for start in range(first, stop, TILE_COLUMNS):
                columns = slice(start, min(start + TILE_COLUMNS, stop))
                codes = self.products.padded_tile(some + chunk.start, columns)
                visit(codes, columns.stop - start, some, start)
