"""Sums of similarities: the mean to the pool, and to the rows picked so far."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.engine.buckets import partition
from tasks.engine.constraints import Limits
from tasks.engine.mean_similarity import mean_cosine, mean_similarity
from tasks.engine.objectives.saturation import Saturation, ToCover
from tasks.engine.picked import PickedSums
from tasks.engine.pool import Pool
from tasks.engine.sampled_sums import representatives, sampled_sums
from tasks.engine.similarity import Similarity
from tasks.selectors.saturated_coverage import SaturatedCoverage
from tests.pools import pool_of, pools, random_pool
from tests.set_functions import saturated_coverage, similarities

SOME = random_pool(1500, d=16, seed=2)  # more than one block of rows


class TestMean:
    @settings(max_examples=60, deadline=None)
    @given(pools(), st.sampled_from([0.0, 0.1, 1.0]))
    def test_it_is_the_mean_of_all_similarities(self, pool: Pool, width: float) -> None:
        found = mean_similarity(pool.vectors, Similarity(width=width))
        np.testing.assert_allclose(found.values, similarities(pool, width).mean(axis=1), atol=1e-6)
        assert found.error == 0.0

    @pytest.mark.parametrize("width", [0.0, 0.1])
    def test_over_several_blocks_each_product_counts_for_both_its_rows(self, width: float) -> None:
        found = mean_similarity(SOME.vectors, Similarity(width=width))
        expected = similarities(SOME, width).mean(axis=1)
        np.testing.assert_allclose(found.values, expected, rtol=2e-6)

    def test_the_mean_cosine_comes_from_the_mean_row(self) -> None:
        rows = SOME.vectors.astype(np.float64)
        np.testing.assert_allclose(
            mean_cosine(SOME.vectors).values, (rows @ rows.T).mean(axis=1), atol=1e-9
        )

    @pytest.mark.parametrize("width", [0.0, 0.1])
    def test_in_a_large_pool_the_error_told_is_the_error_made(self, width: float) -> None:
        pool = random_pool(6000, d=16, seed=5)
        similarity = Similarity(width=width)
        exact = mean_similarity(pool.vectors, similarity).values
        found = mean_similarity(pool.vectors, similarity, exact_rows=5999)
        made = np.abs(found.values / exact - 1)
        assert 0 < found.error < 0.1
        assert found.error / 3 < np.median(made) < 3 * found.error
        assert abs((found.values / exact - 1).mean()) < 2 * found.error, "no bias to speak of"

    def test_more_rows_looked_at_make_the_error_smaller(self) -> None:
        pool = random_pool(4000, d=16, seed=6)
        few, many = (sampled_sums(pool.vectors, Similarity(), rows)[1] for rows in (400, 3000))
        assert many < few / 2

    def test_threads_change_no_bit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = []
        for threads in ("1", "3"):
            monkeypatch.setenv("OMP_NUM_THREADS", threads)
            for exact_rows in (10**6, 1200):
                found.append(mean_similarity(SOME.vectors, Similarity(), exact_rows).values)
        assert found[0].tobytes() == found[2].tobytes()
        assert found[1].tobytes() == found[3].tobytes()


def test_the_rows_that_stand_for_their_bucket_stand_for_every_row_once() -> None:
    buckets = partition(SOME.vectors, 40, seed=0)
    rows, stands_for, bucket = representatives(buckets, 3)
    assert stands_for.sum() == pytest.approx(len(SOME))
    assert len(set(rows.tolist())) == len(rows)
    assert (np.diff(bucket) >= 0).all()
    for b in range(len(buckets)):
        own = buckets.order[buckets.starts[b] : buckets.starts[b + 1]]
        assert set(rows[bucket == b].tolist()) <= set(own.tolist())
        assert (bucket == b).sum() == min(3, len(own))


class TestPicked:
    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.integers(0, 299), min_size=1, max_size=150), st.integers(0, 2**32))
    def test_sums_are_the_same_bits_however_they_are_asked_for(
        self, picks: list[int], seed: int
    ) -> None:
        random = np.random.default_rng(seed)
        rows = SOME.vectors[np.arange(300) // 2 * 2]  # every row twice
        similarity = Similarity(width=0.3)
        often, seldom = PickedSums(rows, similarity), PickedSums(rows, similarity)
        for pick in picks:
            often.add(pick)
            seldom.add(pick)
            if random.random() < 0.3:
                often.all()
            if random.random() < 0.3:
                often.of(random.integers(0, 300, 5))
        total = seldom.all()
        assert often.of(np.arange(300)).tobytes() == total.tobytes()
        assert (total[::2] == total[1::2]).all(), "equal rows have equal sums"
        cosine = np.minimum(rows.astype(float) @ rows[picks].T.astype(float), 1.0)
        np.testing.assert_allclose(total, np.exp((cosine - 1) / 0.3).sum(axis=1), rtol=1e-5)


class TestSaturation:
    def test_the_worked_example_with_a_room_of_one_each(self) -> None:
        likeness = np.array([[1, 0.8, 0.1], [0.8, 1, 0.2], [0.1, 0.2, 1]])
        rows = pool_of(np.linalg.cholesky(likeness)).vectors
        part = Saturation(rows, Similarity(), 0.1, ToCover.of(rows, Similarity()))

        def value(*picks: int) -> float:
            other = part.fresh()
            other.room = np.ones(3)
            total = 0.0
            for pick in picks:
                total += other.gain(pick)
                other.accept(pick)
            return total

        pairs = [value(0, 1), value(0, 2), value(1, 2)]
        np.testing.assert_allclose(pairs, [2.3, 3.0, 2.9], atol=1e-6)
        np.testing.assert_allclose(value(1), 2.0, atol=1e-6)

    def test_when_all_is_saturated_quality_alone_decides(self) -> None:
        pool = random_pool(40)
        found = SaturatedCoverage(0.5, saturation=0.1)(pool, Limits(30), 0)
        assert found.totals["parts"]["SaturatedCoverage"]["saturated"] == 1.0
        late = found.indices[-10:]
        left = np.setdiff1d(np.arange(40), found.indices)
        assert pool.quality[late].min() >= pool.quality[left].max()
        assert (np.diff(pool.quality[late]) <= 0).all()

    @pytest.mark.slow
    def test_rows_that_stand_for_others_give_nearly_the_value_of_all(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tasks.engine.objectives.saturation.REFERENCES", 300)
        pool = random_pool(3000, d=12, seed=8)
        value = saturated_coverage(similarities(pool), 0.02)
        to_cover = ToCover.of(pool.vectors, Similarity(), exact_rows=500)
        assert len(to_cover.targets) < 400
        assert to_cover.weight.sum() == pytest.approx(3000)
        part = Saturation(pool.vectors, Similarity(), 0.02, to_cover)
        random = np.random.default_rng(0)
        for _ in range(20):
            total, picks = 0.0, random.choice(3000, 40, replace=False).tolist()
            some = part.fresh()
            for pick in picks:
                total += some.gain(pick)
                some.accept(pick)
            assert abs(total / value(picks) - 1) < 0.05
