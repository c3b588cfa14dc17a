"""Sources against one another: near ones near, small ones marked, whatever the order of rows."""

import numpy as np

from tasks.metrics.rows import BLOCKS, Rows, keys_of
from tasks.metrics.source_distances import MOST_SOURCES, source_distances


def three_sources() -> tuple[Rows, np.ndarray]:
    """150 + 150 rows around one centre, 40 around another."""
    random = np.random.default_rng(0)
    source = np.repeat([0, 1, 2], [150, 150, 40])
    vectors = np.eye(2, 8)[source // 2] + random.normal(scale=0.1, size=(340, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    key = keys_of([str(i) for i in range(340)])
    whole = np.zeros(340, dtype=np.int64)
    block = (key % np.uint64(BLOCKS)).astype(np.int64)
    return Rows(vectors.astype(np.float32), np.ones(340), whole, whole, 1, block, key), source


def test_sources_alike_are_near_and_small_ones_are_marked() -> None:
    found = source_distances(*three_sources(), ["a", "b", "far"])
    assert [line["small"] for line in found["sources"]] == [False, False, True]
    pairs = {frozenset((pair["one"], pair["other"])): pair for pair in found["pairs"]}
    assert abs(pairs[frozenset("ab")]["mmd_squared"]) < 0.005
    for near in "ab":
        apart = pairs[frozenset((near, "far"))]
        assert apart["mmd_squared"] > 0.5
        assert apart["sliced_wasserstein"] > 5 * pairs[frozenset("ab")]["sliced_wasserstein"]


def test_the_smallest_of_many_sources_are_left_out_and_counted() -> None:
    rows, _ = three_sources()
    source = np.minimum(np.arange(340) // 20, 14)
    found = source_distances(rows, source, [f"s{i}" for i in range(15)])
    assert len(found["sources"]) == MOST_SOURCES
    assert found["left_out"] == 3
    assert len(found["pairs"]) == MOST_SOURCES * (MOST_SOURCES - 1) // 2
