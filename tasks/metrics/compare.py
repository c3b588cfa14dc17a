"""Several subsets of one pool, measured side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from tasks.metrics import METRICS
from tasks.metrics.intervals import jackknife, over_draws
from tasks.metrics.view import Rows, SubsetView, describe

DECIMALS = 6


@dataclass(frozen=True)
class Subset:
    """A named subset: the row indices of its draws, one for a subset that is not drawn."""

    name: str
    draws: Sequence[Int[np.ndarray, " k"]]


def compare(rows: Rows, subsets: Sequence[Subset]) -> list[dict[str, Any]]:
    """Measure every subset: one record per (subset, metric), as `schemas.tables.Comparison`.

    A subset of several draws has the mean over them and an interval over draws; one of a single
    draw has its value and a jackknife interval. Counts (`better` is neither) of a single draw are
    facts without an interval.
    """
    return [record for subset in subsets for record in _measure(rows, subset)]


def _measure(rows: Rows, subset: Subset) -> list[dict[str, Any]]:
    views, replicates = _views(rows, subset)
    records = []
    for name, kind in METRICS.items():
        metric = kind()
        values = np.array([metric(view) for view in views])
        value, interval, bounds = float(values.mean()), "none", None
        if len(values) > 1:
            interval, bounds = "seeds", over_draws(values)
        elif metric.better != "neither" and len(replicates) > 1:
            left_out = np.array([metric(view) for view in replicates])
            interval, bounds = "jackknife", jackknife(value, left_out)
        low, high = _inside(bounds, metric.bounds) if bounds else (None, None)
        records.append(
            {
                "subset": subset.name,
                "metric": name,
                "value": round(value, DECIMALS),
                "low": low,
                "high": high,
                "interval": interval,
                "draws": len(subset.draws),
                "better": metric.better,
            }
        )
    return records


def _views(rows: Rows, subset: Subset) -> tuple[list[SubsetView], list[SubsetView]]:
    """Make the views of the draws; for a single draw also those without one block of rows."""
    if len(subset.draws) > 1:
        return [describe(rows, draw).view() for draw in subset.draws], []
    parts = describe(rows, subset.draws[0])
    return [parts.view()], [parts.view(without=block) for block in parts.removable]


def _inside(interval: tuple[float, float], bounds: tuple[float, float]) -> tuple[float, float]:
    """Cut an interval to what the metric can be."""
    low, high = max(interval[0], bounds[0]), min(interval[1], bounds[1])
    return round(low, DECIMALS), round(high, DECIMALS)
