"""A finished run to export, in moments: real ingest, and a selection written down by hand."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from schemas.manifest import Manifest
from schemas.tables import Comparison, SelectionTable, check
from tasks import ingest, sources
from tasks.exports.subset import Subset, open_subset
from tasks.paths import Paths
from tasks.stage import write_manifest
from tasks.storage.rows import write_rows
from tests.tasks.ingesting import as_jsonl, place

SELECTOR = {"name": "FacilityLocation", "version": "2.0.0", "draw": "greedy", "seed": 5,
            "settings": {"mode": "exact"}}  # fmt: skip

SELECTION = {"id": pl.String, "rank": pl.Int64, "gain": pl.Float64, "weight": pl.Float64,
             "reason": pl.String, "covers": pl.Int64, "tokens": pl.Int64}  # fmt: skip


def finished_run(
    root: Path, rows: list[dict[str, Any]], chosen: Sequence[str], **ingest_settings: Any
) -> Path:
    """Ingest rows and select some of them, in that order; returns the folder of the artifacts."""
    settings = {"id_key": "id", **ingest_settings}
    params, paths = place(root, {"rows.jsonl": as_jsonl(rows)}, **settings)
    sources.run(params, paths)
    ingest.run(params, paths)
    _select(paths, chosen)
    _measure(paths, len(chosen))
    return paths.artifacts


def subset_of(
    root: Path, rows: list[dict[str, Any]], chosen: Sequence[str], **settings: Any
) -> Subset:
    return open_subset(finished_run(root, rows, chosen, **settings))


def _select(paths: Paths, chosen: Sequence[str]) -> None:
    count = len(chosen)
    selection = pl.DataFrame(
        {
            "id": list(chosen),
            "rank": range(1, count + 1),
            "gain": [1 / rank for rank in range(1, count + 1)],
            "weight": [1.0 + rank / 4 for rank in range(count)],
            "reason": ["gain"] * count,
            "covers": [1] * count,
            "tokens": range(10, 10 + count),
        },
        schema=SELECTION,
    )
    write_rows(paths.table("selection"), check(SelectionTable, selection).sort("id"))
    facts = {
        "selector": SELECTOR,
        "eligible": 40,
        "budget": {"unit": "rows", "limit": count, "spent": count, "tokens": 99},
        "totals": {"objective": 0.5, "share_of_bound": 0.9731, "bound_is": "proved"},
    }
    asked = {"budget": str(count), "diversity_weight": 0.8}
    choose = Manifest("choose", "1.2.0", asked, rows={"selection": count}, facts=facts)
    write_manifest(paths, choose, (paths.table("documents"),), (paths.table("selection"),))


def _measure(paths: Paths, kept: int) -> None:
    """The counts of validate and two lines of the comparison."""
    counts = [
        {"verdict": "quarantined", "stage": "ingest", "rule": "blank_text", "records": 3},
        {"verdict": "dropped", "stage": "choose", "rule": "outranked", "records": 7},
        {"verdict": "kept", "stage": "choose", "rule": "gain", "records": kept},
    ]
    facts = {"records_read": 10 + kept, "counts": counts}
    write_manifest(paths, Manifest("validate", "1.0.0", {}, facts=facts))
    line = {"metric": "coverage_mean", "interval": "jackknife", "draws": 1, "better": "higher"}
    comparison = pl.DataFrame([
        {"subset": "selected", "value": 0.625, "low": 0.5, "high": 0.75, **line},
        {"subset": "uniform", "value": 0.25, "low": 0.125, "high": 0.375, **line},
    ])  # fmt: skip
    names = list(Comparison.to_schema().columns)
    write_rows(paths.table("comparison"), check(Comparison, comparison.select(names)))
    measure = Manifest("measure", "1.0.0", {})
    write_manifest(paths, measure, (paths.table("selection"),), (paths.table("comparison"),))


def files_of(folder: Path) -> dict[str, str]:
    """Digest of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]
