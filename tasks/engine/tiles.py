"""Blocked matrix products: the only place where vectors meet vectors.

Every product has one shape, TILE_ROWS x d by d x TILE_COLUMNS, padded with zeros. So the bits of a
similarity depend on the two rows alone (not on n, on their place or on the number of threads), and
equal rows have equal similarities. Memory is one tile per thread; no n x n matrix ever exists.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import numpy as np
from jaxtyping import Float
from threadpoolctl import threadpool_limits

TILE_ROWS: Final = 512
TILE_COLUMNS: Final = 2048
T = TypeVar("T")


def thread_count() -> int:
    """Threads to use: OMP_NUM_THREADS if set, else the processors this process may use."""
    stated = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(stated)) if stated.isdigit() else len(os.sched_getaffinity(0))


def map_row_blocks(rows: int, work: Callable[[slice], T], size: int = TILE_ROWS) -> Iterator[T]:
    """Yield `work(block)` for consecutive blocks of rows, in order, on `thread_count()` threads.

    The numerical libraries run one thread each meanwhile, so results do not depend on the count.
    """
    blocks = [slice(start, min(start + size, rows)) for start in range(0, rows, size)]
    with threadpool_limits(limits=1), ThreadPoolExecutor(thread_count()) as pool:
        ahead = 2 * thread_count()
        futures = [pool.submit(work, block) for block in blocks[:ahead]]
        for position in range(len(blocks)):
            result = futures[position].result()
            futures[position] = None  # type: ignore[call-overload]  # free the result early
            if position + ahead < len(blocks):
                futures.append(pool.submit(work, blocks[position + ahead]))
            yield result


def column_tiles(
    block: Float[np.ndarray, "b d"], columns: Float[np.ndarray, "m d"], tile_rows: int = TILE_ROWS
) -> Iterator[tuple[slice, Float[np.ndarray, "b w"]]]:
    """Yield (columns, similarities of a block of at most `tile_rows` rows with them), in order.

    The array is a view that the next tile overwrites.
    """
    left = _padded(block, tile_rows)
    tile = np.empty((tile_rows, TILE_COLUMNS), dtype=np.float32)
    for start in range(0, len(columns), TILE_COLUMNS):
        part = columns[start : start + TILE_COLUMNS]
        np.matmul(left, _padded(part, TILE_COLUMNS).T, out=tile)
        yield slice(start, start + len(part)), tile[: len(block), : len(part)]


def _padded(rows: Float[np.ndarray, "b d"], size: int) -> Float[np.ndarray, "s d"]:
    if len(rows) == size:
        return np.ascontiguousarray(rows)
    full = np.zeros((size, rows.shape[1]), dtype=np.float32)
    full[: len(rows)] = rows
    return full
