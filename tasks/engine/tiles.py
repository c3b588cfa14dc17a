"""Blocked products of rows: the only place where decisions are made on similarities of blocks.

The bits of a similarity depend on the two rows alone (see kernels/products): not on n, their place,
the blocks, the number of threads or the processor, and equal rows have equal similarities. Memory
is one tile per thread; no n x n matrix ever exists.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import numpy as np
from jaxtyping import Float

from tasks.engine.one_thread import one_thread

TILE_ROWS: Final = 512
TILE_COLUMNS: Final = 2048
T = TypeVar("T")


def thread_count() -> int:
    """Threads to use: OMP_NUM_THREADS if set, else the processors this process may use."""
    stated = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(stated)) if stated.isdigit() else len(os.sched_getaffinity(0))


def map_row_blocks(rows: int, work: Callable[[slice], T], size: int = TILE_ROWS) -> Iterator[T]:
    """Yield `work(block)` for consecutive blocks of rows, in order, on `thread_count()` threads.

    The numerical libraries run one thread each meanwhile.
    """
    blocks = [slice(start, min(start + size, rows)) for start in range(0, rows, size)]
    with one_thread(), ThreadPoolExecutor(thread_count()) as pool:
        ahead = 2 * thread_count()
        futures = [pool.submit(work, block) for block in blocks[:ahead]]
        for position in range(len(blocks)):
            result = futures[position].result()
            futures[position] = None  # type: ignore[call-overload]  # free the result early
            if position + ahead < len(blocks):
                futures.append(pool.submit(work, blocks[position + ahead]))
            yield result


def column_tiles(
    block: Float[np.ndarray, "b d"], columns: Float[np.ndarray, "m d"]
) -> Iterator[tuple[slice, Float[np.ndarray, "b w"]]]:
    """Yield (columns, similarities of a block of rows with them), TILE_COLUMNS or fewer, in order.

    The array is contiguous; the next tile overwrites it.
    """
    from tasks.engine.kernels.products import multiply

    left = np.ascontiguousarray(block, dtype=np.float32)
    space = np.empty(len(left) * min(TILE_COLUMNS, len(columns)), dtype=np.float32)
    for start in range(0, len(columns), TILE_COLUMNS):
        right = np.ascontiguousarray(columns[start : start + TILE_COLUMNS], dtype=np.float32)
        tile = space[: len(left) * len(right)].reshape(len(left), len(right))
        multiply(left, right, tile)
        yield slice(start, start + len(right)), tile
