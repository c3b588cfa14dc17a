"""Buckets of similar rows: a quick spherical k-means, so that near rows are looked for nearby.

Dhillon and Modha (2001), Concept decompositions for large sparse text data using clustering.
Learnt on a seeded sample, then every row goes to its nearest centre. O(n C d) time; memory is
4 bytes per row, the sample and the centres.
"""

from dataclasses import dataclass
from typing import Final
from zlib import crc32

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.products import Products
from tasks.engine.tiles import map_row_blocks

ROUNDS: Final = 6
SAMPLED: Final = 48  # rows of the sample per bucket
BLOCK: Final = 2048
LARGEST: Final = 8  # a bucket of more than this many times the mean is cut up


@dataclass(frozen=True)
class Buckets:
    """Rows in order of (bucket, index); bucket b holds `order[starts[b]:starts[b + 1]]`.

    No bucket is empty. `centres` are the unit means of the buckets' rows (pieces of a bucket
    that was cut up share one); `label` is each row's bucket.
    """

    order: Int[np.ndarray, " n"]
    starts: Int[np.ndarray, " c_plus_1"]
    label: Int[np.ndarray, " n"]
    centres: Float[np.ndarray, "c d"]

    def __len__(self) -> int:
        return len(self.centres)

    def nearest(self, count: int) -> Int[np.ndarray, "c count"]:
        """The buckets of nearest centre, each bucket's own first; `count` is cut to their number.

        Ties go to the lower bucket.
        """
        near = np.empty((len(self), min(count, len(self))), dtype=np.int32)
        for start in range(0, len(self), BLOCK):
            rows = np.arange(start, min(start + BLOCK, len(self)))
            cosine = np.round(self.centres[rows] @ self.centres.T, 6)
            cosine[np.arange(len(rows)), rows] = np.inf
            near[rows] = np.argsort(-cosine, axis=1, kind="stable")[:, : near.shape[1]]
        return near


def partition(vectors: Float[np.ndarray, "n d"], count: int, seed: int) -> Buckets:
    """At most `count` buckets of the rows, up to those that cutting up large ones adds.

    A bucket of over LARGEST times the mean (many equal rows, say) is cut into pieces of at most
    that many rows in order of index. Does not depend on the number of threads.
    """
    count = max(1, min(count, len(vectors)))
    centres = _learn(vectors, count, seed)
    label = _nearest_centre(vectors, centres)
    label, centres = _cut_up(label, centres, max(64, LARGEST * -(-len(vectors) // count)))
    order = np.argsort(label, kind="stable").astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(np.bincount(label, minlength=len(centres)))])
    return Buckets(order, starts, label, centres)


def _learn(vectors: np.ndarray, count: int, seed: int) -> Float[np.ndarray, "c d"]:
    """Centres after a few rounds on a sample; an empty one moves to the row worst served."""
    random = np.random.default_rng(np.random.SeedSequence([seed, crc32(b"buckets")]))
    size = min(len(vectors), SAMPLED * count)
    rows = vectors[np.sort(random.choice(len(vectors), size, replace=False))]
    centres = rows[np.sort(random.choice(size, count, replace=False))]
    for _ in range(ROUNDS if count > 1 else 1):
        label = _nearest_centre(rows, centres)
        centres = _means(rows, label, centres)
    return centres


def _means(rows: np.ndarray, label: np.ndarray, centres: np.ndarray) -> np.ndarray:
    from tasks.engine.kernels.codes import add_rows

    total = np.zeros(centres.shape)
    add_rows(rows, label, total)
    empty = np.flatnonzero(np.bincount(label, minlength=len(centres)) == 0)
    if len(empty):
        served = np.einsum("nd,nd->n", rows, centres[label], dtype=np.float64)
        total[empty] = rows[np.argsort(np.round(served, 6), kind="stable")[: len(empty)]]
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return (total / np.where(length > 0, length, 1.0)).astype(np.float32)


def _nearest_centre(vectors: np.ndarray, centres: np.ndarray) -> Int[np.ndarray, " n"]:
    """The centre of largest proposed cosine, the lower on ties."""
    from tasks.engine.kernels.codes import largest_of_rows

    products = Products(centres)

    def search(rows: slice) -> np.ndarray:
        where = np.empty(rows.stop - rows.start, dtype=np.int32)
        codes = products.query(np.asarray(vectors[rows]), slice(0, len(centres)))
        largest_of_rows(codes, where)
        return where

    return np.concatenate(list(map_row_blocks(len(vectors), search, BLOCK)))


def _cut_up(
    label: Int[np.ndarray, " n"], centres: Float[np.ndarray, "c d"], most: int
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, "b d"]]:
    """Buckets without the empty ones, and with large ones in pieces of at most `most` rows."""
    sizes = np.bincount(label, minlength=len(centres))
    pieces = -(-sizes // most)
    first = np.cumsum(pieces) - pieces
    order = np.argsort(label, kind="stable")
    place = np.arange(len(label)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    cut = np.empty_like(label)
    cut[order] = first[label[order]] + place // most
    return cut, np.repeat(centres, pieces, axis=0)
