"""Intervals: the jackknife against deletion by hand, and both kinds against the truth."""

import numpy as np
import pytest

from tasks.metrics import METRICS
from tasks.metrics.intervals import jackknife, over_draws
from tasks.metrics.parts import describe
from tasks.metrics.rows import BLOCKS, Rows
from tasks.metrics.view import SubsetView


def random_rows(count: int, seed: int) -> Rows:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(count, 6))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Rows(
        vectors.astype(np.float32),
        random.random(count),
        random.integers(1, 90, count),
        random.integers(0, 4, count),
        4,
        random.integers(0, BLOCKS, count),
    )


def without_block(rows: Rows, indices: np.ndarray, block: int) -> tuple[Rows, np.ndarray]:
    """Pool and subset with the block's rows truly removed: the slow way."""
    here = np.flatnonzero(rows.block != block)
    place = {int(row): position for position, row in enumerate(here)}
    left = Rows(
        rows.vectors[here],
        rows.quality[here],
        rows.cost[here],
        rows.group[here],
        rows.groups,
        rows.block[here],
        known_radius=rows.radius,  # the same for the whole and for what is left
    )
    return left, np.array([place[int(row)] for row in indices if int(row) in place])


@pytest.mark.parametrize("name", sorted(set(METRICS) - {"domain_auc"}))
def test_a_replicate_equals_measuring_the_pool_without_the_block(name: str) -> None:
    rows = random_rows(300, seed=1)
    indices = np.random.default_rng(2).permutation(300)[:90]
    parts = describe(rows, indices)
    assert len(parts.removable) > 15
    for block in parts.removable:
        left, kept = without_block(rows, indices, block)
        by_hand = METRICS[name]()(SubsetView(describe(left, kept)))
        assert METRICS[name]()(SubsetView(parts, block)) == pytest.approx(by_hand, rel=1e-6)


def test_a_replicate_of_the_auc_has_the_classifiers_of_the_whole_and_fewer_rows() -> None:
    rows = random_rows(300, seed=1)
    parts = describe(rows, np.arange(90))
    scores, block = parts.told_from_rest, parts.removable[0]
    left = scores.one[rows.block[90:] != block], scores.other[rows.block[:90] != block]
    expected = (left[1][:, None] > left[0]).mean()
    assert METRICS["domain_auc"]()(SubsetView(parts, block)) == pytest.approx(expected)


def test_a_block_that_is_the_whole_subset_cannot_be_removed() -> None:
    rows = random_rows(50, seed=3)
    only = np.flatnonzero(rows.block == rows.block[0])
    assert describe(rows, only).removable == []


def test_the_jackknife_of_a_mean_is_the_textbook_interval() -> None:
    values = np.arange(20.0)  # one row per group: the standard error of the mean, exactly
    replicates = (values.sum() - values) / 19
    low, high = jackknife(values.mean(), replicates) or (0, 0)
    reach = 2.093024 * values.std(ddof=1) / np.sqrt(20)  # t(0.975, 19)
    assert (low, high) == pytest.approx((9.5 - reach, 9.5 + reach), abs=1e-5)


def test_the_interval_over_draws_is_students() -> None:
    low, high = over_draws(np.array([1.0, 2.0, 3.0, 4.0, 5.0])) or (0, 0)
    reach = 2.776445 * np.sqrt(2.5) / np.sqrt(5)  # t(0.975, 4)
    assert (low, high) == pytest.approx((3 - reach, 3 + reach), abs=1e-5)


def test_one_draw_or_one_group_has_no_interval() -> None:
    assert over_draws(np.array([1.0])) is None
    assert jackknife(1.0, np.array([1.0])) is None


def test_the_jackknife_covers_the_true_mean_in_about_95_of_100_samples() -> None:
    random = np.random.default_rng(11)
    covered = 0
    for _ in range(1000):
        sample, block = random.normal(size=200), random.integers(0, BLOCKS, 200)
        sizes, sums = np.bincount(block, minlength=BLOCKS), np.bincount(block, sample, BLOCKS)
        replicates = (sample.sum() - sums) / (200 - sizes)
        low, high = jackknife(sample.mean(), replicates) or (0, 0)
        covered += low <= 0 <= high
    assert 925 <= covered <= 980
