"""Facility location, exact: one result by columns, by edges, in any number format, any cache."""

from itertools import pairwise
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.engine import coverage as coverage_module
from tasks.engine.bound import upper_bound
from tasks.engine.columns import SimilarityColumns
from tasks.engine.constraints import Limits
from tasks.engine.coverage import Coverage
from tasks.engine.edges import NEVER, all_pairs, uncovered_edges
from tasks.engine.kernels import coverage as kernels
from tasks.engine.kernels import edges as edge_kernels
from tasks.engine.products import Products
from tasks.engine.similarity import Similarity
from tasks.engine.symmetric import exact_edges, total_excess
from tasks.selectors.facility_location import FacilityLocation, Mode
from tests.benchmarks.synthetic import clustered
from tests.brute_force import Worth, allowed_subsets
from tests.pools import pool_of, pools, random_pool, with_

PLAIN, NARROW = Similarity(), Similarity(width=0.3)


def edges_of(vectors: np.ndarray, similarity: Similarity, covered: np.ndarray, form: str) -> object:
    every = np.arange(len(vectors), dtype=np.int32)
    products = Products(vectors, form=form)  # type: ignore[arg-type]
    return uncovered_edges(vectors, similarity, covered, all_pairs(len(vectors)), products, every)


class TestEdges:
    @pytest.mark.parametrize("form", ["fp32", "bf16", "int8"])
    @pytest.mark.parametrize("similarity", [PLAIN, NARROW])
    def test_they_are_the_similarities_above_what_covers_a_row(
        self, form: str, similarity: Similarity
    ) -> None:
        vectors = random_pool(700, d=24, seed=3).vectors
        exact = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
        whole = similarity.of(exact)
        covered = np.random.default_rng(1).uniform(0.2, 0.95, 700).astype(np.float32)
        covered[::9] = NEVER
        edges = edges_of(vectors, similarity, covered, form)
        found = np.zeros((700, 700))
        candidate = np.repeat(np.arange(700), np.diff(edges.indptr))
        found[edges.rows, candidate] = edges.similarity
        clear = np.abs(whole - covered[:, None]) > 1e-6
        wanted = np.where(whole > covered[:, None], whole, 0.0)
        np.testing.assert_allclose(found[clear], wanted[clear], atol=2e-6)
        assert (found[::9] == 0).all()

    def test_number_formats_give_the_same_bytes_in_order_of_candidate_then_row(self) -> None:
        vectors = random_pool(900, d=40, seed=5).vectors
        covered = np.full(900, 0.6, dtype=np.float32)
        found = [edges_of(vectors, PLAIN, covered, form).arrays for form in ("fp32", "int8")]
        for one, other in zip(*found, strict=True):
            assert one.tobytes() == other.tobytes()
        indptr, rows, _ = found[0]
        for start, stop in pairwise(indptr):
            assert (np.diff(rows[start:stop]) > 0).all()

    @pytest.mark.parametrize("similarity", [PLAIN, NARROW])
    def test_a_pass_over_all_pairs_finds_the_bits_of_the_columns(
        self, similarity: Similarity
    ) -> None:
        vectors = random_pool(2600, d=20, seed=6).vectors  # several blocks and tiles
        covered = np.random.default_rng(1).uniform(0.2, 0.95, 2600).astype(np.float32)
        covered[::9] = NEVER
        columns = SimilarityColumns(vectors, similarity)
        edges, total = exact_edges(vectors, similarity, covered), np.zeros(2600)
        for j in range(2600):
            column = columns.column(j)
            part = slice(*edges.indptr[j : j + 2])
            above = np.flatnonzero(column > covered)
            assert (edges.rows[part] == above).all()
            assert edges.similarity[part].tobytes() == column[above].tobytes()
            total[j] = np.maximum(column.astype(np.float64) - covered, 0.0).sum()
        np.testing.assert_allclose(total_excess(vectors, similarity, covered), total, rtol=1e-6)

    def test_equal_rows_do_not_keep_each_other_once_one_is_chosen(self) -> None:
        vectors = np.repeat(random_pool(6, d=30, seed=2).vectors, 200, axis=0)
        coverage = Coverage(vectors, PLAIN, np.zeros(1200), 1.0)
        for index in range(0, 1200, 200):
            coverage.accept(index)
        coverage.settle()
        assert len(edges_of(vectors, PLAIN, coverage.covered, "int8").rows) == 0


