"""How columns become one quality, and where a row lies among the others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from schemas.errors import SettingsError
from tasks.scorers import geometry
from tasks.scorers.contract import Column, Direction
from tasks.scorers.geometry import cluster_rows
from tasks.scorers.quality import Quality, check_weights, combine

NAN = float("nan")


def column(direction: Direction) -> Column:
    return Column(direction, -np.inf, np.inf, "units", "nobody 2000", "made up")


COLUMNS = {
    "up": column("higher"),
    "down": column("lower"),
    "mid": column("middle"),
    "none": column("neither"),
}


def quality(weights: dict[str, float], **values: list[float]) -> Quality:
    scores = {name: np.array(found) for name, found in values.items()}
    return combine(scores, weights, COLUMNS, len(next(iter(values.values()))))


def test_a_single_column_becomes_its_ranks_in_the_better_direction() -> None:
    ranks = [0.125, 0.375, 0.75, 0.75]  # the last two tie: (3.5 - 0.5) / 4
    assert quality({"up": 2.0}, up=[1.0, 2.0, 9.0, 9.0]).values.tolist() == ranks
    assert quality({"down": 1.0}, down=[9.0, 2.0, 1.0, 1.0]).values.tolist() == ranks
    # the median is 5: distances 4, 1, 0, 1, 15
    found = quality({"mid": 1.0}, mid=[1.0, 4.0, 5.0, 6.0, 20.0]).values.tolist()
    assert found == [0.3, 0.6, 0.9, 0.6, 0.1]


def test_weights_average_the_ranks() -> None:
    found = quality({"up": 3.0, "down": 1.0}, up=[1.0, 2.0], down=[1.0, 2.0])
    assert found.values.tolist() == [(3 * 0.25 + 0.75) / 4, (3 * 0.75 + 0.25) / 4]
    ignored = quality({"up": 3.0, "down": 0.0}, up=[1.0, 2.0], down=[1.0, 2.0])
    assert ignored.values.tolist() == [0.25, 0.75]


def test_a_row_is_judged_by_the_columns_it_has_and_gets_zero_without_any() -> None:
    found = quality({"up": 1.0, "down": 1.0}, up=[1.0, NAN, 3.0, NAN], down=[2.0, 1.0, NAN, NAN])
    assert found.values.tolist() == [0.25, 0.75, 0.75, 0.0]
    assert found.unscored_rows == 1


def test_a_constant_column_ranks_every_row_alike_and_is_named() -> None:
    found = quality({"up": 1.0, "down": 1.0}, up=[7.0, 7.0, 7.0], down=[1.0, 2.0, 3.0])
    assert found.constant == ["up"]
    assert found.spearman["up"]["down"] is None
    only = quality({"up": 1.0}, up=[7.0, 7.0])
    assert only.values.tolist() == [0.5, 0.5]


def test_the_rank_correlation_is_taken_in_the_better_direction() -> None:
    found = quality({"up": 1.0, "down": 1.0}, up=[1.0, 2.0, 3.0, 4.0], down=[5.0, 4.0, 3.0, 9.0])
    # ranks 1 2 3 4 against 2 3 4 1: rho = 1 - 6 * (1 + 1 + 1 + 9) / (4 * 15)
    assert found.spearman["up"]["down"] == pytest.approx(-0.2)
    assert found.spearman["up"]["up"] == 1.0


@given(st.lists(st.integers(-1000, 1000).map(float), min_size=1, max_size=30))
def test_quality_lies_within_bounds_and_ignores_a_monotone_rescaling(values: list[float]) -> None:
    plain = quality({"up": 1.0}, up=values).values
    assert ((plain > 0) & (plain < 1)).all()
    rescaled = quality({"up": 1.0}, up=[value**3 + 5 for value in values]).values
    np.testing.assert_array_equal(plain, rescaled)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"upp": 1.0}, "does not exist"),
        ({"none": 1.0}, "no better end"),
        ({"up": -1.0}, "weight of 'up'"),
        ({"up": NAN}, "weight of 'up'"),
        ({"up": 0.0, "mid": 0.0}, "every quality weight"),
    ],
)
def test_wrong_weights_are_refused_with_the_choices(weights: dict[str, float], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as error:
        check_weights(weights, COLUMNS)
    if "weight" not in words:
        assert "down, mid, up" in str(error.value)


def blobs(sizes: list[int], seed: int = 0) -> np.ndarray:
    """Tight groups of unit vectors around the axes, in the order of `sizes`."""
    centres = np.repeat(np.eye(len(sizes), 8), sizes, axis=0)
    rows = centres + 0.01 * np.random.default_rng(seed).standard_normal(centres.shape)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_clusters_are_the_groups_numbered_by_their_first_row() -> None:
    order = np.random.default_rng(1).permutation(60)
    truth = np.repeat([0, 1, 2], 20)[order]
    found = cluster_rows(blobs([20, 20, 20])[order], 3, seed=4)
    first_seen = {group: number for number, group in enumerate(dict.fromkeys(truth.tolist()))}
    assert found.labels.tolist() == [first_seen[group] for group in truth.tolist()]
    assert (found.asked, found.count, found.fitted_rows) == (3, 3, 60)


def test_rows_outside_the_fitted_sample_join_their_nearest_centre(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(geometry, "FIT_ROWS", 40)
    found = cluster_rows(blobs([50, 50, 50]), 3, seed=0)
    assert found.fitted_rows == 40
    assert found.labels.tolist() == [0] * 50 + [1] * 50 + [2] * 50


@pytest.mark.parametrize(("rows", "asked", "expected"), [(1, 0, 1), (5, 9, 5), (100, 0, 10)])
def test_the_number_of_clusters_follows_the_rows(rows: int, asked: int, expected: int) -> None:
    vectors = np.random.default_rng(0).standard_normal((rows, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert cluster_rows(vectors, asked, seed=0).asked == expected


def test_equal_rows_share_one_cluster_and_no_rows_have_none() -> None:
    same = cluster_rows(np.tile(blobs([1]), (6, 1)), 4, seed=0)
    assert same.labels.tolist() == [0] * 6
    assert same.count == 1
    none = cluster_rows(np.empty((0, 4), dtype=np.float32), 0, seed=0)
    assert (len(none.labels), none.count) == (0, 0)


def test_the_bits_of_a_centre_do_not_depend_on_the_number_of_threads() -> None:
    rows = np.random.default_rng(0).standard_normal((4000, 32)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    centres = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            centres.append(geometry._centres(rows, 50, seed=0).tobytes())
    assert centres[0] == centres[1]


def test_opposite_rows_whose_centre_is_nothing_are_still_assigned() -> None:
    axis = np.array([[1, 0], [-1, 0]], dtype=np.float32)
    assert cluster_rows(axis, 1, seed=0).labels.tolist() == [0, 0]
