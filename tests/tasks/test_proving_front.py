"""Fronts, hypervolume and knee: worked numbers, and that nothing depends on the order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.proving.front import front_of, hypervolume, ranked_front

THREE = np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]])
points_of_a_grid = st.lists(st.tuples(*[st.integers(0, 6)] * 2), min_size=1, max_size=12)


def test_three_points_of_the_brief_cover_six():
    assert front_of(THREE).tolist() == [0, 1, 2]
    assert hypervolume(THREE, (0.0, 0.0)) == pytest.approx(6.0)


def test_a_point_below_the_reference_covers_nothing():
    assert hypervolume(THREE, (3.0, 3.0)) == 0.0
    assert hypervolume(np.empty((0, 2)), (0.0, 0.0)) == 0.0


def test_equal_points_stand_on_the_front_once_even_when_rounding_parts_them():
    twins = np.array([[1.0, 1.0], [1.0, 1.0], [1.0 + 1e-12, 1.0 - 1e-12]])
    assert len(front_of(twins)) == 1


@given(points_of_a_grid)
def test_the_front_is_what_brute_force_finds(points):
    array = np.array(points, dtype=float)
    beaten = [any((other >= one).all() and (other > one).any() for other in array) for one in array]
    left = {tuple(one) for one, out in zip(array.tolist(), beaten, strict=True) if not out}
    found = array[front_of(array)]
    assert {tuple(one) for one in found.tolist()} == left
    assert len(found) == len(left)
    assert (np.diff(found[:, 0]) > 0).all()


@given(points_of_a_grid, st.randoms(use_true_random=False))
def test_order_changes_neither_front_nor_area_nor_knee(points, random):
    array = np.array(points, dtype=float)
    order = list(range(len(array)))
    random.shuffle(order)
    other = array[order]
    assert array[front_of(array)].tolist() == other[front_of(other)].tolist()
    assert hypervolume(array, (0, 0)) == pytest.approx(hypervolume(other, (0, 0)))
    assert array[ranked_front(array)].tolist() == other[ranked_front(other)].tolist()


@given(points_of_a_grid, st.tuples(*[st.integers(0, 6)] * 2))
def test_one_more_point_never_takes_area_away_and_a_beaten_one_changes_nothing(points, new):
    array = np.array(points, dtype=float)
    grown = np.vstack([array, new])
    before, after = hypervolume(array, (0, 0)), hypervolume(grown, (0, 0))
    assert after >= before - 1e-12
    if any((one >= np.array(new)).all() and (one > np.array(new)).any() for one in array):
        assert after == pytest.approx(before)
        assert array[front_of(array)].tolist() == grown[front_of(grown)].tolist()


def test_the_knee_lies_furthest_from_the_chord_after_scaling():
    # Scaled: (0, 1), (0.5, 0.9), (0.8, 0.3), (1, 0): sums 1, 1.4, 1.1, 1.
    bent = np.array([[10.0, 0.2], [15.0, 0.19], [18.0, 0.13], [20.0, 0.1]])
    assert ranked_front(bent).tolist() == [1, 2, 0, 3]


def test_without_three_points_on_the_front_the_best_quality_is_taken():
    assert ranked_front(np.array([[1.0, 3.0], [2.0, 2.0], [0.5, 0.5]])).tolist() == [1, 0]
