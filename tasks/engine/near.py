"""The nearest chosen row of every row, looked for in the buckets near it."""

from typing import Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.buckets import Buckets, partition
from tasks.engine.edges import TILE_COLUMNS, neighbouring
from tasks.engine.neighbours import nearest_in
from tasks.engine.products import Products
from tasks.engine.tiles import map_row_blocks

MOST_COMPARED: Final = 4e9  # half a minute on two cores at 384 numbers a row
BUCKET_ROWS: Final = 1024  # mean size of a bucket
PROBES: Final = 8


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


def nearest_kept(
    vectors: Float[np.ndarray, "n d"], kept: Int[np.ndarray, " k"]
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """For each row the place in `kept` of the nearest of these rows, and its cosine.

    Exact, the first of several on ties, for up to `MOST_COMPARED` pairs. Beyond, the nearest
    within `PROBES` near buckets: -1 and NaN where these hold none.
    """
    n = len(vectors)
    if n * len(kept) <= MOST_COMPARED:
        return nearest_in(vectors, vectors[kept])
    buckets = partition(vectors, max(1, n // BUCKET_ROWS), seed=0)
    products = Products(vectors, buckets.order)
    row, cosine = nearest_near(vectors, kept, buckets, PROBES, products)
    place = np.full(n, -1, dtype=np.int64)
    place[kept] = np.arange(len(kept))
    found = row >= 0
    return np.where(found, place[row], -1), np.where(found, cosine, np.nan).astype(np.float64)
