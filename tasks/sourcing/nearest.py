"""Cosines of some rows to the whole pool, read once from vectors.parquet by row groups."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from jaxtyping import Bool, Float, Int

from tasks.engine.tiles import column_tiles, map_row_blocks
from tasks.storage.rows import ROW_GROUP_ROWS

NOWHERE = -1  # a row that is not in the pool, and the source of one


def vector_batches(path: Path) -> Iterator[tuple[slice, Float[np.ndarray, "b d"]]]:
    """Yield (places, vectors) of vectors.parquet, a row group at a time."""
    start = 0
    for batch in pq.ParquetFile(path).iter_batches(ROW_GROUP_ROWS, columns=["vector"]):
        flat = batch.column(0).flatten().to_numpy(zero_copy_only=False)
        yield slice(start, start + len(batch)), flat.reshape(len(batch), -1)
        start += len(batch)


def nearest_elsewhere(
    path: Path,
    rows: Float[np.ndarray, "q d"],
    own: Int[np.ndarray, " q"],
    source: Int[np.ndarray, " n"],
) -> tuple[Float[np.ndarray, " q"], Int[np.ndarray, " q"]]:
    """Cosine and place of the pool row closest to each row, among sources other than its own.

    The lowest place of equals; -inf and `NOWHERE` where no other source has a row. O(q n d) time.
    """
    best = np.full(len(rows), -np.inf, dtype=np.float32)
    place = np.full(len(rows), NOWHERE)
    for places, vectors in vector_batches(path) if len(rows) else ():
        here = source[places]

        def search(block: slice, vectors: np.ndarray = vectors, here: np.ndarray = here) -> tuple:
            top = np.full(block.stop - block.start, -np.inf, dtype=np.float32)
            at = np.full(len(top), NOWHERE)
            for columns, tile in column_tiles(rows[block], vectors):
                tile[own[block, None] == here[None, columns]] = -np.inf
                column = tile.argmax(axis=1)
                value = tile[np.arange(len(tile)), column]
                better = value > top
                top[better], at[better] = value[better], column[better] + columns.start
            return top, at

        found = list(map_row_blocks(len(rows), search))
        top, at = (np.concatenate(parts) for parts in zip(*found, strict=True))
        better = top > best
        best[better], place[better] = top[better], at[better] + places.start
    return best.astype(np.float64), place


def closest_by_source(
    path: Path,
    rows: Float[np.ndarray, "q d"],
    itself: Int[np.ndarray, " q"],
    source: Int[np.ndarray, " n"],
    left_out: Bool[np.ndarray, " n"],
) -> Float[np.ndarray, "q s"]:
    """Cosine of each row to the closest pool row of each source; -inf where there is none.

    Without the pool rows `left_out`, and without the row `itself` (its place, or `NOWHERE`).
    """
    codes = int(source.max()) + 1
    best = np.full((len(rows), codes), -np.inf, dtype=np.float32)
    for places, vectors in vector_batches(path) if len(rows) else ():
        kept = np.flatnonzero(~left_out[places])
        kept = kept[np.argsort(source[places][kept], kind="stable")]  # a source's lie side by side
        if not len(kept):
            continue
        part, names, at = vectors[kept], source[places][kept], kept + places.start

        def search(block: slice, held: tuple = (best, part, names, at)) -> np.ndarray:
            best, part, names, at = held
            top: np.ndarray = best[block].copy()
            for columns, tile in column_tiles(rows[block], part):
                tile[itself[block, None] == at[None, columns]] = -np.inf
                each, starts = np.unique(names[columns], return_index=True)
                top[:, each] = np.maximum(top[:, each], np.maximum.reduceat(tile, starts, axis=1))
            return top

        best = np.concatenate(list(map_row_blocks(len(rows), search)))
    return best.astype(np.float64)
