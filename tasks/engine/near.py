"""The nearest chosen row of every row, looked for in the buckets near it."""

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.buckets import Buckets
from tasks.engine.edges import TILE_COLUMNS, neighbouring
from tasks.engine.products import Products
from tasks.engine.tiles import map_row_blocks


def nearest_near(
    vectors: Float[np.ndarray, "n d"],
    chosen: Int[np.ndarray, " k"],
    buckets: Buckets,
    probes: int,
    products: Products,
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """For each row the nearest of `chosen` (lower index on ties) and its cosine; -1, -inf if none.

    Only chosen rows in buckets that are near (see `neighbouring`) are looked at. `products` holds
    the rows in order of `buckets`. Cosines are exact and depend on the two rows alone.
    """
    from tasks.engine.kernels.edges import nearest_exact

    n = len(vectors)
    is_chosen = np.zeros(n, dtype=bool)
    is_chosen[chosen] = True
    places = np.flatnonzero(is_chosen[buckets.order])
    of_bucket = np.searchsorted(places, buckets.starts)
    near = neighbouring(buckets, probes)
    where = np.full(n, -1, dtype=np.int32)
    best = np.full(n, -np.inf, dtype=np.float32)

    def search(which: slice) -> None:
        bucket = which.start
        kept = np.concatenate(
            [places[of_bucket[b] : of_bucket[b + 1]] for b in near[bucket]] or [places[:0]]
        )
        start, stop = buckets.starts[bucket : bucket + 2].tolist()
        for low in range(start, stop, 512):
            part = slice(low, min(low + 512, stop))
            rows = buckets.order[part]
            proposed = np.full(len(rows), -np.inf, dtype=np.float32)
            top, index = best[rows], where[rows]
            for first in range(0, len(kept), TILE_COLUMNS):
                some = kept[first : first + TILE_COLUMNS]
                tile = products.values(products.tile(part, some))
                nearest_exact(
                    tile, rows, buckets.order[some], vectors, 2 * products.margin, proposed, top,
                    index,
                )  # fmt: skip
            best[rows], where[rows] = top, index

    for _ in map_row_blocks(len(buckets), search, size=1):
        pass
    return where, best
