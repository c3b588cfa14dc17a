"""The neighbour graph: exact cosines always, true neighbours to the recall it tells."""

from functools import partial

import numpy as np
import pytest

from tasks.engine.graph import Graph, neighbour_graph
from tests.benchmarks.synthetic import clustered

K = 10


def brute(rows: np.ndarray, k: int) -> np.ndarray:
    cosine = rows.astype(np.float64) @ rows.T.astype(np.float64)
    np.fill_diagonal(cosine, -np.inf)
    return -np.sort(-cosine, axis=1)[:, :k]


def check(rows: np.ndarray, found: Graph) -> None:
    """Each row has different neighbours, not itself, by falling cosine, which is the true one."""
    n = len(rows)
    assert (found.index != np.arange(n)[:, None]).all()
    for line, cosines in zip(found.index[:200], found.cosine[:200], strict=True):
        known = line[line >= 0]
        assert len(set(known.tolist())) == len(known)
        assert (np.diff(cosines) <= 0).all()
    true = np.einsum("nd,nkd->nk", rows.astype(np.float64), rows[found.index].astype(np.float64))
    assert np.allclose(found.cosine, true, atol=1e-6)


def test_small_pools_have_their_true_neighbours() -> None:
    rows = clustered(600, 16, 1)
    found = neighbour_graph(rows, K)
    check(rows, found)
    assert np.allclose(found.cosine, brute(rows, K), atol=1e-6)
    assert (found.recall, found.probes) == (1.0, 0)


by_buckets = partial(neighbour_graph, flat_rows=500)


class TestByBuckets:
    @pytest.mark.slow
    def test_its_recall_is_what_it_tells_and_near_what_was_asked(self) -> None:
        rows = clustered(5000, 24, 3)
        found = by_buckets(rows, K, recall=0.95)
        check(rows, found)
        true = (found.cosine >= brute(rows, K)[:, -1:] - 1e-6).mean()
        error = 4 * np.sqrt(true * (1 - true) / found.sampled)  # rows, not edges: they go together
        assert abs(true - found.recall) <= error + 1e-9
        assert true >= 0.95 - error

    def test_all_buckets_give_nearly_all_neighbours(self) -> None:
        rows = clustered(2000, 24, 4)
        found = by_buckets(rows, K, probes=10_000)
        assert found.probes == 0
        assert (found.cosine >= brute(rows, K)[:, -1:] - 1e-6).mean() > 0.999

    def test_equal_rows_are_each_others_neighbours(self) -> None:
        rows = clustered(1500, 16, 5)[np.arange(3000) % 1500]
        found = by_buckets(rows, K)
        check(rows, found)
        assert (found.index[:, 0] == (np.arange(3000) + 1500) % 3000).all()

    def test_threads_do_not_change_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = clustered(4000, 16, 6)
        found = []
        for threads in ("1", "2"):
            monkeypatch.setenv("OMP_NUM_THREADS", threads)
            found.append(by_buckets(rows, K))
        assert (found[0].index == found[1].index).all()
        assert (found[0].cosine == found[1].cosine).all()

    def test_an_order_of_rows_changes_no_cosine_of_an_exact_search(self) -> None:
        rows = clustered(1200, 16, 7)
        order = np.random.default_rng(0).permutation(len(rows))
        plain, turned = (by_buckets(some, K, probes=10_000) for some in (rows, rows[order]))
        assert np.allclose(plain.cosine[order], turned.cosine, atol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_rows_leave_the_rest_empty(n: int) -> None:
    found = neighbour_graph(clustered(n, 4, 0), K)
    assert (found.index[:, : n - 1] >= 0).all()
    assert (found.index[:, n - 1 :] == -1).all()
    assert np.isneginf(found.cosine[:, n - 1 :]).all()