class TestKernels:
    def test_excess_is_the_sum_of_what_lies_above(self) -> None:
        random = np.random.default_rng(0)
        one, other = random.random((2, 999)).astype(np.float32)
        wanted = np.maximum(one.astype(np.float64) - other, 0.0).sum()
        assert kernels.excess(one, other) == pytest.approx(wanted, rel=1e-6)

    def test_exact_similarities_of_pairs(self) -> None:
        vectors = random_pool(50, d=33).vectors
        left, right = np.arange(50, dtype=np.int32), np.arange(50, dtype=np.int32)[::-1].copy()
        right[:5] = -1
        found = edge_kernels.pairwise(vectors, left, right, np.float32(0.5))
        wanted = NARROW.__class__(width=0.5).of((vectors * vectors[::-1]).sum(axis=1))
        assert np.isnan(found[:5]).all()
        np.testing.assert_allclose(found[5:], wanted[5:], atol=1e-6)

    @pytest.mark.parametrize("most", [1.0, 7.0, 1000.0])
    def test_greedy_inside_a_block_is_plain_greedy(self, most: float) -> None:
        pool = random_pool(60, seed=4)
        near = np.maximum(pool.vectors @ pool.vectors.T, 0.0)
        price = pool.cost.astype(np.float64)
        price[:6] = np.inf
        covered = np.full(60, 0.1, dtype=np.float32)
        order, gains = kernels.dense_greedy(
            near, covered.copy(), pool.quality, price, 0.3, 1e9, most
        )
        now, spent, taken = covered.astype(np.float64), 0.0, []
        while spent < most and len(taken) < 54:
            gain = pool.quality + 0.3 * np.maximum(near - now, 0.0).sum(axis=1)
            gain[taken] = -1.0
            pick = int(np.argmax(np.round(gain / price, 9)))
            assert gains[len(taken)] == pytest.approx(gain[pick], rel=1e-6)
            taken.append(pick)
            spent += price[pick]
            now = np.maximum(now, near[pick])
        assert order.tolist() == taken


