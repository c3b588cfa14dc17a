"""The graph of k nearest neighbours of all rows: ours, pynndescent, faiss and hnswlib.

Each yields one point per setting, so that recall and time make a curve. Building an index counts:
a point's seconds are those of building and of searching with that setting.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tests.benchmarks.inputs import Missing
from tests.benchmarks.methods import Inputs, Point, Run


def ours(inputs: Inputs, settings: Sequence[dict[str, Any]]) -> Run:
    """`tasks.engine.graph`, once per setting; the small first run is by buckets, as large ones."""
    try:
        from tasks.engine.graph import neighbour_graph
    except ImportError as error:
        raise Missing("there is no tasks.engine.graph") from error

    by_buckets = {"flat_rows": len(inputs.vectors) // 8} if inputs.warm else {}

    def run() -> Iterator[Point]:
        for setting in settings:
            started = time.perf_counter()
            graph = neighbour_graph(inputs.vectors, inputs.k, **setting, **by_buckets)
            yield Point(_label(setting), time.perf_counter() - started, graph.index)

    return run


def _label(setting: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in setting.items())


def pynndescent(inputs: Inputs, settings: Sequence[dict[str, Any]]) -> Run:
    """NNDescent; more neighbours or trees raise the recall."""
    try:
        from pynndescent import NNDescent
    except ImportError as error:
        raise Missing("pynndescent is not installed") from error

    def run() -> Iterator[Point]:
        vectors = np.asarray(inputs.vectors)
        for setting in settings:
            started = time.perf_counter()
            wider = {**setting, "n_neighbors": inputs.k + 1 + setting.get("n_neighbors", 0)}
            index = NNDescent(
                vectors, metric="euclidean", random_state=0, n_jobs=inputs.threads, **wider
            )
            found = index.neighbor_graph[0]
            seconds = time.perf_counter() - started
            yield Point(_label(wider), seconds, _without_self(found, inputs.k))

    return run


def _without_self(found: np.ndarray, k: int) -> np.ndarray:
    """The first k columns that are not the row itself."""
    own = found == np.arange(len(found))[:, None]
    own[~own.any(axis=1), -1] = True
    kept: np.ndarray = found[~own].reshape(len(found), -1)
    return kept[:, :k]


def faiss_flat(inputs: Inputs) -> Run:
    """Exact search, blocked matrix products."""
    faiss = faiss_for(inputs.threads)
    width = inputs.vectors.shape[1]
    return _searches(inputs, lambda: faiss.IndexFlatIP(width), lambda *_: None, [0], "")


def faiss_ivf(inputs: Inputs, probes: Sequence[int], lists: int = 1) -> Run:
    """Inverted lists, sqrt(n) of them or some times that; more probes raise the recall.

    Few lists, learnt in a third of faiss's default rounds on a quarter of its rows, came out
    fastest at recall 0.95 (50 k rows: 4.5 s; with 4 sqrt(n) lists and the defaults 9 s).
    """
    faiss = faiss_for(inputs.threads)

    def tune(index: Any, value: int) -> None:
        index.nprobe = min(value, index.nlist)

    return _searches(inputs, lambda: inverted_lists(faiss, inputs, lists), tune, probes, "probes")


def inverted_lists(faiss: Any, inputs: Inputs, times: int) -> Any:
    """An index of `times` sqrt(n) lists, not yet learnt."""
    n, d = inputs.vectors.shape
    lists = max(1, min(n // 40, int(times * n**0.5)))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(d), d, lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.max_points_per_centroid = 10, 64
    return index


def faiss_hnsw(inputs: Inputs, breadths: Sequence[int], links: int = 16, build: int = 80) -> Run:
    """A navigable graph; a broader search raises the recall."""
    faiss = faiss_for(inputs.threads)

    def make() -> Any:
        metric = faiss.METRIC_INNER_PRODUCT
        index = faiss.IndexHNSWFlat(inputs.vectors.shape[1], links, metric)
        index.hnsw.efConstruction = build
        return index

    def tune(index: Any, value: int) -> None:
        index.hnsw.efSearch = value

    return _searches(inputs, make, tune, breadths, "breadth")


def faiss_for(threads: int) -> Any:
    """The library, using that many threads; raises `Missing` where it is not installed."""
    try:
        import faiss
    except ImportError as error:
        raise Missing("faiss-cpu is not installed") from error
    faiss.omp_set_num_threads(threads)
    return faiss


def _searches(
    inputs: Inputs,
    make: Callable[[], Any],
    tune: Callable[[Any, int], None],
    values: Sequence[int],
    word: str,
) -> Run:
    """Build a faiss index once, search with each value."""

    def run() -> Iterator[Point]:
        vectors = np.asarray(inputs.vectors)
        started = time.perf_counter()
        index = make()
        if not index.is_trained:
            index.train(vectors)
        index.add(vectors)
        built = time.perf_counter() - started
        for value in values:
            tune(index, value)
            started = time.perf_counter()
            found = index.search(vectors, inputs.k + 1)[1]
            seconds = built + time.perf_counter() - started
            label = f"{word} {value}" if word else ""
            yield Point(label, seconds, _without_self(found, inputs.k))

    return run


def hnswlib(inputs: Inputs, breadths: Sequence[int], links: int = 16, build: int = 100) -> Run:
    """hnswlib's navigable graph; a broader search raises the recall."""
    try:
        from hnswlib import Index
    except ImportError as error:
        raise Missing("hnswlib is not installed") from error

    def run() -> Iterator[Point]:
        vectors = np.asarray(inputs.vectors)
        started = time.perf_counter()
        index = Index(space="ip", dim=vectors.shape[1])
        index.init_index(len(vectors), M=links, ef_construction=build, random_seed=0)
        index.set_num_threads(inputs.threads)
        index.add_items(vectors)
        built = time.perf_counter() - started
        for breadth in breadths:
            index.set_ef(max(breadth, inputs.k + 1))
            started = time.perf_counter()
            found = index.knn_query(vectors, inputs.k + 1)[0]
            seconds = built + time.perf_counter() - started
            rows = _without_self(found.astype(np.int64), inputs.k)
            yield Point(f"breadth {breadth}", seconds, rows)

    return run
