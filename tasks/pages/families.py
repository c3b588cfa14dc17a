"""Metrics sorted by what they tell, so that nobody has to read one endless table."""

from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from tasks.metrics import ALL_METRICS, NO_INTERVAL
from tasks.pages.text import cut, number

HEATS: Final = 5  # shades of the heat map


@dataclass(frozen=True)
class Family:
    """Metrics with one question; `names` empty: all that no other family has."""

    title: str
    question: str
    names: tuple[str, ...] = ()


FAMILIES: Final = (
    Family("Diversity", "How different are the selected rows from one another?"),
    Family(
        "Coverage",
        "How well do they stand for the rest of the pool?",
        (
            "coverage_mean",
            "coverage_p05",
            "coverage_relative",
            "covered_share",
            "cover_radius",
            "cluster_coverage",
            "cluster_row_coverage",
        ),
    ),
    Family(
        "Distribution",
        "Are they distributed as the pool is? A random subset is as near as its size allows; a "
        "distance above it is the price of quality or coverage, not a fault.",
        (
            "mean_discrepancy",
            "sliced_transport",
            "domain_auc",
            "cluster_divergence",
            "group_distance",
        ),
    ),
    Family(
        "Against the target",
        "Are they like the rows of the target file? Here a subset may be nearer than a random one.",
        ("target_discrepancy", "target_transport", "target_auc", "target_divergence"),
    ),
    Family("Amount and quality", "What do they amount to?", ("mean_quality", "rows", "tokens")),
)


def names_of(family: Family) -> list[str]:
    """The family's metrics, in the order of the registry."""
    taken = {name for other in FAMILIES for name in other.names}
    return [
        name
        for name in ALL_METRICS
        if name in family.names or (not family.names and name not in taken)
    ]


def family_tables(comparison: pl.DataFrame, subsets: dict[str, str]) -> list[dict[str, Any]]:
    """Per family that was measured: question, columns (subsets) and a line per metric.

    A cell is the value and its interval as text; a metric that has none says why.
    """
    cells = {(row["subset"], row["metric"]): row for row in comparison.iter_rows(named=True)}
    there = {name: label for name, label in subsets.items() if name in set(comparison["subset"])}
    tables = []
    for family in FAMILIES:
        lines = [
            {
                "name": name,
                "label": ALL_METRICS[name].label,
                "better": ALL_METRICS[name].better,
                "why": NO_INTERVAL.get(name, ""),
                "cells": [(subset, *cell(cells.get((subset, name)))) for subset in there],
            }
            for name in names_of(family)
            if any((subset, name) in cells for subset in there)
        ]
        if lines:
            tables.append(
                {
                    "title": family.title,
                    "question": family.question,
                    "columns": list(there.items()),
                    "lines": lines,
                }
            )
    return tables


def cell(row: dict[str, Any] | None) -> tuple[str, str]:
    """A value and its interval as text."""
    if row is None:
        return "–", ""
    interval = "" if row["low"] is None else f"{number(row['low'])} to {number(row['high'])}"
    return number(row["value"]), interval


def source_table(found: dict[str, Any]) -> dict[str, Any]:
    """Sources against sources: per pair the discrepancy as text and its heat, 0 to HEATS."""
    sources = found.get("sources", [])
    value = {
        frozenset((pair["one"], pair["other"])): max(0.0, pair["mmd_squared"])
        for pair in found.get("pairs", [])
    }
    top = max(value.values(), default=0.0) or 1.0
    lines = [
        {
            "name": cut(one["source"], 40),
            "rows": f"{one['rows']:,}",
            "small": one["small"],
            "cells": [
                ("", 0) if one is other else (number(v := value[pair]), round(HEATS * v / top))
                for other in sources
                for pair in [frozenset((one["source"], other["source"]))]
            ],
        }
        for one in sources
    ]
    return {"lines": lines, "left_out": found.get("left_out", 0)}
