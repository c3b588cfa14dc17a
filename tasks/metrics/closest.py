"""How close rows are to a subset: all pairs where they are few, else a sample by hash of id."""

from typing import Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.tiles import column_tiles, map_row_blocks

MOST_PAIRS: Final = 500_000_000  # cosines of one subset: some ten seconds of one core at d = 384
LEAST_ROWS: Final = 2_000  # looked at in any case


def rows_looked_at(count: int, others: int) -> int:
    """How many of `count` rows are compared with `others` rows: all, or what MOST_PAIRS allows."""
    return (
        count if count * others <= MOST_PAIRS else min(count, max(LEAST_ROWS, MOST_PAIRS // others))
    )


def closest_per_block(
    vectors: Float[np.ndarray, "n d"],
    wanted: Int[np.ndarray, " m"],
    chosen: Int[np.ndarray, " k"],
    block: Int[np.ndarray, " n"],
    blocks: int,
) -> Float[np.ndarray, "m b"]:
    """Cosine of each wanted row to the closest other chosen row of each block; -inf without one.

    O(m k d) time; float32, memory O(m blocks).
    """
    ordered = chosen[np.argsort(block[chosen], kind="stable")]  # blocks lie side by side
    block_of = block[ordered]
    place = np.full(len(vectors), -1)
    place[ordered] = np.arange(len(ordered))
    selected = vectors[ordered]

    def search(part: slice) -> np.ndarray:
        rows = wanted[part]
        own = place[rows]  # where the row itself stands among the columns, -1: not chosen
        best = np.full((len(rows), blocks), -np.inf, dtype=np.float32)
        for columns, tile in column_tiles(vectors[rows], selected):
            inside = (own >= columns.start) & (own < columns.stop)
            tile[inside, own[inside] - columns.start] = -np.inf  # a row is not its own neighbour
            names, starts = np.unique(block_of[columns], return_index=True)
            top = np.maximum.reduceat(tile, starts, axis=1)
            best[:, names] = np.maximum(best[:, names], top)
        return best

    return np.concatenate(list(map_row_blocks(len(wanted), search)))
