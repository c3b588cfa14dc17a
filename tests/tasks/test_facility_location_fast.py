"""Facility location, fast: close to exact, within all limits, and the same on every machine."""

import os
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.errors import SettingsError
from schemas.results import SELECTED, Selection
from tasks.engine import fast_greedy as module
from tasks.engine import near, outlook
from tasks.engine.admission import Admission
from tasks.engine.buckets import partition
from tasks.engine.constraints import Limits
from tasks.engine.coverage import Coverage
from tasks.engine.edges import NEVER, all_pairs, near_pairs, uncovered_edges
from tasks.engine.greedy import lazy_greedy
from tasks.engine.kernels import bound, lazy
from tasks.engine.near import nearest_kept, nearest_near
from tasks.engine.outlook import look_ahead
from tasks.engine.pool import Pool
from tasks.engine.products import VARIABLE, Products, fastest_format
from tasks.engine.similarity import Similarity
from tasks.engine.sparse import sparse_greedy
from tasks.engine.start import partitioned_order
from tasks.engine.watch import Watch
from tasks.selectors.facility_location import FacilityLocation
from tests.pools import pool_of, random_pool, with_

PLAIN = Similarity()
SMALL = 40  # rows per bucket here, so that there are several


def choose(pool: Pool, limits: Limits, mode: str = "fast", weight: float = 0.8) -> Selection:
    with patch.object(module, "BUCKET_ROWS", SMALL):
        return FacilityLocation(weight, mode=mode)(pool, limits, 0)  # type: ignore[arg-type]


def with_edges(pool: Pool, weight: float = 0.7) -> Coverage:
    coverage = Coverage(pool.vectors, PLAIN, (1 - weight) * pool.quality / len(pool), weight)
    every = np.arange(len(pool), dtype=np.int32)
    products = Products(pool.vectors)
    pairs = all_pairs(len(pool))
    coverage.use(uncovered_edges(pool.vectors, PLAIN, coverage.covered, pairs, products, every))
    return coverage


def shortfalls(coverage: Coverage, admission: Admission) -> tuple[np.ndarray, np.ndarray]:
    """What can be said of each row's gap to the picks: the least pick minus its first gain, and the
    gap itself, min_t(g_t - gain_i(t)), by asking every row before every pick."""
    for index in admission.order[: admission.given]:
        coverage.accept(index)
    every = range(len(admission.cost))
    gains = np.array([coverage.gain(index) for index in every])
    first, least, gap = gains, np.inf, np.full(len(gains), np.inf)
    for index in admission.order[admission.given :]:
        least, gap = min(least, gains[index]), np.minimum(gap, gains[index] - gains)
        coverage.accept(index)
        gains = np.array([coverage.gain(each) for each in every])
    return least - first, gap


