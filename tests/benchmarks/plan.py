"""What is measured: one `Work` per line of the goals' table, with the methods that do it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tests.benchmarks.inputs import Data

HERE: Final = "tests.benchmarks.methods."
UNITS_OFF: Final = {"WINNOW_PRODUCTS": "fp32", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}
OFF_NOTE: Final = " (units off)"
REAL_ROWS: Final = 51_924
GROWTH: Final = "growth of time in n"


@dataclass(frozen=True)
class Method:
    """One way to do a work: `name` is shown; `call` is a module and function of `methods/`.

    `units` is False for a run that may use no low-precision units; after `limit_s` it is stopped.
    """

    name: str
    call: str
    settings: dict[str, Any] = field(default_factory=dict)
    ours: bool = False
    units: bool = True
    limit_s: float = 300.0
    subject: str = ""  # how its result is judged; by default as the work says

    @property
    def environment(self) -> dict[str, str]:
        """What its process finds in its environment besides the threads."""
        return {} if self.units else UNITS_OFF


@dataclass(frozen=True)
class Work:
    """One line of a goal: the input, the size of the result, the methods in turn."""

    goal: int
    title: str
    subject: str
    data: Data
    k: int
    methods: tuple[Method, ...]

    @property
    def key(self) -> str:
        """Names the work: title and input."""
        return f"{self.title} · {self.data.name}"


def _ours(name: str, call: str, **more: Any) -> tuple[Method, Method]:
    """Our method as it runs here, and without low-precision units."""
    method = Method(f"winnow {name}".strip(), HERE + call, ours=True, **more)
    return method, replace(method, name=method.name + OFF_NOTE, units=False)


def _peer(name: str, call: str, limit_s: float = 300.0, **settings: Any) -> Method:
    return Method(name, HERE + call, settings, limit_s=limit_s)


def _coverage(modes: tuple[str, ...], limit_s: float = 600.0) -> tuple[Method, ...]:
    found = [
        _ours(mode, "coverage:ours", settings={"mode": mode}, limit_s=limit_s) for mode in modes
    ]
    return tuple(method for pair in found for method in pair)


ALL_PAIRS: Final = Method("one pass over all pairs", HERE + "products:all_pairs", subject="none")
RATE: Final = Method("float32 pass, computed", HERE + "products:float32_rate", subject="none")
COVERAGE_PEERS: Final = (
    _peer("apricot lazy", "coverage:apricot", optimizer="lazy"),
    _peer("apricot lazy, sparse", "coverage:apricot", optimizer="lazy", sparse=True),
    _peer("apricot stochastic", "coverage:apricot", optimizer="stochastic"),
    _peer("submodlib LazyGreedy", "coverage:submodlib", optimizer="LazyGreedy"),
    _peer("submodlib StochasticGreedy", "coverage:submodlib", optimizer="StochasticGreedy"),
)
LAZY_PEERS: Final = (COVERAGE_PEERS[0], COVERAGE_PEERS[3])
RECALLS: Final = ({"recall": 0.85}, {"recall": 0.9}, {"recall": 0.95}, {"recall": 0.98})
DESCENTS: Final = ({"max_candidates": 20}, {"delta": 0.01}, {}, {"n_neighbors": 16})
WIDE_DESCENTS: Final = ({"n_neighbors": 48}, {"n_neighbors": 80})  # a million: 48 finds 0.93


def _size(n: int) -> str:
    for unit, name in ((1_000_000, " M"), (1_000, " k")):
        if n >= unit and n % unit == 0:
            return f"{n // unit}{name}"
    return f"{n:,}"


def _vectors(n: int, real: bool = False) -> Data:
    return Data("instructions", n, 256) if real else Data("clustered", n, 384)


def _cover(goal: int, n: int, k: int, methods: tuple[Method, ...], real: bool = False) -> Work:
    title = f"facility location {_size(n)} → {_size(k)}"
    return Work(goal, title, "coverage", _vectors(n, real), k, methods)


def _graph(n: int, methods: tuple[Method, ...], real: bool = False) -> Work:
    return Work(4, f"kNN graph {_size(n)}, k = 32", "neighbours", _vectors(n, real), 32, methods)


def _graph_methods(n: int) -> tuple[Method, ...]:
    limit = 300.0 if n <= 100_000 else 1200.0 if n <= 200_000 else 3600.0
    mine = _ours("graph", "neighbours:ours", settings={"settings": RECALLS}, limit_s=limit)
    descents = DESCENTS if n <= 200_000 else WIDE_DESCENTS
    best = _peer("pynndescent", "neighbours:pynndescent", limit, settings=descents)
    if n > 200_000:  # the next best takes 1.7 times its seconds at 200 k, and hours here
        return (*mine, best)
    flat = (_peer("faiss flat", "neighbours:faiss_flat", limit),) if n <= 60_000 else ()
    return (
        *mine,
        best,
        _peer("faiss IVF", "neighbours:faiss_ivf", limit, probes=(2, 4, 8, 16)),
        _peer("faiss IVF, more lists", "neighbours:faiss_ivf", limit, probes=(4, 8, 16), lists=2),
        _peer("faiss HNSW", "neighbours:faiss_hnsw", limit, breadths=(32, 64, 128, 256)),
        _peer("hnswlib", "neighbours:hnswlib", limit, breadths=(32, 64, 128, 256)),
        *flat,
    )


def _pairs(n: int, real: bool = False) -> Work:
    limit = 300.0 if n <= 200_000 else 1800.0
    methods = (
        *_ours("pairs", "pairs:ours", limit_s=limit),
        _peer("SemDeDup's method", "pairs:semdedup", limit, shares=(0.25, 0.5, 1.0, 2.0)),
        _peer("faiss IVF range", "pairs:faiss_range", limit, probes=(2, 4, 8)),
    )
    title = f"near duplicates {_size(n)}, cosine ≥ 0.95"
    return Work(7, title, "pairs", _vectors(n, real), 0, methods)


def _volume(n: int, k: int, chen: bool = True, real: bool = False) -> Work:
    peer = (_peer("Chen et al., numpy", "volume:chen", 900.0),) if chen else ()
    methods = (*_ours("log_determinant", "volume:ours", limit_s=1800.0), *peer)
    title = f"log-determinant {_size(n)} → {_size(k)}"
    return Work(5, title, "volume", _vectors(n, real), k, methods)


def _centres(n: int, k: int, loops: bool = True, real: bool = False) -> Work:
    peers = (
        _peer("plain loop, pairwise distances", "centres:pairwise"),
        _peer("plain loop, products", "centres:products"),
    )
    methods = (*_ours("k_center", "centres:ours", limit_s=1800.0), *(peers if loops else ()))
    title = f"k-center {_size(n)} → {_size(k)}"
    return Work(6, title, "centres", _vectors(n, real), k, methods)


def _texts(n: int) -> Work:
    ours = Method("winnow deduplicate", HERE + "texts:ours", ours=True)
    peers = (_peer("datasketch", "texts:datasketch", 900.0), _peer("rensa", "texts:rensa", 900.0))
    title = f"MinHash near duplicates {_size(n)} documents"
    return Work(8, title, "texts", Data("documents", n, 0), 0, (ours, *peers))


def works(real: bool = True) -> Iterator[Work]:
    """Every work, by goal; small inputs before large ones inside each."""
    modes = ("exact", "fast", "auto")
    yield _cover(1, 20_000, 2_000, (*_coverage(modes), *COVERAGE_PEERS))
    if real:
        yield _cover(1, 20_000, 2_000, (*_coverage(modes), *COVERAGE_PEERS), real=True)
    for k in (500, 5_000):
        yield _cover(2, 50_000, k, (ALL_PAIRS, *_coverage(modes), *LAZY_PEERS))
    if real:
        for k in (500, 5_000):
            methods = (ALL_PAIRS, *_coverage(modes), *LAZY_PEERS)
            yield _cover(2, REAL_ROWS, k, methods, real=True)
    for k in (10_000, 100_000):
        yield _cover(3, 1_000_000, k, (RATE, *_coverage(("fast",), 1800.0)))
    for n in (50_000, 200_000, 1_000_000):
        yield _graph(n, _graph_methods(n))
    if real:
        yield _graph(REAL_ROWS, _graph_methods(REAL_ROWS), real=True)
    yield _volume(10_000, 1_000)
    yield _volume(50_000, 5_000)
    yield _volume(1_000_000, 10_000, chen=False)
    if real:
        yield _volume(REAL_ROWS, 5_000, real=True)
    yield _centres(10_000, 1_000)
    yield _centres(1_000_000, 10_000, loops=False)
    if real:
        yield _centres(REAL_ROWS, 5_000, real=True)
    for n in (200_000, 1_000_000):
        yield _pairs(n)
    if real:
        yield _pairs(REAL_ROWS, real=True)
        yield _texts(100_000)
    yield from growth()


def growth() -> Iterator[Work]:
    """Facility location of a tenth of the rows over n: ours to 1 M, the peers until they fail."""
    for n in (2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 1_000_000):
        peers = LAZY_PEERS if n <= 50_000 else ()
        exact = _coverage(("exact",), 1800.0)[:1] if n <= 100_000 else ()
        yield _cover(9, n, n // 10, (*_coverage(("fast",), 1800.0)[:1], *exact, *peers))


def quick() -> Iterator[Work]:
    """One small work of each goal, to prove that the harness works; its figures mean nothing."""
    n, k = 1_200, 40
    yield _cover(1, n, k, (*_coverage(("exact", "fast"))[:3], *COVERAGE_PEERS))
    yield _cover(2, n, k, (ALL_PAIRS, *_coverage(("fast",))[:1]))
    yield _cover(3, n, k, (RATE, *_coverage(("fast",))[:1]))
    yield _graph(n, _graph_methods(n))
    yield _volume(n, k)
    yield _centres(n, k)
    yield _pairs(n)
    yield _texts(n)
    yield _cover(9, n, k, _coverage(("fast",))[:1])
    yield _cover(9, 2 * n, k, _coverage(("fast",))[:1])
