"""What a run came to: a line per stage for people, tables and links for the Prefect page."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.repro import lock_entries
from schemas.manifest import Manifest
from tasks.sources import read_sources
from tasks.stage import Paths, manifest_path

FUNNEL_LINES = 50
METRIC_LINES = 200


@dataclass(frozen=True)
class Outcome:
    """One stage of a run: `state` is Completed (it ran) or Cached; `rows` per output table."""

    stage: str
    state: str
    version: str
    rows: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


def row_counts(paths: Paths, stage: str) -> dict[str, int]:
    """Rows of each table a stage wrote, from its manifest; of `sources`, the files it found."""
    if stage == "sources":
        return {"files": len(read_sources(paths.json("sources")))}
    return Manifest.read(manifest_path(paths, stage)).rows


def output_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """List the outputs of a stage: path, rows, bytes, MD5 as in dvc.lock."""
    return [
        {
            "path": out.path,
            "rows": _rows(Path(out.path)),
            "bytes": out.size,
            "md5": out.md5,
        }
        for out in lock_entries()
        if out.stage == outcome.stage
    ]


def _rows(path: Path) -> int | str:
    """Count the rows of a Parquet file by its footer; other files have none."""
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows) if path.suffix == ".parquet" else ""


def funnel(paths: Paths) -> list[dict[str, Any]]:
    """Input records counted by verdict, stage and rule, most first."""
    import polars as pl

    keys = ["verdict", "stage", "rule"]
    counts = pl.read_parquet(paths.table("decisions"), columns=keys).group_by(keys).len("rows")
    return counts.sort(["rows", *keys], descending=[True, False, False, False]).to_dicts()


def comparison(paths: Paths) -> list[dict[str, Any]]:
    """Compare the selection with its controls: one line per metric, one column per subset."""
    import polars as pl

    table = pl.read_parquet(paths.table("comparison"))
    wide = table.sort("metric", "subset").pivot(
        "subset", index=["metric", "better"], values="value"
    )
    return wide.with_columns(pl.selectors.float().round(4)).to_dicts()


def show_findings(paths: Paths) -> None:
    """Attach to the flow run: funnel, metrics against controls, settings, the way to the report."""
    from prefect.artifacts import create_markdown_artifact, create_table_artifact

    create_table_artifact(
        key="funnel",
        table=funnel(paths)[:FUNNEL_LINES],
        description="Records by verdict, and the stage and rule that decided",
    )
    create_table_artifact(
        key="metrics",
        table=comparison(paths)[:METRIC_LINES],
        description="The selection against its controls at the same budget",
    )
    settings = paths.params.read_text(encoding="utf-8")
    create_markdown_artifact(
        key="settings",
        markdown=f"````yaml\n{settings}````\n",
        description="params.yaml as this run wrote it",
    )
    report = (paths.artifacts / "report.html").resolve()
    create_markdown_artifact(
        key="report",
        markdown=f"[Open the report]({report.as_uri()})\n\n`{report}`\n",
        description="One page, self-contained; a browser opens file links only by hand",
    )


def as_json(outcomes: Iterable[Outcome], report: Path) -> str:
    """Render a finished run as one JSON object: `stages` and the path of the `report`."""
    stages = [outcome.__dict__ for outcome in outcomes]
    return json.dumps({"stages": stages, "report": str(report)}, indent=2)
