"""Labels as features: how like two labels are, what a row's labels say of others, soft labels."""

from typing import Final

import numpy as np
from jaxtyping import Float
from scipy import sparse

from schemas.errors import SettingsError
from tasks.engine.tiles import TILE_COLUMNS, TILE_ROWS, column_tiles, map_row_blocks

MOST_PAIRS: Final = 20_000_000  # of like labels: some 240 MB
LEAST_LENGTH: Final = 1e-6


def centroids(
    vectors: Float[np.ndarray, "n d"], features: sparse.csr_array
) -> Float[np.ndarray, "f d"]:
    """Mean row of each feature's rows, weighted by how much they hold of it, at unit length.

    A feature that no row has, or whose rows cancel out, gets a row of zeros.
    """
    total = np.zeros((features.shape[1], vectors.shape[1]))
    for start in range(0, len(vectors), TILE_COLUMNS):
        rows = slice(start, start + TILE_COLUMNS)
        total += features[rows].T @ vectors[rows].astype(np.float64)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    unit = np.zeros(total.shape, dtype=np.float32)
    np.divide(total, length, out=unit, where=length > LEAST_LENGTH, casting="same_kind")
    return unit


def label_graph(centres: Float[np.ndarray, "f d"], threshold: float) -> sparse.csr_array:
    """Cosines of labels of at least `threshold`, 1 on the diagonal; O(f^2 d) time.

    Raises `SettingsError` if there are too many pairs to keep.
    """
    found, kept = [], 0

    def like(block: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        parts = []
        for part, tile in column_tiles(centres[block], centres):
            row, column = np.nonzero(tile >= threshold)
            parts.append((row + block.start, column + part.start, tile[row, column]))
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))  # type: ignore

    for triple in map_row_blocks(len(centres), like, size=TILE_ROWS):
        found.append(triple)
        kept += len(triple[0])
        if kept > MOST_PAIRS:
            raise SettingsError(
                f"more than {MOST_PAIRS:,} pairs of labels have a cosine of {threshold} or more",
                where="choose.settings.label_threshold",
                remedy="raise it: nearer to 1 fewer labels are taken for the same",
            )
    row, column, value = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    apart = row != column
    size = len(centres)
    others = (value[apart].astype(np.float64), (row[apart], column[apart]))
    graph = sparse.csr_array(others, shape=(size, size)) + sparse.eye_array(size, format="csr")
    return sparse.csr_array(graph)


def spread_over(labels: sparse.csr_array, graph: sparse.csr_array) -> sparse.csr_array:
    """What each row holds of every label when likeness counts: labels P (n, F).

    P is the graph with columns that add up to 1 (Chen et al., 2025), so mass is not conserved
    where labels have different numbers of like ones.
    """
    total = np.asarray(graph.sum(axis=0)).ravel()
    columns = sparse.csr_array(graph @ sparse.diags_array(1.0 / total))
    spread = sparse.csr_array(labels @ columns)
    spread.sort_indices()
    return spread


def nearest_labels(
    vectors: Float[np.ndarray, "n d"], centres: Float[np.ndarray, "f d"], count: int
) -> sparse.csr_array:
    """Each row's cosines with the `count` nearest centres (lower on ties), if above 0: (n, F)."""
    count = min(count, len(centres))

    def nearest(block: slice) -> tuple[np.ndarray, np.ndarray]:
        size = block.stop - block.start
        cosine = np.empty((size, len(centres)), dtype=np.float32)
        for part, tile in column_tiles(vectors[block], centres):
            cosine[:, part] = tile
        best = np.argsort(-cosine, axis=1, kind="stable")[:, :count]
        best.sort(axis=1)
        return best, np.maximum(np.take_along_axis(cosine, best, axis=1), 0.0)

    parts = list(map_row_blocks(len(vectors), nearest))
    column, value = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    starts = np.arange(len(vectors) + 1) * count
    data = value.ravel().astype(np.float64)
    found = sparse.csr_array((data, column.ravel(), starts), shape=(len(vectors), len(centres)))
    found.eliminate_zeros()
    return found
