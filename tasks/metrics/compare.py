"""Several subsets of one pool, measured side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Int

from tasks.metrics import ALL_METRICS, METRICS, NO_INTERVAL
from tasks.metrics.coverage import positive_coverage
from tasks.metrics.intervals import jackknife, over_draws
from tasks.metrics.parts import SubsetParts, describe
from tasks.metrics.rows import Rows
from tasks.metrics.view import SubsetView

DECIMALS = 6


@dataclass(frozen=True)
class Subset:
    """A named subset: the row indices of its draws, one for a subset that is not drawn."""

    name: str
    draws: Sequence[Int[np.ndarray, " k"]]


def compare(rows: Rows, subsets: Sequence[Subset]) -> list[dict[str, Any]]:
    """Measure every subset: one record per (subset, metric), as `schemas.tables.Comparison`.

    A subset of several draws has the mean over them and an interval over draws; one of a single
    draw has its value and a jackknife interval. Counts (`better` is neither) and the metrics of
    `NO_INTERVAL` have none for a single draw. `rows.target` adds the metrics against it.
    """
    parts = [[describe(rows, draw) for draw in subset.draws] for subset in subsets]
    best = best_coverage(rows, subsets, parts)
    records = []
    for subset, described in zip(subsets, parts, strict=True):
        views, replicates = _views([replace(part, best_coverage=best) for part in described])
        records += _measure(subset, views, replicates, rows.target is not None)
    return records


def best_coverage(
    rows: Rows, subsets: Sequence[Subset], parts: Sequence[Sequence[SubsetParts]]
) -> float:
    """Largest mean coverage of the subsets that leave rows out; 1 if all leave none or cover none.

    The whole pool is no competitor: it covers itself.
    """
    found = [
        positive_coverage(SubsetView(part))
        for subset, described in zip(subsets, parts, strict=True)
        for part in described
        if len(part.indices) < len(rows.vectors)
    ]
    return max(found, default=1.0) or 1.0


def _measure(
    subset: Subset, views: list[SubsetView], replicates: list[SubsetView], with_target: bool
) -> list[dict[str, Any]]:
    records = []
    for name, kind in (ALL_METRICS if with_target else METRICS).items():
        metric = kind()
        values = np.array([metric(view) for view in views])
        value, interval, bounds = float(values.mean()), "none", None
        if len(values) > 1:
            interval, bounds = "seeds", over_draws(values)
        elif metric.better != "neither" and name not in NO_INTERVAL and len(replicates) > 1:
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


def _views(described: Sequence[SubsetParts]) -> tuple[list[SubsetView], list[SubsetView]]:
    """Make the views of the draws; for a single draw also those without one block of rows."""
    views = [SubsetView(parts) for parts in described]
    if len(views) > 1:
        return views, []
    return views, [SubsetView(described[0], block) for block in described[0].removable]


def _inside(interval: tuple[float, float], bounds: tuple[float, float]) -> tuple[float, float]:
    """Cut an interval to what the metric can be."""
    low, high = max(interval[0], bounds[0]), min(interval[1], bounds[1])
    return round(low, DECIMALS), round(high, DECIMALS)
