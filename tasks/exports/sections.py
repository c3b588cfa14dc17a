"""Sections of the dataset card, as rows for its template: what the manifests and tables tell."""

import json
from typing import Any, Final

import polars as pl

from tasks.exports.facts import SourceFacts
from tasks.exports.subset import Subset
from tasks.metrics import ALL_METRICS, METRICS
from tasks.pages.content import SUBSETS
from tasks.pages.text import number

MOST_SOURCES: Final = 100
NOT_STATED: Final = "not stated"


def chosen(subset: Subset) -> list[tuple[str, Any]]:
    """Selector, budget and outcome, as `choose` states them."""
    choose = subset.manifests.get("choose")
    if choose is None:
        return []
    facts, asked = choose.facts, choose.params
    selector, budget = facts["selector"], facts["budget"]
    told = [
        ("selector", f"{selector['name']} {selector['version']} ({selector['draw']})"),
        ("its settings", json.dumps(selector["settings"], sort_keys=True)),
        ("budget", f"{asked['budget']}: {budget['spent']:,} of {budget['limit']:,} "
         f"{budget['unit']} spent"),
        ("diversity weight λ", str(asked["diversity_weight"])),
        ("seed", str(selector["seed"])),
        ("eligible rows", facts["eligible"]),
        *((name, str(value)) for name, value in sorted(facts["totals"].items())),
    ]  # fmt: skip
    share = facts["totals"].get("share_of_bound")
    kind = facts["totals"].get("bound_is", "stated")
    if share is not None:
        told.append(("share of the best objective", f"at least {share:.1%} ({kind} bound)"))
    return told


def source_lines(sources: list[SourceFacts]) -> list[dict[str, Any]]:
    """A line per source; those after the largest `MOST_SOURCES` share one."""
    lines = [
        {
            "source": each.source,
            "rows": each.rows,
            "tokens": each.tokens,
            "licences": "; ".join(name or NOT_STATED for name in each.licences),
        }
        for each in sources[:MOST_SOURCES]
    ]
    if rest := sources[MOST_SOURCES:]:
        lines.append({
            "source": f"{len(rest):,} more sources",
            "rows": sum(each.rows for each in rest),
            "tokens": sum(each.tokens for each in rest),
            "licences": "see the column license",
        })  # fmt: skip
    return lines


def compared(subset: Subset) -> tuple[list[str], list[dict[str, Any]]]:
    """Labels of the metrics, and a line per subset with a cell for each: value and interval.

    Those against a target are told where the run had one.
    """
    if "measure" not in subset.manifests:
        return [], []
    table = pl.read_parquet(subset.table("comparison"))
    cells = {(row["subset"], row["metric"]): row for row in table.iter_rows(named=True)}
    there = {metric for _, metric in cells}
    metrics = [name for name in ALL_METRICS if name in METRICS or name in there]
    lines = [
        {"label": label, "cells": [_cell(cells.get((name, metric))) for metric in metrics]}
        for name, label in SUBSETS.items()
        if any((name, metric) in cells for metric in metrics)
    ]
    return [ALL_METRICS[name].label for name in metrics], lines


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return "–"
    if row["low"] is None:
        return number(row["value"])
    return f"{number(row['value'])} ({number(row['low'])} to {number(row['high'])})"


def stages(subset: Subset) -> list[dict[str, str]]:
    """A line per table that a stage wrote, with the stage's version and the table's digest."""
    return [
        {"stage": stage, "version": manifest.version, "name": name, "sha256": digest}
        for stage, manifest in subset.manifests.items()
        for name, digest in sorted(manifest.outputs.items())
        if name.endswith(".parquet")
    ]


def made_by(subset: Subset) -> list[tuple[str, str]]:
    """The run, the embedding model and the selection, by name and digest."""
    told = [("run", subset.run or "not kept under a name")]
    if subset.commit:
        told.append(("run's commit", subset.commit))
    if embed := subset.manifests.get("embed"):
        told.append(("embedding model", str(embed.params.get("model", ""))))
        told.append(("model's identity", str(embed.facts.get("model_identity", ""))))
    told.append(("selection.parquet, SHA-256", subset.selection_sha256))
    return told
