"""Shares of groups: hand-worked numbers, and rates of false alarms and coverage by simulation."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import chi2_contingency

from tasks.comparing.clusters import in_clusters_of_b
from tasks.comparing.shift import adjusted, holm, jensen_shannon, shift
from tests.tasks.sides import make_side

DRAWS = 300


def rows(**groups: list[int]) -> pl.DataFrame:
    """(id, group) from group = numbers."""
    return pl.DataFrame(
        [(f"{number:04d}", name) for name, numbers in groups.items() for number in numbers],
        schema={"id": pl.String, "group": pl.String},
        orient="row",
    )


def test_shares_and_distances_are_those_worked_by_hand():
    found = shift("source", rows(x=[1, 2, 3], y=[4]), rows(x=[1], y=[4, 5, 6]))
    table = {row["group"]: row for row in found.groups.to_dicts()}
    assert (table["x"]["a"], table["x"]["b"]) == (3, 1)
    assert table["x"]["difference"] == pytest.approx(-0.5)
    assert found.total_variation == pytest.approx(0.5)
    entropy = -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))
    assert found.jensen_shannon == pytest.approx(1 - entropy)


def test_the_two_ends_of_the_divergence():
    p, q = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert jensen_shannon(p, p) == 0
    assert jensen_shannon(p, q) == 1


def test_selections_without_a_shared_row_get_pearsons_statistic_as_scipy_has_it():
    left = rows(x=range(60), y=range(100, 130), z=range(200, 210))
    right = rows(x=range(300, 340), y=range(400, 440), z=range(500, 520))
    found = shift("source", left, right)
    theirs = chi2_contingency(np.array([[60, 40], [30, 40], [10, 20]]), correction=False)
    assert (found.chi_square, found.p) == (
        pytest.approx(theirs.statistic),
        pytest.approx(theirs.pvalue),
    )
    assert found.freedom == theirs.dof


def test_equal_selections_have_no_test_and_small_groups_none_of_their_own():
    same = rows(x=range(50), y=range(100, 150))
    assert shift("source", same, same).p is None
    left = rows(x=range(50), y=range(100, 150), rare=[900])
    found = shift("source", left, rows(x=range(20, 70), y=range(120, 170), rare=[901]))
    table = {row["group"]: row["p"] for row in found.groups.to_dicts()}
    assert table["rare"] is None
    assert table["x"] is not None


def test_rows_without_a_group_are_counted_and_left_out():
    nameless = rows(none=[9]).with_columns(group=pl.lit(None, pl.String))
    left = pl.concat([rows(x=[1, 2]), nameless])
    assert shift("source", left, rows(x=[1, 2])).left_out == (1, 0)


def draws(seed: int, moved: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Two selections that share 300 of 400 and 500 rows; B's own rows lean to x by `moved`."""
    chance = np.random.default_rng(seed)
    shares = np.array([0.3, 0.5, 0.2])
    leaning = shares + np.array([moved, -moved, 0.0])
    groups = np.concatenate([
        chance.choice(["x", "y", "z"], 400, p=shares),
        chance.choice(["x", "y", "z"], 200, p=leaning),
    ])  # fmt: skip
    table = pl.DataFrame({"id": [f"{i:04d}" for i in range(600)], "group": groups})
    return table[:400], table[100:]


def test_without_a_shift_five_per_cent_of_tests_alarm_and_intervals_hold_the_truth():
    alarms, held = 0, 0
    for seed in range(DRAWS):
        found = shift("source", *draws(seed, 0.0))
        alarms += found.p < 0.05
        row = found.groups.filter(group="x").row(0, named=True)
        held += row["low"] <= 0 <= row["high"]
    assert 0.025 <= alarms / DRAWS <= 0.08, alarms
    assert 0.925 <= held / DRAWS <= 0.98, held


def test_a_shift_is_found_and_its_interval_holds_the_truth():
    truth, alarms, held = 0.15 * 200 / 500, 0, 0
    for seed in range(100):
        found = shift("source", *draws(seed, 0.15))
        alarms += found.p < 0.05
        row = found.groups.filter(group="x").row(0, named=True)
        held += row["low"] <= truth <= row["high"]
    assert alarms >= 80, alarms
    assert held >= 88, held


def test_holms_adjustment_is_that_of_the_textbook_and_skips_what_was_not_tested():
    p = holm(np.array([0.01, np.nan, 0.04, 0.03, 0.005]))
    assert p[[0, 2, 3, 4]] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert np.isnan(p[1])


def test_one_family_of_groups_over_all_kinds_and_one_of_kinds():
    left, right = draws(1, 0.15)
    one = shift("source", left, right)
    both = adjusted([one, shift("cluster", left, right)])
    alone = adjusted([one])[0]
    assert both[0].p_holm == pytest.approx(min(1, 2 * alone.p))
    least = [each.groups["p_holm"].min() for each in (alone, both[0])]
    assert least[1] == pytest.approx(min(1, 2 * least[0]))


def test_rows_of_a_join_bs_clusters_by_id_or_by_the_nearest_centre(tmp_path):
    texts = {f"{letter}{i}": f"{letter} {i}" for letter in "abc" for i in range(6)}
    b = make_side(tmp_path / "b", texts, ["a0", "b0", "c0"])
    gone = {**texts, "old": "b gone", "a1": "c reworded"}
    a = make_side(tmp_path / "a", gone, ["a0", "a1", "old"])
    of_a, of_b, note = in_clusters_of_b(a, b)
    group = dict(of_b.rows())
    assert dict(of_a.rows()) == {"a0": group["a0"], "old": group["b0"], "a1": group["c0"]}
    assert "nearest centre" in note


def test_without_a_common_model_rows_b_does_not_hold_are_left_out_and_it_says_so(tmp_path):
    a = make_side(tmp_path / "a", {"x": "a", "old": "b"}, ["x", "old"], model="other")
    b = make_side(tmp_path / "b", {"x": "a"}, ["x"])
    of_a, _, note = in_clusters_of_b(a, b)
    assert of_a.filter(id="old")["group"].to_list() == [None]
    assert "another model" in note
