"""Percentiles from a summary, against counting."""

import json

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tasks.percentiles import POINTS, percentile, summary_of

numbers = st.one_of(st.integers(0, 5).map(float), st.floats(-1, 1), st.just(float("nan")))


def counted(values: list[float], value: float) -> float:
    known = [each for each in values if each == each]
    return 100 * sum(each <= value for each in known) / len(known)


@given(values=st.lists(numbers, min_size=1, max_size=30), repeat=st.sampled_from([1, 100]))
def test_a_percentile_is_exact_for_few_rows_and_at_most_a_tenth_too_low_for_many(values, repeat):
    column = values * repeat
    frame = pl.DataFrame({"id": ["x"] * len(column), "s": column, "cluster": 0})
    summary = json.loads(json.dumps(summary_of(frame)))
    assert set(summary) == {"s"}
    assert len(summary["s"]) <= POINTS
    for value in {each for each in values if each == each}:
        found, exact = percentile(summary["s"], value), counted(values, value)
        slack = 0.051 if len(column) <= POINTS else 0.151  # half of the last digit, and one step
        assert exact - slack <= found <= exact + 0.051


def test_a_worked_example():
    """Of 4,000 rows with the values 1 to 4,000, 1,002 are at most 1,002: 25.05 %."""
    frame = pl.DataFrame({"s": [float(each) for each in range(4000, 0, -1)]})
    (ordered,) = summary_of(frame).values()
    assert (ordered[0], ordered[-1], len(ordered)) == (4.0, 4000.0, 1000)
    assert percentile(ordered, 1002.0) == 25.0
    assert percentile(ordered, 4000.0) == 100.0
    assert percentile(ordered, 0.5) == 0.0
