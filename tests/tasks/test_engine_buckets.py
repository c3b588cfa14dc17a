"""Buckets: every row in the bucket of its nearest centre, the same on any number of threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.engine.buckets import LARGEST, SMALLEST_CUT, nearest_centres, partition
from tests.benchmarks.synthetic import clustered


@given(st.integers(1, 400), st.integers(1, 40), st.integers(0, 100))
@settings(max_examples=40, deadline=None)
def test_every_row_is_in_one_bucket_and_no_bucket_is_empty(n: int, count: int, seed: int) -> None:
    buckets = partition(clustered(n, 8, seed), count, seed)
    assert np.sort(buckets.order).tolist() == list(range(n))
    sizes = np.diff(buckets.starts)
    assert sizes.sum() == n
    assert (sizes > 0).all()
    assert len(buckets) <= count
    for bucket, (start, stop) in enumerate(
        zip(buckets.starts[:-1], buckets.starts[1:], strict=True)
    ):
        mine = buckets.order[start:stop]
        assert (buckets.label[mine] == bucket).all()
        assert (np.diff(mine) > 0).all(), "in order of place"


def test_a_row_goes_to_its_nearest_centre() -> None:
    rows = clustered(700, 16, 3)
    buckets = partition(rows, 12, 0)
    cosine = rows.astype(np.float64) @ buckets.centres.T.astype(np.float64)
    own = cosine[np.arange(len(rows)), buckets.label]
    assert (own >= cosine.max(axis=1) - 1e-5).all()


def test_the_nearest_buckets_begin_with_the_own_one() -> None:
    buckets = partition(clustered(900, 16, 5), 20, 0)
    near = buckets.nearest(6)
    assert near[:, 0].tolist() == list(range(len(buckets)))
    cosine = buckets.centres.astype(np.float64) @ buckets.centres.T.astype(np.float64)
    np.fill_diagonal(cosine, np.inf)
    best = -np.sort(-cosine, axis=1)[:, :6]
    assert np.allclose(
        np.take_along_axis(cosine, near.astype(int), axis=1)[:, 1:], best[:, 1:], atol=2e-6
    )


def test_many_equal_rows_are_cut_into_several_buckets() -> None:
    rows = np.repeat(clustered(1, 8, 0), 40 * SMALLEST_CUT, axis=0)
    rows[:1000] = clustered(1000, 8, 1)
    buckets = partition(rows, 400, 0)
    most = max(SMALLEST_CUT, LARGEST * -(-len(rows) // 400))
    assert np.diff(buckets.starts).max() <= most
    assert len(buckets) > (buckets.first_of >= 0).sum()


def test_threads_do_not_change_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = clustered(6000, 16, 2)
    found = []
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        found.append(partition(rows, 60, 1))
    for other in found[1:]:
        assert (other.order == found[0].order).all()
        assert (other.centres == found[0].centres).all()


def test_the_best_centres_come_first() -> None:
    rows, centres = clustered(300, 12, 1), clustered(20, 12, 2)
    cosine = rows.astype(np.float64) @ centres.T.astype(np.float64)
    near = nearest_centres(rows, centres, 5).astype(int)
    found = np.take_along_axis(cosine, near, axis=1)
    assert np.allclose(found, -np.sort(-cosine, axis=1)[:, :5], atol=1e-5)