class TestCompiledGreedy:
    @example(9999, True, True)  # gains per price that are equal but for the last bit
    @example(2373, True, True)  # rows asked at other moments lack other bounds
    @given(st.integers(0, 10_000), st.booleans(), st.booleans())
    @settings(max_examples=60, deadline=None)
    def test_it_makes_the_picks_of_the_plain_one(
        self, seed: int, in_tokens: bool, per_cost: bool
    ) -> None:
        pool = random_pool(45, seed=seed)
        pool = with_(pool, vectors=pool.vectors[np.arange(45) // 2], quality=pool.quality.round(1))
        limits = Limits(20, in_tokens, caps={0: 4, 2: 6}, include=(3,), exclude=(7,))
        plain, compiled = Admission(pool, limits), Admission(pool, limits)
        one, other = with_edges(pool), with_edges(pool)
        gains, _, lacked = lazy_greedy(one, plain, None, per_cost)
        for index in compiled.order:
            other.accept(index)
        found, _, short = sparse_greedy(other, compiled, Watch(), per_cost)
        plain.close_rest()
        compiled.close_rest()
        assert compiled.order == plain.order
        np.testing.assert_allclose(found, gains[plain.given :], atol=1e-8)
        shut = ("outranked", "group_cap", "over_budget")  # where the search ended before it looked
        differ = compiled.status != plain.status
        assert np.isin(compiled.status[differ].astype(str), shut).all()
        lost = (plain.status == "outranked") & ~differ
        least, most = shortfalls(with_edges(pool), plain)
        for bound_of_shortfall in (short, lacked):  # which row is asked when differs between them
            assert (bound_of_shortfall[lost] <= most[lost] + 1e-5).all()
            assert (bound_of_shortfall[lost] >= least[lost] - 1e-5).all()

    def test_the_heap_gives_keys_in_order(self) -> None:
        random = np.random.default_rng(0)
        key, row = random.integers(0, 9, 200), np.arange(200, dtype=np.int32)
        stamp = np.zeros(200, dtype=np.int64)
        lazy.heapify(key, row, stamp)
        seen = []
        for size in range(199, -1, -1):
            seen.append((-key[0], row[0]))
            key[0], row[0] = key[size], row[size]
            lazy.sink(key, row, stamp, 0, size)
        assert seen == sorted(seen)

    def test_rows_covered_beyond_their_level_are_counted(self) -> None:
        pool = random_pool(80)
        coverage = with_edges(pool)
        whole = np.maximum(pool.vectors @ pool.vectors.T, 0.0)
        level = np.full(80, 0.5, dtype=np.float32)
        some, share = np.array([3, 9, 70]), np.array([1.0, 0.5, 1.0])
        times = bound.times_covered(coverage.edges.arrays, level, some, share)  # type: ignore
        np.testing.assert_allclose(times, (whole[:, some] > 0.5) @ share)


class TestParts:
    def test_near_pairs_of_all_buckets_are_all_pairs_once(self) -> None:
        vectors = random_pool(300, d=8).vectors
        buckets = partition(vectors, 9, seed=0)
        seen = np.zeros((300, 300), dtype=int)
        for meeting in near_pairs(buckets, len(buckets)):
            for columns in meeting.columns:
                for row in range(meeting.rows.start, meeting.rows.stop):
                    for column in range(columns.start, columns.stop):
                        if column >= row or columns.stop <= meeting.rows.start:
                            seen[buckets.order[row], buckets.order[column]] += 1
        assert (seen + np.tril(seen, -1).T + np.triu(seen, 1).T >= 1).all()
        assert seen.sum() == 300 * 301 // 2

    def test_the_nearest_chosen_row_is_exact_when_all_buckets_are_near(self) -> None:
        vectors = np.repeat(random_pool(150, d=8).vectors, 2, axis=0)
        buckets = partition(vectors, 7, seed=0)
        chosen = np.array([4, 5, 100, 299])
        where, best = nearest_near(
            vectors, chosen, buckets, len(buckets), Products(vectors, buckets.order)
        )
        cosine = vectors.astype(np.float64) @ vectors[chosen].T.astype(np.float64)
        np.testing.assert_allclose(best, cosine.max(axis=1), atol=1e-6)
        assert (where == chosen[np.round(cosine, 6).argmax(axis=1)]).all()

    def test_none_chosen_is_no_nearest(self) -> None:
        vectors = random_pool(20, d=4).vectors
        buckets = partition(vectors, 3, seed=0)
        none = np.empty(0, dtype=np.int64)
        where, best = nearest_near(vectors, none, buckets, 1, Products(vectors, buckets.order))
        assert (where == -1).all()
        assert np.isneginf(best).all()

    def test_one_bucket_gives_the_order_of_plain_greedy(self) -> None:
        pool = random_pool(200, d=9, seed=6)
        coverage = Coverage(pool.vectors, PLAIN, np.zeros(200), 1.0)
        buckets = partition(pool.vectors, 1, seed=0)
        order, gains = partitioned_order(coverage, buckets, np.ones(200), 30, 1e10)
        exact = FacilityLocation(1.0, mode="exact")(pool, Limits(60), 0)
        np.testing.assert_allclose(gains[:60], exact.gains, atol=1e-7)
        assert order[:20].tolist() == exact.indices[:20].tolist()

    def test_the_outlook_counts_what_is_above_coverage(self) -> None:
        pool = random_pool(400, d=6, seed=1)
        coverage = Coverage(pool.vectors, PLAIN, np.zeros(400), 1.0)
        buckets = partition(pool.vectors, 8, seed=0)
        order = FacilityLocation(1.0, mode="exact")(pool, Limits(40), 0).indices
        sample = np.arange(400)
        cuts = np.array([5, 10, 20])
        levels = outlook._levels(coverage, sample, order, cuts)
        whole = np.maximum(pool.vectors @ pool.vectors.T, 0.0)
        wanted = np.array([whole[:, order[:cut]].max(axis=1) for cut in cuts])
        np.testing.assert_allclose(levels, wanted, atol=1e-6)
        edges, excess = outlook._survey(coverage, sample, levels, buckets)
        over = np.maximum(whole[None] - wanted[:, :, None], 0.0)
        np.testing.assert_allclose(edges, (over > 1e-7).sum(axis=(1, 2)), atol=400)
        np.testing.assert_allclose(excess.sum(axis=1), over.sum(axis=(1, 2)), rtol=1e-4)

    def test_too_many_edges_mean_that_buckets_alone_decide(self) -> None:
        pool = random_pool(300, d=6)
        coverage = Coverage(pool.vectors, PLAIN, np.zeros(300), 1.0)
        buckets = partition(pool.vectors, 6, seed=0)
        order, spent = np.arange(60), np.arange(1.0, 61.0)
        with patch.object(outlook, "most_edges", lambda n: 1):
            assert look_ahead(coverage, order, spent, 60, buckets).share == 1.0


class TestSelector:
    def test_it_comes_close_to_exact_greedy(self) -> None:
        for seed in range(5):
            pool = random_pool(1500, d=16, seed=seed)
            fast, exact = (choose(pool, Limits(150), mode, 1.0) for mode in ("fast", "exact"))
            assert fast.totals["objective"] >= 0.99 * exact.totals["objective"]
            assert fast.totals["mode"] == "fast"

    @pytest.mark.parametrize("most", [None, 1])
    def test_limits_hold(self, most: int | None) -> None:
        pool = random_pool(600, d=8, seed=2)
        limits = Limits(
            120, floors={0: 50}, caps={1: 20}, include=(5, 9), exclude=(11,), min_quality=0.2,
            preselected=(40,),
        )  # fmt: skip
        with patch.object(outlook, "most_edges", (lambda n: most) if most else outlook.most_edges):
            found = choose(pool, limits)
        rows = found.indices
        assert len(rows) == 120
        assert rows[:2].tolist() == [5, 9]
        groups = pool.group[rows, 0]
        assert (groups == 0).sum() >= 50
        assert (groups == 1).sum() <= 20
        assert not {11, 40} & set(rows.tolist())
        assert (pool.quality[rows[2:]] >= 0.2).all()
        assert set(np.flatnonzero(found.status == SELECTED)) == set(rows.tolist())

    def test_tokens_and_distance_hold(self) -> None:
        pool = random_pool(500, d=8, seed=3)
        found = choose(pool, Limits(300, True, min_distance=0.05))
        assert pool.cost[found.indices].sum() <= 300
        near = pool.vectors[found.indices] @ pool.vectors[found.indices].T
        np.fill_diagonal(near, 0.0)
        assert near.max() <= 0.95 + 1e-6

    def test_rows_order_threads_and_number_formats_change_nothing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pool = random_pool(900, d=24, seed=7)
        limits = Limits(90)
        wanted = choose(pool, limits)
        for form in ("fp32", "bf16", "int8"):
            for threads in ("1", "2"):
                monkeypatch.setenv(VARIABLE, form)
                monkeypatch.setenv("OMP_NUM_THREADS", threads)
                fastest_format.cache_clear()
                found = choose(pool, limits)
                assert found.indices.tolist() == wanted.indices.tolist()
                assert found.gains.tobytes() == wanted.gains.tobytes()
                assert found.final_gain.tobytes() == wanted.final_gain.tobytes()
        fastest_format.cache_clear()
        assert os.environ["OMP_NUM_THREADS"] == "2"

    def test_a_large_family_of_equal_rows_is_chosen_once_before_others_run_out(self) -> None:
        few = random_pool(60, d=16, seed=9).vectors
        pool = pool_of(np.vstack([few, np.repeat(few[:1], 3000, axis=0)]))
        found = choose(pool, Limits(50), weight=1.0)
        same = (pool.vectors[found.indices] == few[0]).all(axis=1)
        assert same.sum() == 1

    def test_a_watch_stops_it(self) -> None:
        ticks = iter(range(10_000))
        watch = Watch(3.0, clock=lambda: float(next(ticks)))
        pool = random_pool(2000, d=8)
        with patch.object(module, "BUCKET_ROWS", SMALL):
            found = FacilityLocation(0.8, mode="fast")(pool, Limits(1500), 0, watch)
        assert watch.stopped
        assert 0 < len(found.indices) < 1500

    def test_an_unknown_mode_is_refused(self) -> None:
        with pytest.raises(SettingsError, match="mode"):
            FacilityLocation(mode="quick")  # type: ignore[arg-type]

    def test_rows_not_to_be_covered_never_add(self) -> None:
        pool = random_pool(50, d=5)
        wanted = np.zeros(50, dtype=bool)
        wanted[:10] = True
        coverage = Coverage(pool.vectors, PLAIN, np.zeros(50), 1.0, wanted)
        near = np.maximum(pool.vectors[:10] @ pool.vectors.T, 0.0).sum(axis=0)
        np.testing.assert_allclose(coverage.first_bounds(), coverage.scale * near, rtol=1e-5)
        assert (coverage.covered[10:] == NEVER).all()


class TestNearestKept:
    def test_by_buckets_it_is_the_nearest_of_those_nearby(self) -> None:
        vectors = random_pool(500, d=8, seed=4).vectors
        kept = np.array([400, 3, 77, 12])
        exact = nearest_kept(vectors, kept)
        with patch.multiple(near, MOST_COMPARED=0, BUCKET_ROWS=100, PROBES=99):
            found = nearest_kept(vectors, kept)
        np.testing.assert_allclose(found[1], exact[1], atol=1e-6)
        assert (found[0] == exact[0]).all()

    def test_rows_without_a_kept_row_nearby_have_none(self) -> None:
        vectors = pool_of(np.repeat(np.eye(6), 40, axis=0)).vectors
        with patch.multiple(near, MOST_COMPARED=0, BUCKET_ROWS=40, PROBES=1):
            place, cosine = nearest_kept(vectors, np.array([0]))
        assert (place >= 0).sum() == np.isfinite(cosine).sum() >= 40
        assert (place[cosine > 0.5] == 0).all()
