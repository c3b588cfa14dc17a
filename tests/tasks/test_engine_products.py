"""Blocked products: bits of a similarity depend on its two rows alone; both paths agree."""

import numpy as np
import pytest

from tasks.engine.columns import SimilarityColumns
from tasks.engine.neighbours import nearest_in, nearest_neighbours
from tasks.engine.tiles import column_tiles, map_row_blocks, thread_count
from tests.pools import pool_of, random_pool

N = 2300  # more than one tile both ways
POOL = random_pool(N, d=24, seed=3)


def similarities(vectors: np.ndarray) -> np.ndarray:
    """All similarities, by tiles."""

    def block(rows: slice) -> np.ndarray:
        return np.concatenate([t.copy() for _, t in column_tiles(vectors[rows], vectors)], axis=1)

    return np.concatenate(list(map_row_blocks(len(vectors), block)))


@pytest.fixture(scope="module")
def whole() -> np.ndarray:
    return similarities(POOL.vectors)


class TestTiles:
    def test_they_hold_the_products(self, whole: np.ndarray) -> None:
        exact = POOL.vectors.astype(np.float64) @ POOL.vectors.astype(np.float64).T
        np.testing.assert_allclose(whole, exact, atol=1e-6)

    @pytest.mark.parametrize("d", [1, 7, 24, 385])
    def test_they_are_summed_in_float32_from_the_first_dimension_on(self, d: int) -> None:
        """So they are the same on every processor, and wherever a row stands."""
        rows = np.random.default_rng(d).standard_normal((40, d)).astype(np.float32)
        total = np.zeros((40, 40), dtype=np.float32)
        for t in range(d):
            total += rows[:, t, None] * rows[:, t]
        _, tile = next(column_tiles(rows, rows))
        assert tile.tobytes() == total.tobytes()

    def test_similarity_is_symmetric_to_the_bit(self, whole: np.ndarray) -> None:
        assert np.array_equal(whole, whole.T)

    @pytest.mark.parametrize("count", [1, 2, 17, 600, 2049])
    def test_its_bits_do_not_depend_on_the_other_rows(self, whole: np.ndarray, count: int) -> None:
        some = np.random.default_rng(count).permutation(N)[:count]
        assert np.array_equal(similarities(POOL.vectors[some]), whole[np.ix_(some, some)])

    def test_its_bits_do_not_depend_on_the_threads(
        self, whole: np.ndarray, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for threads in ("1", "2", "5"):
            monkeypatch.setenv("OMP_NUM_THREADS", threads)
            assert thread_count() == int(threads)
            assert np.array_equal(similarities(POOL.vectors), whole)

    def test_equal_rows_have_equal_similarities(self) -> None:
        rows = POOL.vectors[np.arange(N) % 100]
        found = similarities(rows)
        assert np.array_equal(found[:100], found[100:200])
        assert np.array_equal(found[:, 7], found[:, 2207])

    def test_blocks_come_in_order_however_long_they_take(self) -> None:
        found = list(map_row_blocks(10, lambda rows: (rows.start, rows.stop), size=4))
        assert found == [(0, 4), (4, 8), (8, 10)]

    def test_a_failure_in_a_block_is_not_swallowed(self) -> None:
        def fail(rows: slice) -> int:
            return 1 // (8 - rows.start)

        with pytest.raises(ZeroDivisionError):
            list(map_row_blocks(20, fail, size=4))


class TestColumns:
    @pytest.mark.parametrize("cache_bytes", [0, 3 * 4 * N, 2**30])
    def test_columns_are_the_tiles_without_negatives_whatever_is_kept(
        self, whole: np.ndarray, cache_bytes: int
    ) -> None:
        columns = SimilarityColumns(POOL.vectors, cache_bytes=cache_bytes)
        columns.prepare(range(0, 150))
        for index in (0, 5, 149, 2299, 5, 700, 0):
            assert np.array_equal(columns.column(index), np.maximum(whole[index], 0.0))

    def test_no_more_columns_are_kept_than_fit(self) -> None:
        columns = SimilarityColumns(POOL.vectors, cache_bytes=3 * 4 * N)
        columns.prepare([1, 2])
        columns.prepare([3, 4])
        assert [index in columns for index in (1, 2, 3, 4)] == [False, True, True, True]
        columns.forget(3)
        assert 3 not in columns

    def test_a_column_in_use_outlives_those_that_are_not(self) -> None:
        columns = SimilarityColumns(POOL.vectors, cache_bytes=2 * 4 * N)
        columns.prepare([1, 2])
        columns.column(1)
        columns.prepare([3])
        assert [index in columns for index in (1, 2, 3)] == [True, False, True]


class TestNeighbours:
    def test_they_are_the_closest_other_rows(self, whole: np.ndarray) -> None:
        alone = whole.copy()
        np.fill_diagonal(alone, -np.inf)
        found = nearest_neighbours(POOL.vectors, 5)
        assert np.array_equal(found.index, alone.argmax(axis=1))
        assert np.array_equal(found.similarity, alone.max(axis=1).astype(np.float64))
        best = np.sort(alone, axis=1)[:, -5:].astype(np.float64)
        np.testing.assert_allclose(found.density, best.mean(axis=1), atol=1e-12)

    def test_a_tie_goes_to_the_lower_row(self) -> None:
        found = nearest_neighbours(pool_of(np.ones((4, 2))).vectors, 9)
        assert found.index.tolist() == [1, 0, 0, 0]
        np.testing.assert_allclose(found.density, 1.0, atol=1e-6)

    def test_a_single_row_has_none(self) -> None:
        found = nearest_neighbours(np.ones((1, 1), dtype=np.float32), 3)
        assert found.index.tolist() == [-1]
        assert np.isnan([found.similarity, found.density]).all()

    def test_the_nearest_of_a_subset_is_its_position_there(self, whole: np.ndarray) -> None:
        subset = np.array([2200, 3, 3, 900])
        place, similarity = nearest_in(POOL.vectors, POOL.vectors[subset])
        assert np.array_equal(place, whole[:, subset].argmax(axis=1))
        assert np.array_equal(similarity, whole[:, subset].max(axis=1).astype(np.float64))
        assert place[3] == 1

    def test_of_a_large_pool_they_come_from_buckets(self, monkeypatch: pytest.MonkeyPatch) -> None:
        exact = nearest_neighbours(POOL.vectors, 5)
        monkeypatch.setattr("tasks.engine.neighbours.EXACT_ROWS", 100)
        found = nearest_neighbours(POOL.vectors, 5)
        assert (found.index == exact.index).mean() > 0.95
        np.testing.assert_allclose(found.density.mean(), exact.density.mean(), atol=0.01)
