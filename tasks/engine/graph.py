"""Approximate graph of nearest neighbours, its recall measured on a sample of rows.

Rows are put into buckets; each row looks into its own bucket and into those of its next nearest
centres (inverted file with several probes: Jegou, Douze and Schmid, 2011, Product quantization
for nearest neighbor search), in tiles whose products are proposed in the fastest number format.
The best proposals are ranked by exact cosines. At last each edge is offered to its other end.
"""

from dataclasses import dataclass
from typing import Final
from zlib import crc32

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.buckets import learn_centres, nearest_centres
from tasks.engine.distinct import Distinct, distinct
from tasks.engine.edge_lists import for_all_rows, offer_to_others
from tasks.engine.flat import exact_neighbours
from tasks.engine.largest import Largest
from tasks.engine.probing import Probing, probing_of
from tasks.engine.products import fastest_format
from tasks.engine.tiles import map_row_blocks

FLAT_ROWS: Final = 20_000  # up to here a graph is exact
SAMPLE: Final = 256  # rows whose exact neighbours choose the probes and measure the recall
SPARE: Final = 8  # proposals ranked beyond k
MOST_PROBES: Final = 256  # beyond it all buckets are looked into


@dataclass(frozen=True)
class Graph:
    """Row i's neighbours `index[i]` with their `cosine[i]`, by (-cosine, index); never i itself.

    Padded with -1 and -inf where there are fewer than k other rows. `recall` is the share of the
    sampled rows' neighbours that are as near as the true ones (1 where the graph is exact), over
    `sampled` rows; `probes` is the number of buckets a row looked into, 0 for all.
    """

    index: Int[np.ndarray, "n k"]
    cosine: Float[np.ndarray, "n k"]
    recall: float
    sampled: int
    probes: int


def neighbour_graph(
    vectors: Float[np.ndarray, "n d"],
    k: int = 32,
    seed: int = 0,
    recall: float = 0.95,
    probes: int | None = None,
    flat_rows: int = FLAT_ROWS,
) -> Graph:
    """The k nearest rows of every row, by cosine of unit rows.

    `recall` in (0, 1] sets how many buckets each row looks into, by the exact neighbours of a
    sample; `probes` states it instead. Exact up to `flat_rows` distinct rows. Equal rows are
    searched once. About n sqrt(n) d time on clustered rows; memory 8 k n bytes for the graph, the
    rows in the format of the products, and some 100 MB per thread. Same result on any number of
    threads.
    """
    groups = distinct(vectors)
    if len(groups) <= flat_rows:
        some = vectors if len(groups) == len(vectors) else vectors[groups.first]
        found = exact_neighbours(some, np.arange(len(groups)), k)
        return Graph(*for_all_rows(vectors, groups, *found), 1.0, len(vectors), 0)
    sample = _sample(len(vectors), seed)
    true, least = exact_neighbours(vectors, sample, min(k, len(vectors) - 1), settle=False)
    form = fastest_format()
    centres = learn_centres(vectors, int(len(groups) ** 0.5), seed, groups.first, form)
    if probes is None:
        probes = _probes_for(recall, vectors, centres, sample, true)
    everywhere = probes > min(MOST_PROBES, len(centres) // 2)
    near = nearest_centres(vectors, centres, 1 if everywhere else probes, groups.first, form)
    probing = probing_of(vectors, groups.first, near, centres, everywhere)
    index, cosine = _search(vectors, groups, probing, k)
    offer_to_others(index, cosine)
    index, cosine = for_all_rows(vectors, groups, index, cosine)
    reached = (cosine[sample] >= least[:, -1:])[:, : true.shape[1]].mean()
    return Graph(index, cosine, float(reached), len(sample), 0 if everywhere else probes)


def _sample(n: int, seed: int) -> Int[np.ndarray, " m"]:
    random = np.random.default_rng(np.random.SeedSequence([seed, crc32(b"graph")]))
    return np.sort(random.choice(n, min(n, SAMPLE), replace=False))


def _probes_for(
    recall: float,
    vectors: Float[np.ndarray, "n d"],
    centres: Float[np.ndarray, "c d"],
    sample: Int[np.ndarray, " m"],
    true: Int[np.ndarray, "m k"],
) -> int:
    """How many nearest centres hold this share of the true neighbours of the sample."""
    form = fastest_format()
    order = nearest_centres(vectors, centres, len(centres), sample, form).astype(np.int64)
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(len(centres))[None, :], axis=1)
    theirs = nearest_centres(vectors, centres, 1, true.ravel(), form).astype(np.int64)
    needed = np.sort(np.take_along_axis(place, theirs.reshape(true.shape), axis=1), axis=None)
    return int(needed[max(1, int(np.ceil(recall * len(needed)))) - 1]) + 1


def _search(
    vectors: Float[np.ndarray, "n d"], groups: Distinct, probing: Probing, k: int
) -> tuple[Int[np.ndarray, "u k"], Float[np.ndarray, "u k"]]:
    """The k nearest proposals of every distinct row, by exact cosine, as distinct rows."""
    n = len(groups)
    index = np.full((n, k), -1, dtype=np.int32)
    cosine = np.full((n, k), -np.inf, dtype=np.float32)

    def search(chunk: slice) -> None:
        places = probing.buckets.order[chunk]
        number, value = _best(vectors, probing, chunk, k)
        index[places] = np.where(number >= 0, groups.group[number], -1)
        cosine[places] = value

    for _ in map_row_blocks(n, search, probing.chunk_rows):
        pass
    return index, cosine


def _best(
    vectors: np.ndarray, probing: Probing, chunk: slice, k: int
) -> tuple[np.ndarray, np.ndarray]:
    from tasks.engine.kernels.cosines import rank_by_cosine

    size = chunk.stop - chunk.start
    largest = Largest(size, k + SPARE)

    def visit(codes: np.ndarray, width: int, lines: np.ndarray, first: int) -> None:
        largest.offer(codes, width, lines, lines + chunk.start, first)

    probing.tiles(chunk, visit)
    positions = largest.positions(ordered=False)
    order, numbers = probing.buckets.order, probing.numbers
    candidates = np.where(positions >= 0, numbers[order[positions]], -1)
    index = np.full((size, k), -1, dtype=np.int32)
    cosine = np.full((size, k), -np.inf, dtype=np.float32)
    rank_by_cosine(vectors, numbers[order[chunk]], candidates, index, cosine)
    return index, cosine
