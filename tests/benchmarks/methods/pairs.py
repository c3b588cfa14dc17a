"""Rows to drop for another of cosine at least 0.95: ours, SemDeDup's method, faiss range search.

Each gives a mask of the rows dropped. The peers drop a row that has any earlier twin, dropped or
not; ours only one whose twin stays.
"""

import time
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from tests.benchmarks.inputs import Missing
from tests.benchmarks.methods import Inputs, Point, Run, once
from tests.benchmarks.methods.neighbours import faiss_for, inverted_lists

THRESHOLD = 0.95
ROUNDS = 10  # of k-means
BLOCK = 4096


def ours(inputs: Inputs) -> Run:
    """`tasks.engine.semantic`: of rows nearly equal the first stays, as no quality is given."""
    try:
        from tasks.engine.semantic import drop_near
    except ImportError as error:
        raise Missing("there is no tasks.engine.semantic") from error
    rank = np.arange(len(inputs.vectors))
    return once("", lambda: drop_near(inputs.vectors, rank, THRESHOLD).keeper >= 0)


def semdedup(inputs: Inputs, shares: Sequence[float]) -> Run:
    """k-means, then all pairs inside each cluster (Abbas et al., 2023), with faiss's k-means.

    One point per number of clusters, as a multiple of sqrt(n): fewer clusters find more, slower.
    """
    faiss = faiss_for(inputs.threads)

    def run() -> Iterator[Point]:
        vectors = np.ascontiguousarray(inputs.vectors)
        n, d = vectors.shape
        for share in shares:
            started = time.perf_counter()
            clusters = max(1, min(n // 40, round(share * n**0.5)))
            means = faiss.Kmeans(
                d, clusters, niter=ROUNDS, spherical=True, seed=1234, max_points_per_centroid=64
            )
            means.train(vectors)
            label = means.index.search(vectors, 1)[1][:, 0]
            order = np.argsort(label, kind="stable")
            bounds = np.searchsorted(label[order], np.arange(clusters + 1))
            found = [np.empty((0, 2), dtype=np.int64)]
            for start, stop in pairwise(bounds.tolist()):
                found.append(_pairs_among(vectors, order[start:stop]))
            dropped = _later_of(np.concatenate(found), n)
            seconds = time.perf_counter() - started
            yield Point(f"{clusters} clusters", seconds, dropped)

    return run


def _pairs_among(vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    members, found = vectors[rows], [np.empty((0, 2), dtype=np.int64)]
    for start in range(0, len(rows), BLOCK):
        tile = members[start : start + BLOCK] @ members.T
        one, other = np.nonzero(tile >= THRESHOLD)
        later = other > one + start
        found.append(np.stack([rows[one[later] + start], rows[other[later]]], axis=1))
    return np.concatenate(found)


def _later_of(pairs: np.ndarray, n: int) -> np.ndarray:
    """Mask of the later row of each pair of different rows."""
    dropped = np.zeros(n, dtype=bool)
    dropped[pairs.max(axis=1)[pairs[:, 0] != pairs[:, 1]]] = True
    return dropped


def faiss_range(inputs: Inputs, probes: Sequence[int]) -> Run:
    """Range search in faiss's inverted lists, sqrt(n) of them."""
    faiss = faiss_for(inputs.threads)

    def run() -> Iterator[Point]:
        vectors = np.ascontiguousarray(inputs.vectors)
        n, started = len(vectors), time.perf_counter()
        index = inverted_lists(faiss, inputs, 1)
        index.train(vectors)
        index.add(vectors)
        built = time.perf_counter() - started
        for probe in probes:
            index.nprobe = min(probe, index.nlist)
            started = time.perf_counter()
            limits, _, other = index.range_search(vectors, THRESHOLD)
            one = np.repeat(np.arange(n), np.diff(limits.astype(np.int64)))
            dropped = _later_of(np.stack([one, other], axis=1), n)
            seconds = built + time.perf_counter() - started
            yield Point(f"{probe} probes", seconds, dropped)

    return run
