"""Spread weights of many rows: exact by tiles, beyond that by a neighbour graph and landmarks."""

from typing import Final
from zlib import crc32

import numpy as np
from jaxtyping import Float

from tasks.engine.graph import Graph
from tasks.engine.magnitude import scale_for
from tasks.engine.tiles import column_tiles, map_row_blocks

EXACT_ROWS: Final = 20_000  # beyond it n^2 exponentials take longer than the graph
LANDMARKS: Final = 1_000
SAME_COSINE: Final = 1 - 1e-6  # from here on two rows are in one place


def scale_of(similarity: Float[np.ndarray, " n"]) -> float:
    """The scale of `scale_for`, from each row's cosine to its nearest other row.

    Rows with another in the same place are left out of the median.
    """
    apart = similarity[np.isfinite(similarity) & (similarity < SAME_COSINE)]
    nearest = float(np.sqrt(2 - 2 * np.median(apart))) if len(apart) else 0.0
    return scale_for(len(similarity), nearest)


def exact_sums(vectors: Float[np.ndarray, "n d"], scale: float) -> Float[np.ndarray, " n"]:
    """Sum over all rows y of exp(-scale * ||x - y||), x itself included. O(n^2 d), no n x n."""

    def search(rows: slice) -> np.ndarray:
        total = np.zeros(rows.stop - rows.start)
        own = np.arange(rows.start, rows.stop)
        for columns, tile in column_tiles(vectors[rows], vectors):
            inside = (own >= columns.start) & (own < columns.stop)
            tile[inside, own[inside] - columns.start] = 1.0
            total += _closeness(tile, scale).sum(axis=1, dtype=np.float64)
        return total

    parts = list(map_row_blocks(len(vectors), search))
    return np.concatenate(parts) if parts else np.empty(0)


def estimated_sums(
    vectors: Float[np.ndarray, "n d"], scale: float, graph: Graph, seed: int = 0
) -> Float[np.ndarray, " n"]:
    """The same, from each row's neighbours and the mean over random landmarks for all others.

    1 + sum over the k neighbours + (n - 1 - k) * mean over landmarks that are not among them. The
    sum over all weights comes out within 0.5 %, and rows of clustered pools keep their ranks
    (measured; see the tests). O(n LANDMARKS d).
    """
    n, k = len(vectors), graph.index.shape[1]
    stream = np.random.SeedSequence([seed, crc32(b"spread")])
    chosen = np.sort(np.random.default_rng(stream).permutation(n)[:LANDMARKS])
    place = np.full(n + 1, -1)  # the last: where the graph has no neighbour
    place[chosen] = np.arange(len(chosen))
    landmarks = vectors[chosen]

    def search(rows: slice) -> np.ndarray:
        own = np.arange(rows.start, rows.stop)
        known = np.concatenate([place[graph.index[rows]], place[own][:, None]], axis=1)
        far, others = np.zeros(len(own)), np.zeros(len(own))
        for columns, tile in column_tiles(vectors[rows], landmarks):
            close = _closeness(tile, scale)
            inside = (known >= columns.start) & (known < columns.stop)
            lines, which = np.nonzero(inside)
            close[lines, known[lines, which] - columns.start] = 0.0
            far += close.sum(axis=1, dtype=np.float64)
            others += close.shape[1] - inside.sum(axis=1)
        near = np.where(graph.index[rows] >= 0, _closeness(graph.cosine[rows], scale), 0.0)
        mean = np.divide(far, others, out=np.zeros(len(own)), where=others > 0)
        total: np.ndarray = 1 + near.sum(axis=1, dtype=np.float64) + (n - 1 - k) * mean
        return total

    return np.concatenate(list(map_row_blocks(n, search)))


def _closeness(cosine: np.ndarray, scale: float) -> Float[np.ndarray, "b w"]:
    squares = np.maximum(2 - 2 * cosine, 0)
    squares[squares < 2 - 2 * SAME_COSINE] = 0  # rounding must not part equal rows
    close: np.ndarray = np.exp(-np.float32(scale) * np.sqrt(squares))
    return close
