"""Distances between samples: worked values, brute force, and what holds for any two samples."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from tasks.engine.distances import (
    RandomFeatures,
    auc,
    domain_auc,
    domain_scores,
    gaussian_wasserstein,
    kl_divergence,
    linear_mmd_squared,
    mmd_squared,
    sliced_wasserstein,
    wasserstein_of_sorted,
)


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)[:, None]


def normal(count: int, width: int, seed: int, mean: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1.0, (count, width))


def exact_mmd_squared(one: np.ndarray, other: np.ndarray, bandwidth: float) -> float:
    def mean_kernel(a: np.ndarray, b: np.ndarray) -> float:
        squared = np.square(a[:, None] - b[None]).sum(axis=2)
        return float(np.exp(-squared / (2 * bandwidth**2)).mean())

    return mean_kernel(one, one) + mean_kernel(other, other) - 2 * mean_kernel(one, other)


class TestMeanDiscrepancy:
    def test_it_gives_the_worked_value(self) -> None:
        one, other = column(0, 2), column(1)  # kernel e^(-(a - b)^2 / 2)
        assert exact_mmd_squared(one, other, 1.0) == pytest.approx(0.354606, abs=1e-6)
        features = RandomFeatures(width=1, bandwidth=1.0, pairs=20_000)
        assert mmd_squared(one, other, features) == pytest.approx(0.354606, abs=0.01)

    def test_features_have_length_one_and_give_the_kernel(self) -> None:
        rows = normal(20, 8, 0) / 3
        features = RandomFeatures(width=8, pairs=20_000)
        phi = features(rows)
        np.testing.assert_allclose(np.square(phi).sum(axis=1), 1, atol=1e-9)
        squared = np.square(rows[:, None] - rows[None]).sum(axis=2)
        np.testing.assert_allclose(phi @ phi.T, np.exp(-squared), atol=0.03)

    def test_it_is_zero_for_equal_samples_and_symmetric(self) -> None:
        one, other = normal(30, 4, 1), normal(50, 4, 2)
        assert mmd_squared(one, one) == 0
        assert mmd_squared(one, other) == pytest.approx(mmd_squared(other, one), abs=1e-12)
        assert linear_mmd_squared(one, one) == 0

    def test_the_unbiased_form_is_that_over_pairs_of_different_rows(self) -> None:
        one, other = normal(9, 3, 1) / 2, normal(7, 3, 2) / 2
        features = RandomFeatures(width=3)
        a, b = (features(rows) for rows in (one, other))
        within = [(np.sum(x @ x.T) - len(x)) / (len(x) * (len(x) - 1)) for x in (a, b)]
        expected = sum(within) - 2 * np.mean(a @ b.T)
        assert mmd_squared(one, other, features, unbiased=True) == pytest.approx(expected, abs=1e-5)

    def test_its_mean_over_samples_of_one_distribution_is_zero_if_unbiased(self) -> None:
        found = [
            [
                mmd_squared(normal(40, 5, 2 * i), normal(60, 5, 2 * i + 1), unbiased=form)
                for i in range(60)
            ]
            for form in (True, False)
        ]
        error = np.std(found[0]) / math.sqrt(60)
        assert abs(np.mean(found[0])) < 4 * error
        assert np.mean(found[1]) > 0.03  # (1/40 + 1/60) (1 - mean kernel)

    def test_random_subsets_of_the_briefs_fixture_lie_where_it_says(self) -> None:
        rows = normal(3000, 5, 0)  # kernel e^(-|a - b|^2 / 10): 200 random rows give 3.0e-3
        features = RandomFeatures(width=5, bandwidth=5**0.5, pairs=500)
        drawn = [np.random.default_rng(i).permutation(3000)[:200] for i in range(6)]
        found = np.mean([mmd_squared(rows[draw], rows, features) for draw in drawn])
        assert found == pytest.approx(3.0e-3, rel=0.3)

    def test_the_linear_kernel_gives_the_distance_of_the_means(self) -> None:
        assert linear_mmd_squared(column(0, 2), column(4, 4)) == 9.0


class TestTransport:
    def test_on_a_line_it_gives_the_worked_value(self) -> None:
        assert wasserstein_of_sorted(column(0, 1), column(0, 3)) == pytest.approx([1.0])

    @given(
        st.lists(st.floats(-9, 9), min_size=1, max_size=12),
        st.lists(st.floats(-9, 9), min_size=1, max_size=12),
    )
    @settings(max_examples=60, deadline=None)
    def test_on_a_line_it_equals_scipys(self, one: list[float], other: list[float]) -> None:
        found = wasserstein_of_sorted(column(*sorted(one)), column(*sorted(other)))
        assert found[0] == pytest.approx(wasserstein_distance(one, other), abs=1e-9)

    def test_a_shift_costs_its_mean_projection(self) -> None:
        rows = normal(200, 3, 0)
        shift = np.array([3.0, 0.0, 0.0])
        found = sliced_wasserstein(rows, rows + shift, count=4000)
        assert found == pytest.approx(1.5, rel=0.03)  # E|u_1| = 1/2 on the sphere in 3-d
        assert sliced_wasserstein(rows, rows) == 0

    def test_between_gaussians_it_gives_the_closed_form(self) -> None:
        zero, one = np.zeros(2), np.diag([1.0, 4.0])
        other = np.diag([9.0, 1.0])  # (1 - 3)^2 + (2 - 1)^2 = 5, means 2 apart: 4
        assert gaussian_wasserstein(zero, one, np.array([2.0, 0.0]), other) == pytest.approx(3.0)
        assert gaussian_wasserstein(zero, one, zero, one) == pytest.approx(0, abs=1e-7)

    def test_between_gaussians_it_is_symmetric_and_holds_singular_ones(self) -> None:
        a, b = (np.cov(normal(4, 6, seed), rowvar=False) for seed in (0, 1))
        means = normal(2, 6, 3)
        forth = gaussian_wasserstein(means[0], a, means[1], b)
        assert forth == pytest.approx(gaussian_wasserstein(means[1], b, means[0], a), rel=1e-6)


class TestDivergence:
    def test_it_gives_the_smoothed_value(self) -> None:
        p, q = np.array([3.5, 1.5]) / 5, np.array([2.5, 2.5]) / 5
        expected = float((p * np.log(p / q)).sum())
        assert kl_divergence(np.array([3, 1]), np.array([2, 2])) == pytest.approx(expected)

    def test_a_missing_group_costs_much_but_not_infinitely_much(self) -> None:
        assert kl_divergence(np.array([5, 5]), np.array([5, 5])) == 0
        assert 1 < kl_divergence(np.array([0, 100]), np.array([100, 0])) < 10


class TestDomain:
    def test_samples_of_one_distribution_cannot_be_told_apart(self) -> None:
        found = [domain_auc(normal(600, 8, i), normal(600, 8, 99 - i)) for i in range(5)]
        assert np.mean(found) == pytest.approx(0.5, abs=0.03)

    def test_a_shift_gives_the_auc_of_the_best_line(self) -> None:
        found = domain_auc(normal(2000, 4, 0), normal(2000, 4, 1, mean=0.5))
        # means 1 apart along the diagonal of a unit normal: Phi(1 / sqrt 2) = 0.760
        assert found == pytest.approx(0.760, abs=0.03)

    def test_samples_far_apart_are_told_apart_always(self) -> None:
        assert domain_auc(normal(50, 3, 0), normal(40, 3, 1, mean=9)) == 1.0

    def test_a_side_of_one_row_leaves_nothing_to_fit(self) -> None:
        scores = domain_scores(normal(1, 3, 0), normal(40, 3, 1))
        assert not scores.one.any()
        assert auc(scores.one, scores.other) == 0.5

    def test_the_same_seed_gives_the_same_scores(self) -> None:
        one, other = normal(40, 3, 0), normal(30, 3, 1)
        first, again = domain_scores(one, other, 5), domain_scores(one, other, 5)
        np.testing.assert_array_equal(first.other, again.other)
        assert (domain_scores(one, other, 6).other != first.other).any()

    def test_ties_count_half(self) -> None:
        assert auc(np.array([0.0, 1.0]), np.array([1.0, 2.0])) == 0.875
        assert auc(np.empty(0), np.array([1.0])) == 0.5
