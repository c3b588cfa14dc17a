"""A first order of rows for facility location: greedy inside each bucket, merged by gain.

Partition, solve, merge (after Mirzasoleiman et al., 2013): rows of different buckets are taken to
have no similarity, so a bucket's greedy sequence does not depend on the others, and the greedy
order of the whole is their merge. O(n b d) time for buckets of b rows, one block in memory.
"""

from typing import Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.buckets import Buckets
from tasks.engine.coverage import Coverage
from tasks.engine.distinct import distinct
from tasks.engine.tiles import column_tiles, map_row_blocks

BLOCK_ROWS: Final = 1536  # rows solved together: 9 MB of similarities
STRIP_ROWS: Final = 256  # of a block, met with the rows from them on
SURPLUS: Final = 2.0  # budget a block may spend, relative to its share of all costs


def partitioned_order(
    coverage: Coverage, buckets: Buckets, price: Float[np.ndarray, " n"], budget: float, unit: float
) -> tuple[Int[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Rows by falling gain per price, then by index, and their gains; k is about SURPLUS budgets.

    A price of infinity shuts a row out, which still wants to be covered. Of equal rows only the
    first stays: each block of a large family would put one forward.
    """
    from tasks.engine.kernels.coverage import dense_greedy

    blocks = [
        np.sort(buckets.order[low : min(low + BLOCK_ROWS, stop)])
        for start, stop in zip(buckets.starts[:-1], buckets.starts[1:], strict=True)
        for low in range(start, stop, BLOCK_ROWS)
    ]
    whole = float(price[np.isfinite(price)].sum())

    def solve(which: slice) -> tuple[np.ndarray, np.ndarray]:
        rows = blocks[which.start]
        cost, some = price[rows], coverage.vectors[rows]
        share = float(cost[np.isfinite(cost)].sum()) / whole if whole else 0.0
        near = np.empty((len(rows), len(rows)), dtype=np.float32)
        for low in range(0, len(rows), STRIP_ROWS):
            strip = slice(low, low + STRIP_ROWS)
            for part, tile in column_tiles(some[strip], some[low:]):
                rest = slice(low + part.start, low + part.stop)
                near[strip, rest] = coverage.similarity.of(tile)
                near[rest, strip] = near[strip, rest].T  # the same, bit for bit
        order, gains = dense_greedy(
            near, coverage.covered[rows], coverage.worth[rows], cost, coverage.scale, unit,
            SURPLUS * budget * share + 1.0,
        )  # fmt: skip
        return rows[order], gains

    parts = list(map_row_blocks(len(blocks), solve, size=1))
    order = np.concatenate([np.empty(0, np.int64), *(part[0] for part in parts)]).astype(np.int64)
    gains = np.concatenate([np.empty(0), *(part[1] for part in parts)])
    key = np.rint(gains / price[order] * unit)
    best = np.lexsort((order, -key))
    best = best[distinct(coverage.vectors, order[best]).first]
    return order[best], gains[best]
