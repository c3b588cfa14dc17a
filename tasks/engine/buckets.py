"""Buckets of similar rows: a quick spherical k-means, so that near rows are looked for nearby.

Dhillon and Modha (2001), Concept decompositions for large sparse text data using clustering.
Learnt on a seeded sample, then every row goes to its nearest centre. O(n C d) time; memory is
the sample, the centres and a few bytes per row.
"""

from dataclasses import dataclass
from typing import Final
from zlib import crc32

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.largest import Largest
from tasks.engine.products import Format, Products
from tasks.engine.tiles import map_row_blocks

ROUNDS: Final = 6
SAMPLED: Final = 48  # rows of the sample per bucket
BLOCK: Final = 2048
LARGEST: Final = 32  # a bucket of more than this many times the mean is cut up
SMALLEST_CUT: Final = 1024  # and no piece need be smaller than this


@dataclass(frozen=True)
class Buckets:
    """Rows in order of (bucket, place); bucket b holds `order[starts[b]:starts[b + 1]]`.

    No bucket is empty. A bucket that would be far too large (many nearly equal rows) is cut up
    into several with one centre, in order of place. `label` is each row's bucket.
    """

    order: Int[np.ndarray, " n"]
    starts: Int[np.ndarray, " c_plus_1"]
    label: Int[np.ndarray, " n"]
    centres: Float[np.ndarray, "c d"]
    first_of: Int[np.ndarray, " learnt"]  # first bucket of each learnt centre; -1: it has no rows

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
    """At most `count` buckets of the rows, up to those that cutting up large ones adds."""
    centres = learn_centres(vectors, count, seed)
    return arrange(nearest_centres(vectors, centres, 1)[:, 0], centres)


def learn_centres(
    vectors: Float[np.ndarray, "n d"],
    count: int,
    seed: int,
    rows: Int[np.ndarray, " m"] | None = None,
    form: Format = "fp32",
) -> Float[np.ndarray, "c d"]:
    """Centres of at most `count` buckets (of these rows); alike centres have close numbers.

    A few rounds of k-means on a seeded sample; a centre without rows moves to the row served
    worst. Does not depend on the number of threads.
    """
    random = np.random.default_rng(np.random.SeedSequence([seed, crc32(b"buckets")]))
    n = len(vectors) if rows is None else len(rows)
    count = max(1, min(count, n))
    some = np.sort(random.choice(n, min(n, SAMPLED * count), replace=False))
    sample = np.asarray(vectors[some if rows is None else rows[some]])
    centres = _rounds(sample, count, random, form)
    if count < 16:
        return centres
    groups = nearest_centres(centres, _rounds(centres, int(count**0.5), random, form), 1)[:, 0]
    return np.ascontiguousarray(centres[np.argsort(groups, kind="stable")])


def _rounds(
    sample: np.ndarray, count: int, random: np.random.Generator, form: Format
) -> np.ndarray:
    centres = sample[np.sort(random.choice(len(sample), count, replace=False))]
    for _ in range(ROUNDS if count > 1 else 1):
        label = nearest_centres(sample, centres, 1, form=form)[:, 0]
        centres = _means(sample, label, centres)
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


def nearest_centres(
    vectors: Float[np.ndarray, "n d"],
    centres: Float[np.ndarray, "c d"],
    count: int,
    rows: Int[np.ndarray, " m"] | None = None,
    form: Format = "fp32",
) -> Int[np.ndarray, "m count"]:
    """Per row (of these rows) the centres of largest cosine, the best first.

    Ties go to the lower centre; `count` is cut to the number of centres. 2 bytes per number.
    `form` is that of the products: fp32 gives one partition on every machine.
    """
    products = Products(centres, form=form, ranked=True)
    count = min(count, len(centres))
    n = len(vectors) if rows is None else len(rows)
    near = np.empty((n, count), dtype=np.uint16 if len(centres) < 2**16 else np.int32)

    def search(block: slice) -> None:
        own = np.asarray(vectors[block if rows is None else rows[block]])
        codes = products.padded_query(own)
        largest = Largest(len(own), count)
        lines, nobody = np.arange(len(own)), np.full(len(own), -1)
        largest.offer(codes, len(centres), lines, nobody, 0)
        near[block] = largest.positions()

    for _ in map_row_blocks(n, search, BLOCK):
        pass
    return near


def arrange(nearest: Int[np.ndarray, " n"], centres: Float[np.ndarray, "c d"]) -> Buckets:
    """Buckets of rows whose nearest centres are known: empty ones left out, large ones cut up."""
    n = len(nearest)
    sizes = np.bincount(nearest, minlength=len(centres))
    most = max(SMALLEST_CUT, LARGEST * -(-n // len(centres)))
    pieces = -(-sizes // most)
    first = np.cumsum(pieces) - pieces
    order = np.argsort(nearest, kind="stable")
    place = np.arange(n) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    label = np.empty(n, dtype=np.int32)
    label[order] = first[nearest[order]] + place // most
    starts = np.concatenate([[0], np.cumsum(np.bincount(label, minlength=pieces.sum()))])
    return Buckets(
        order.astype(np.int32),
        starts,
        label,
        np.repeat(centres, pieces, axis=0),
        np.where(pieces > 0, first, -1).astype(np.int32),
    )
