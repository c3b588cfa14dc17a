"""Percentiles of the scores: written once by `score`, looked up by `winnow why`.

Sorted values of each score stand in percentiles.json, all of them up to `POINTS` rows, else the
values at every 1/1000 of the rows, so that a percentile is exact or at most 0.1 too low.
"""

from bisect import bisect_right
from math import ceil
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import polars as pl

POINTS: Final = 1000
NO_SCORES: Final = ("id", "nearest_id", "cluster")


def summary_of(scores: "pl.DataFrame") -> dict[str, list[float]]:
    """Sorted values of each numeric score, at most `POINTS`; null and NaN are no values."""
    found = {}
    for name, kind in scores.schema.items():
        if name in NO_SCORES or not kind.is_numeric():
            continue
        values = scores[name].fill_nan(None) if kind.is_float() else scores[name]
        ordered = values.drop_nulls().sort()
        steps = min(len(ordered), POINTS)
        places = [ceil(step * len(ordered) / steps) - 1 for step in range(1, steps + 1)]
        found[name] = ordered.gather(places).to_list()
    return found


def percentile(ordered: list[Any], value: float) -> float:
    """The share of rows whose score is at most `value`, in %, by the values of `summary_of`."""
    return round(100 * bisect_right(ordered, value) / len(ordered), 1)
