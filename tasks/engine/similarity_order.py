"""An order of rows in which neighbours are alike: halves of halves along principal axes."""

from typing import Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.tiles import TILE_COLUMNS, column_tiles, map_row_blocks

AXES: Final = 16
LEAF: Final = 4  # rows that stand together as they come
DIGITS: Final = 5  # of a coordinate: equal rows stay in order of index


def similarity_order(rows: Float[np.ndarray, "n d"]) -> Int[np.ndarray, " n"]:
    """Row indices such that rows close in the order are close in space.

    A k-d tree over the leading principal axes, its leaves from left to right: each part is halved
    at the median along the axis on which it is widest (Bentley, 1975), all parts of a level at
    once. Deterministic. O(n d) time for the axes and O(n log^2 n) for the order, O(n) memory.
    """
    n = len(rows)
    order = np.arange(n)
    if n <= LEAF:
        return order
    place = _coordinates(rows, _principal_axes(rows))
    starts = np.array([0, n])
    while np.diff(starts).max() > LEAF:
        size = np.diff(starts)
        here = place[order]
        mean = np.add.reduceat(here, starts[:-1], axis=0) / size[:, None]
        square = np.add.reduceat(here**2, starts[:-1], axis=0) / size[:, None]
        widest = (square - mean**2).argmax(axis=1)
        part = np.repeat(np.arange(len(size)), size)
        order = order[np.lexsort((order, here[np.arange(n), widest[part]], part))]
        middles = starts[:-1] + (size + 1) // 2
        starts = np.unique(np.concatenate([starts, middles[size > LEAF]]))
    return order


def _principal_axes(rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "a d"]:
    """The leading eigenvectors of the covariance, largest component positive."""
    total = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), TILE_COLUMNS):
        some = rows[start : start + TILE_COLUMNS].astype(np.float64)
        total += some.T @ some
    mean = rows.mean(axis=0, dtype=np.float64)
    _, vectors = np.linalg.eigh(total / len(rows) - np.outer(mean, mean))
    axes = vectors[:, ::-1][:, :AXES].T
    largest = np.abs(axes).argmax(axis=1)
    signs = np.sign(axes[np.arange(len(axes)), largest])
    return np.asarray((axes * signs[:, None]).astype(np.float32))


def _coordinates(rows: np.ndarray, axes: np.ndarray) -> Float[np.ndarray, "n a"]:
    found = np.empty((len(rows), len(axes)))

    def fill(block: slice) -> None:
        for part, tile in column_tiles(axes, rows[block]):
            found[block.start + part.start : block.start + part.stop] = tile.T

    for _ in map_row_blocks(len(rows), fill, size=4 * TILE_COLUMNS):
        pass
    return np.round(found, DIGITS)
