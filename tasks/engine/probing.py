"""Tiles of proposed cosines between rows and the buckets they look into."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.buckets import Buckets, arrange
from tasks.engine.products import Products
from tasks.engine.tiles import thread_count

TILE_ROWS: Final = 512
TILE_COLUMNS: Final = 512
CHUNK: Final = (4096, 65536)  # fewest and most rows searched together
PER_THREAD: Final = 4  # chunks, so that threads finish at about the same time
Visit = Callable[[np.ndarray, int, Int[np.ndarray, " b"], int], None]


@dataclass(frozen=True)
class Probing:
    """Rows in order of bucket look into their own bucket and into those of their `near` centres.

    Positions count in the order of the buckets, as the rows of `products` do; place p is row
    `numbers[p]`. `near` (n, c) has a line per place; None stands for all buckets. With `earlier`
    a row need only meet the rows of lower place: about half of the tiles are left out.
    """

    products: Products
    buckets: Buckets
    near: Int[np.ndarray, "n c"] | None
    numbers: Int[np.ndarray, " n"]
    earlier: bool = False

    def __len__(self) -> int:
        return len(self.buckets.order)

    @property
    def chunk_rows(self) -> int:
        """How many rows to search together: the more, the larger the tiles; results are equal."""
        return int(np.clip(-(-len(self) // (PER_THREAD * thread_count())), *CHUNK))

    def tiles(self, chunk: slice, visit: Visit) -> None:
        """Visit the tiles of a chunk of positions, own buckets first.

        A visit gets the padded codes, how many columns count, the lines of the rows (from the
        chunk's start), and the first column's position. A row meets a bucket once.
        """
        if self.near is None:
            self.everywhere(np.arange(chunk.start, chunk.stop), visit, chunk.start)
            return
        places = self.buckets.order[chunk]
        label = self.buckets.label[places]
        bounds = np.flatnonzero(np.diff(label, prepend=-1, append=-1))
        for start, stop in pairwise(bounds):
            self._bucket(chunk, np.arange(start, stop), int(label[start]), visit)
        starts, lines = self._lookers(places, label)
        for bucket in np.flatnonzero(np.diff(starts)):
            some = lines[starts[bucket] : starts[bucket + 1]]
            if self.earlier:
                some = some[np.argsort(places[some])]  # so that the first need few columns
            self._bucket(chunk, some, int(bucket), visit)

    def everywhere(self, positions: Int[np.ndarray, " m"], visit: Visit, start: int = 0) -> None:
        """Visit the tiles of these positions with all others; lines are positions - start."""
        for row in range(0, len(positions), TILE_ROWS):
            some = positions[row : row + TILE_ROWS] - start
            self._visit(some, start, 0, len(self), visit)

    def _lookers(self, places: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lines of the rows that look into each bucket other than their own."""
        from tasks.engine.kernels.probes import rows_by_bucket

        assert self.near is not None
        near = self.near[places]
        starts = np.zeros(len(self.buckets) + 1, dtype=np.int64)
        lines = np.empty(near.size, dtype=np.int32)
        rows_by_bucket(near, label, self.buckets.first_of, starts, lines)
        return starts, lines

    def _bucket(self, chunk: slice, lines: np.ndarray, bucket: int, visit: Visit) -> None:
        first, stop = self.buckets.starts[bucket : bucket + 2].tolist()
        order = self.buckets.order
        for row in range(0, len(lines), TILE_ROWS):
            some = lines[row : row + TILE_ROWS]
            end = stop
            if self.earlier:
                last = order[some[-1] + chunk.start]
                end = first + int(np.searchsorted(order[first:stop], last))
            self._visit(some, chunk.start, first, end, visit)

    def _visit(self, lines: np.ndarray, start: int, first: int, stop: int, visit: Visit) -> None:
        for low in range(first, stop, TILE_COLUMNS):
            columns = slice(low, min(low + TILE_COLUMNS, stop))
            codes = self.products.padded_tile(lines + start, columns)
            visit(codes, columns.stop - low, lines, low)


def probing_of(
    vectors: Float[np.ndarray, "n d"],
    numbers: Int[np.ndarray, " u"],
    near: Int[np.ndarray, "u c"],
    centres: Float[np.ndarray, "k d"],
    everywhere: bool = False,
    earlier: bool = False,
) -> Probing:
    """Rows `numbers` in the buckets of their first centres; they look into those of all `near`."""
    buckets = arrange(near[:, 0], centres)
    products = Products(vectors, numbers[buckets.order], ranked=True)
    return Probing(products, buckets, None if everywhere else near, numbers, earlier)
