"""Magnitude and spread against worked values and the laws that hold for them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from schemas.errors import ContractError
from tasks.engine.magnitude import (
    EXACT_ROWS,
    distances,
    magnitude,
    nearest_distance,
    scale_for,
    spread,
)
from tasks.metrics import METRICS
from tasks.metrics.parts import describe
from tasks.metrics.sampling import sampling_facts
from tasks.metrics.view import SubsetView
from tests.tasks.test_metrics import make_rows, random_unit, unit


def line(*places: float) -> np.ndarray:
    return distances(np.array(places, dtype=float)[:, None])


@pytest.mark.parametrize("gap", [0.1, 1.0, 5.0])
def test_two_points_have_the_worked_value(gap: float) -> None:
    assert magnitude(line(0, gap), 1).value == pytest.approx(2 / (1 + np.exp(-gap)), abs=1e-6)


def test_points_on_a_line_have_the_worked_values() -> None:
    three = magnitude(line(0, 1, 2), 1)
    assert three.weights == pytest.approx([0.73106, 0.46212, 0.73106], abs=1e-5)
    assert three.value == pytest.approx(1 + 2 * np.tanh(0.5), abs=1e-6)
    assert spread(line(0, 1, 2), 1).sum() == pytest.approx(1.90660, abs=1e-5)
    assert magnitude(line(0, 1, 3), 1).value == pytest.approx(2.22371, abs=1e-5)
    places = np.sort(np.random.default_rng(1).random(20)) * 9
    expected = 1 + np.tanh(0.7 * np.diff(places) / 2).sum()
    assert magnitude(line(*places), 0.7).value == pytest.approx(expected, rel=1e-6)


def test_points_equally_far_from_each_other_have_the_worked_value() -> None:
    between = distances(np.eye(8) * np.sqrt(0.5))  # all distances 1
    expected = 8 / (1 + 7 * np.exp(-2.0))
    assert magnitude(between, 2).value == pytest.approx(expected, rel=1e-6)
    assert spread(between, 2).sum() == pytest.approx(expected, rel=1e-6)


def test_a_repeated_point_shares_its_weight_and_adds_nothing() -> None:
    found = magnitude(line(0, 0, 1), 1)
    assert found.weights == pytest.approx([0.3655, 0.3655, 0.7311], abs=1e-4)
    assert found.value == pytest.approx(1.4621, abs=1e-4)


def test_it_grows_from_one_to_the_number_of_points_with_the_scale() -> None:
    between = distances(random_unit(30, 5, seed=2))
    values = [magnitude(between, scale).value for scale in (1e-6, 0.5, 2, 8, 500)]
    assert values == sorted(values)
    assert values[0] == pytest.approx(1, abs=1e-3)
    assert values[-1] == pytest.approx(30, abs=1e-3)


def test_the_gain_of_a_point_can_grow_with_the_set_above_one_dimension() -> None:
    corners = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], dtype=float)

    def value(points: np.ndarray) -> float:
        return magnitude(distances(points), 0.1).value

    with_centre = np.concatenate([corners, [[0, 0]]])
    assert value(corners) - value(corners[:3]) == pytest.approx(0.01350, abs=1e-5)
    without = np.delete(with_centre, 3, axis=0)
    assert value(with_centre) - value(without) == pytest.approx(0.01728, abs=1e-5)


@given(st.integers(2, 25), st.integers(1, 6), st.floats(0.1, 20), st.integers(0, 9999))
@settings(max_examples=60, deadline=None)
def test_the_spread_is_never_above_the_magnitude(
    count: int, width: int, scale: float, seed: int
) -> None:
    between = distances(np.random.default_rng(seed).normal(size=(count, width)))
    found = magnitude(between, scale)
    assert 1 - 1e-6 <= spread(between, scale).sum() <= found.value * (1 + 1e-6)
    assert found.value <= count + 1e-6
    assert found.weights.sum() == pytest.approx(found.value, rel=1e-9)


def test_at_the_chosen_scale_spread_ranks_clustered_rows_as_the_weights_do() -> None:
    random = np.random.default_rng(4)
    centres = np.repeat(random_unit(40, 384, 3), 15, axis=0)
    noise = random.normal(size=centres.shape) * random.uniform(0.01, 0.05, (len(centres), 1))
    between = distances(unit(centres + noise))
    scale = scale_for(len(centres), nearest_distance(between))
    for times in (0.5, 1.0, 2.0):
        exact = magnitude(between, times * scale)
        assert spearmanr(spread(between, times * scale), exact.weights)[0] > 0.99


def test_the_scale_makes_the_nearest_point_count_for_one_nth() -> None:
    between = line(0, 1, 2, 3)
    assert nearest_distance(between) == 1
    assert np.exp(-scale_for(4, 1.0)) == pytest.approx(0.25)
    assert nearest_distance(line(0, 0, 0)) == 0
    assert scale_for(3, 0.0) == 1
    assert magnitude(line(0, 0, 0), 1).value == pytest.approx(1)
    assert magnitude(line(5), 1).value == pytest.approx(1)


def test_an_isolated_point_has_the_largest_weight() -> None:
    between = line(0, 0.1, 0.2, 0.3, 9)
    assert magnitude(between, 2).weights.argmax() == spread(between, 2).argmax() == 4


def test_the_condition_number_is_told_and_grows_as_the_scale_falls() -> None:
    between = distances(random_unit(40, 3, seed=5))
    tight, loose = magnitude(between, 0.01), magnitude(between, 10)
    similarity = np.exp(-10 * between)
    assert loose.condition == pytest.approx(np.linalg.cond(similarity, 1), rel=0.5)
    assert tight.condition > 1000 * loose.condition


def test_too_many_points_are_refused_with_a_remedy() -> None:
    with pytest.raises(ContractError, match="spread"):
        magnitude(np.zeros((EXACT_ROWS + 1, 1)), 1)


def test_the_metrics_are_the_formulas_at_half_once_and_twice_the_scale_of_the_pool() -> None:
    vectors = random_unit(80, 6, seed=6)
    view = SubsetView(describe(make_rows(vectors), np.arange(0, 80, 2)))
    scale = scale_for(80, nearest_distance(distances(vectors)))
    between = distances(vectors[::2])
    for name, times in (("magnitude_half", 0.5), ("magnitude", 1), ("magnitude_double", 2)):
        exact = magnitude(between, times * scale).value
        assert METRICS[name]()(view) == pytest.approx(exact, rel=1e-5)
    assert METRICS["spread"]()(view) == pytest.approx(spread(between, scale / 2).sum(), rel=1e-5)


def test_the_record_tells_the_scale_and_the_condition_numbers() -> None:
    facts = sampling_facts(make_rows(random_unit(80, 6, seed=6)), 40)["magnitude"]
    assert facts["rows"] == 80
    assert facts["scale"] > 0
    assert facts["condition"]["half"] > facts["condition"]["one"] > facts["condition"]["double"] > 1
