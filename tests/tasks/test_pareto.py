"""A sweep's fronts, areas and knees from its points, and its page."""

import json
import re

import polars as pl
import pytest

from schemas.errors import SettingsError
from tasks.pages.pareto import pareto_page
from tasks.proving.sweep import CONTROLS, Point, analyse, check_metric, point

PLACES = {0.0: (0.9, 0.2), 0.5: (0.8, 0.6), 0.9: (0.7, 0.65), 1.0: (0.5, 0.7)}


def points(budget="20%", places=PLACES, control=(0.6, 0.5)) -> list[Point]:
    own = [
        Point(budget, "selected", weight, f"pareto-{budget}-w{weight:g}", 30, q, q - 0.01,
              q + 0.01, d, d - 0.02, d + 0.02)
        for weight, (q, d) in places.items()
    ]  # fmt: skip
    return [*own, *(Point(budget, name, None, "r", 30, *_plain(control)) for name in CONTROLS)]


def _plain(place):
    return place[0], None, None, place[1], None, None


def test_front_area_and_knee_of_each_budget():
    found = analyse([*points(), *points("40%")], "coverage_mean")
    assert [each["budget"] for each in found["budgets"]] == ["20%", "40%"]
    first = found["budgets"][0]
    assert {each["weight"] for each in first["points"] if each["on_front"]} == set(PLACES)
    # Scaled: (1, 0), (0.75, 0.8), (0.5, 0.9), (0, 1): the second lies furthest out.
    assert first["knee"]["weight"] == 0.5
    assert first["hypervolume"] == pytest.approx(0.5 * 0.7 + 0.2 * 0.65 + 0.1 * 0.6 + 0.1 * 0.2)
    assert first["hypervolume_with_controls"] == pytest.approx(first["hypervolume"])
    assert found["reference"] == [0.0, 0.0]


def test_a_control_that_beats_the_selector_takes_its_place_on_the_front():
    (group,) = analyse(points(control=(0.95, 0.95)), "coverage_mean")["budgets"]
    on_front = [each for each in group["points"] if each["on_front"]]
    assert {each["weight"] for each in on_front} == {None}
    assert group["hypervolume_with_controls"] == pytest.approx(0.95**2)
    assert group["hypervolume"] < group["hypervolume_with_controls"]
    assert group["knee"]["weight"] is not None, "the knee is a setting of the selector"


def test_without_three_points_on_the_front_there_is_no_knee_and_the_page_says_so():
    few = {0.0: (0.9, 0.2), 1.0: (0.5, 0.7)}
    (group,) = analyse(points(places=few), "coverage_mean")["budgets"]
    assert group["knee"]["weight"] == 0.0
    assert group["knee_rule"].startswith("best quality: the front has 2 points")


def test_a_point_is_read_from_the_comparison():
    table = pl.DataFrame({
        "subset": ["selected"] * 3,
        "metric": ["mean_quality", "coverage_mean", "rows"],
        "value": [0.5, 0.6, 12.0], "low": [0.4, 0.55, None], "high": [0.6, 0.65, None],
    })  # fmt: skip
    found = point(table, "selected", "coverage_mean", budget="12", run="r", weight=0.3)
    assert (found.quality, found.diversity, found.rows) == (0.5, 0.6, 12)
    assert (found.quality_low, found.diversity_high) == (0.4, 0.65)


def test_a_metric_of_no_diversity_is_refused():
    check_metric("vendi_1")
    for name in ("redundancy", "mean_quality", "rows", "nonsense"):
        with pytest.raises(SettingsError, match="no measure of diversity"):
            check_metric(name)


def test_the_page_holds_front_knee_and_runs_and_nothing_of_it_acts():
    hostile = "</script><b>20%"
    found = {"selector": "a<i>", **analyse(points(hostile), "coverage_mean")}
    page = pareto_page(found)
    assert "<b>20%" not in page
    assert "<i>" not in page
    (data,) = re.findall(r'id="figure-data">(.*?)</script>', page, re.DOTALL)
    traces = {each["name"]: each for each in json.loads(data)["front-0"]["data"]}
    assert traces["knee"]["x"] == [0.8]
    assert traces["diversity weight"]["text"] == ["0", "0.5", "0.9", "1"]
    assert traces["front"]["x"] == [0.5, 0.7, 0.8, 0.9]
    assert page.count('class="knee"') == 1
    assert page == pareto_page(found)
