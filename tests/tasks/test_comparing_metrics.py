"""Metric changes: the stated formula, and honest words where there is no interval."""

import math

import pytest

from tasks.comparing.metrics import metric_changes
from tests.tasks.sides import comparison, make_side


@pytest.fixture
def two(tmp_path):
    return tuple(make_side(tmp_path / name, {"x": "a"}, ["x"]) for name in "ab")


@pytest.mark.parametrize(
    ("values", "halves", "verdict"),
    [
        ((0.5, 0.9), (0.03, 0.04), "higher"),
        ((0.9, 0.5), (0.03, 0.04), "lower"),
        ((0.50, 0.54), (0.03, 0.04), "unclear"),
        ((0.5, 0.5), (0.03, 0.04), "equal"),
        ((0.5, 0.6), (None, 0.04), "no interval"),
    ],
)
def test_the_interval_is_the_root_of_the_squared_halves(two, values, halves, verdict):
    for side, value, half in zip(two, values, halves, strict=True):
        comparison(side, value, half)
    row = metric_changes(*two).row(0, named=True)
    assert row["verdict"] == verdict
    assert row["difference"] == pytest.approx(values[1] - values[0])
    if None in halves:
        assert row["low"] is row["high"] is None
    else:
        assert (row["high"] - row["low"]) / 2 == pytest.approx(math.hypot(*halves))
        assert row["better"] == "higher"


def test_a_side_without_metrics_gives_none_and_a_metric_of_one_run_is_missing(two):
    comparison(two[0], 0.5, 0.1)
    assert metric_changes(*two) is None
    comparison(two[1], 0.6, 0.1)
    both = metric_changes(*two)
    assert both.filter(metric="rows")["verdict"].to_list() == ["equal"]
