"""The similarities that can still matter: those above what already covers a row.

Coverage only grows, so a pair with similarity at most the row's coverage can never add to a gain:
leaving it out loses nothing, and after some picks few pairs are left.
"""

from typing import Final

import numpy as np
from jaxtyping import Float
from scipy import sparse

from tasks.engine.tiles import TILE_ROWS, column_tiles, map_row_blocks

MOST_EDGES: Final = 32 * 2**20  # about 8 bytes each, twice while they are sorted
SAMPLE_ROWS: Final = 256


def uncovered_edges(
    vectors: Float[np.ndarray, "n d"], covered: Float[np.ndarray, " n"], most: int = MOST_EDGES
) -> sparse.csc_array | None:
    """Similarities s_ij > covered_i as (n, n) sparse columns, by one blocked pass, O(n^2 d) time.

    None if a sample of rows says that there would be more than `most`.
    """
    n = len(vectors)
    sample = np.arange(0, n, max(1, n // SAMPLE_ROWS))
    if _block_edges(vectors, vectors[sample], covered[sample]).nnz * (n / len(sample)) > most:
        return None

    def collect(rows: slice) -> sparse.csr_array:
        return _block_edges(vectors, vectors[rows], covered[rows])

    return sparse.vstack(list(map_row_blocks(n, collect)), format="csr").tocsc()


def _block_edges(
    vectors: Float[np.ndarray, "n d"], block: Float[np.ndarray, "b d"], covered: np.ndarray
) -> sparse.csr_array:
    found = []
    for start in range(0, len(block), TILE_ROWS):
        rows = slice(start, start + TILE_ROWS)
        for part, tile in column_tiles(block[rows], vectors):
            row, column = np.nonzero(tile > covered[rows, None])
            found.append((row + start, column + part.start, tile[row, column]))
    row, column, value = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    shape = (len(block), len(vectors))
    return sparse.csr_array((value, (row, column)), shape=shape, dtype=np.float32)