@pytest.mark.parametrize(
    ("constrained", "similarity"),
    [
        (True, {}),
        (False, {"kernel_width": 0.2}),
        pytest.param(True, {"centred": True}, marks=pytest.mark.slow),
        pytest.param(True, {"kernel_width": 0.2}, marks=pytest.mark.slow),
        pytest.param(False, {}, marks=pytest.mark.slow),
        pytest.param(False, {"centred": True}, marks=pytest.mark.slow),
    ],
)
def test_the_picks_are_the_same_by_columns_by_edges_and_with_a_tiny_cache(
    monkeypatch: pytest.MonkeyPatch, constrained: bool, similarity: dict
) -> None:
    some = random_pool(350, d=12)
    twins = some.vectors[np.arange(350) // 2 * 2]  # every row twice
    pool = with_(some, vectors=twins, quality=some.quality.round(1))
    limits = Limits(25)
    if constrained:
        limits = Limits(80, True, {0: 5}, {1: 7}, (8, 300), (1, 2))
    turned: list[bool] = []
    use = Coverage.use

    def choose(edges: bool, cache: int) -> tuple[list[int], list[str], np.ndarray]:
        def noted(self: Coverage, found: object) -> None:
            turned.append(edges)
            use(self, found)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr(Coverage, "use", noted)
            patch.setattr(coverage_module, "EXACT_EDGES", 350**2 if edges else -1)
            patch.setattr(
                coverage_module,
                "SimilarityColumns",
                lambda vectors, kind: SimilarityColumns(vectors, kind, cache),
            )
            found = FacilityLocation(0.8, mode="exact", **similarity)(pool, limits, 0)
        return found.indices.tolist(), found.status.tolist(), found.gains

    picks, _, gains = choose(False, 2**30)
    by_edges, by_columns = choose(True, 5 * 4 * 350), choose(False, 5 * 4 * 350)
    # Which rows are asked, and found too dear, before the budget is spent depends on the bounds,
    # which are renewed where the cache is too small for all columns.
    assert by_edges[:2] == by_columns[:2]
    for found in (by_edges, by_columns):
        assert found[0] == picks
        np.testing.assert_allclose(found[2], gains, atol=1e-12)  # sums of the same, in other orders
    assert any(turned), "the edges were used"


@settings(deadline=None)  # the first call compiles
@given(st.data(), st.sampled_from([0.0, 0.4, 1.0]), st.sampled_from(["exact", "fast"]))
def test_no_subset_passes_the_upper_bound(data: st.DataObject, weight: float, mode: str) -> None:
    pool = data.draw(pools())
    limits = Limits(data.draw(st.integers(1, 12)), data.draw(st.booleans()))
    found = FacilityLocation(weight, mode=mode)(pool, limits, 0)  # type: ignore[arg-type]
    worth = Worth(pool, limits, weight)
    best = max(
        worth([i for i in range(len(pool)) if mask >> i & 1])
        for mask in allowed_subsets(pool, limits).tolist()
    )
    assert found.totals["bound_is"] == "proved"
    assert found.totals["upper_bound"] >= best - 1e-6
    assert found.totals["objective"] == pytest.approx(worth(found.indices.tolist()), abs=1e-6)
    assert found.totals["share_of_bound"] <= 1


@pytest.mark.parametrize("mode", ["exact", "fast"])
def test_the_bound_comes_close_where_the_best_subset_is_plain(mode: Mode) -> None:
    centres = np.eye(12)
    vectors = np.repeat(centres, 30, axis=0)
    found = FacilityLocation(1.0, mode=mode)(pool_of(vectors), Limits(12), 0)
    assert found.totals["objective"] == pytest.approx(1.0, abs=1e-5)
    assert found.totals["share_of_bound"] > 0.999


@pytest.mark.parametrize(("budget", "few"), [(15, 200_000), (150, 10_000)])
def test_exact_mode_tells_as_tight_a_bound_as_fast_mode_by_edges(budget: int, few: int) -> None:
    pool = pool_of(clustered(1500, 32, 3))
    exact, fast = (
        FacilityLocation(1.0, mode=mode)(pool, Limits(budget), 0).totals
        for mode in ("exact", "fast")
    )
    assert exact["share_of_bound"] >= fast["share_of_bound"] - 0.01
    with patch("tasks.engine.bound.most_edges", lambda _: few):
        fewer = FacilityLocation(1.0, mode="exact")(pool, Limits(budget), 0).totals
    assert exact["upper_bound"] <= fewer["upper_bound"]
    with patch("tasks.engine.bound.most_edges", lambda _: 0):
        none = FacilityLocation(1.0, mode="exact")(pool, Limits(budget), 0).totals
    assert fewer["upper_bound"] < none["upper_bound"], "which is that of the remaining gains"


def test_levels_only_lower_the_bound_of_the_remaining_gains() -> None:
    pool = random_pool(400, d=10, seed=8)
    coverage = Coverage(pool.vectors, PLAIN, np.zeros(400), 1.0)
    coverage.use(edges_of(pool.vectors, PLAIN, coverage.covered, "fp32"))
    for index in FacilityLocation(1.0)(pool, Limits(20), 0).indices.tolist():
        coverage.accept(index)
    every, cost = np.ones(400, dtype=bool), np.ones(400, dtype=np.int64)
    reached = coverage.value
    plain = reached + np.sort(coverage.gains())[::-1][:20].sum()
    assert reached < upper_bound(coverage, reached, coverage.floor, cost, 20, every) < plain
