"""Nearest neighbours by cosine, tile by tile: O(n^2 d) time, O(n k) memory where exact."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.tiles import column_tiles, map_row_blocks

if TYPE_CHECKING:
    from tasks.engine.graph import Graph

EXACT_ROWS: Final = 50_000
LISTED: Final = 32  # neighbours in a graph that serves more than one reader


@dataclass(frozen=True)
class Nearest:
    """For each row: the closest other row (lower index on ties), its cosine, mean of the k best.

    With a single row there is no neighbour: index -1 and NaN.
    """

    index: Int[np.ndarray, " n"]
    similarity: Float[np.ndarray, " n"]
    density: Float[np.ndarray, " n"]


def compare_rows(vectors: Float[np.ndarray, "n d"], k: int) -> tuple["Graph | None", Nearest]:
    """`nearest_neighbours`, and of more than EXACT_ROWS rows the graph that it was taken from.

    The graph has LISTED neighbours or `k`, whichever is more, so that others can use it too.
    """
    if len(vectors) <= EXACT_ROWS:
        return None, nearest_neighbours(vectors, k)
    from tasks.engine.graph import neighbour_graph

    graph = neighbour_graph(vectors, max(k, LISTED))
    return graph, _of_graph(graph, k)


def nearest_neighbours(vectors: Float[np.ndarray, "n d"], k: int) -> Nearest:
    """Neighbours of every row among the others; `k` is cut to n - 1.

    Exact up to EXACT_ROWS; beyond by buckets, at a measured recall of 0.95 (see neighbour_graph).
    """
    k = min(k, len(vectors) - 1)
    if len(vectors) > EXACT_ROWS and k >= 1:
        from tasks.engine.graph import neighbour_graph

        return _of_graph(neighbour_graph(vectors, k), k)
    if k < 1:
        missing = np.full(len(vectors), np.nan)
        return Nearest(np.full(len(vectors), -1), missing, missing.copy())

    def search(rows: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        block = vectors[rows]
        own = np.arange(rows.start, rows.stop)
        best = np.full((len(block), k), -np.inf, dtype=np.float32)
        top, where = np.full(len(block), -np.inf, dtype=np.float32), np.full(len(block), -1)
        for columns, tile in column_tiles(block, vectors):
            inside = (own >= columns.start) & (own < columns.stop)
            tile[inside, own[inside] - columns.start] = -np.inf  # a row is not its own neighbour
            column = tile.argmax(axis=1)
            value = tile[np.arange(len(block)), column]
            where = np.where(value > top, column + columns.start, where)
            top = np.maximum(value, top)
            best = _largest(best, tile, k)
        return where, top.astype(np.float64), np.sort(best, axis=1).astype(np.float64).mean(axis=1)

    parts = list(map_row_blocks(len(vectors), search))
    return Nearest(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _of_graph(graph: "Graph", k: int) -> Nearest:
    cosine = np.where(graph.index >= 0, graph.cosine, np.nan)[:, :k].astype(np.float64)
    return Nearest(graph.index[:, 0].astype(np.int64), cosine[:, 0], np.nanmean(cosine, axis=1))


def _largest(best: np.ndarray, tile: np.ndarray, k: int) -> np.ndarray:
    both = np.concatenate([best, tile], axis=1)
    return -np.partition(-both, k - 1, axis=1)[:, :k] if both.shape[1] > k else both


def nearest_in(
    vectors: Float[np.ndarray, "n d"], subset: Float[np.ndarray, "k d"]
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """For each row, the closest row of `subset` (lowest position on ties) and its cosine."""

    def search(rows: slice) -> tuple[np.ndarray, np.ndarray]:
        block = vectors[rows]
        top, where = np.full(len(block), -np.inf, dtype=np.float32), np.full(len(block), -1)
        for columns, tile in column_tiles(block, subset):
            column = tile.argmax(axis=1)
            value = tile[np.arange(len(block)), column]
            where = np.where(value > top, column + columns.start, where)
            top = np.maximum(value, top)
        return where, top.astype(np.float64)

    parts = list(map_row_blocks(len(vectors), search))
    if not parts:
        return np.empty(0, dtype=np.int64), np.empty(0)
    return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))  # type: ignore
