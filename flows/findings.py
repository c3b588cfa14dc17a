"""What a run leaves to look at, as plain tables: funnel, metrics, quarantine, lineage.

Texts of the corpus are hostile: `safe` leaves nothing that a page takes for markup.
"""

import json
from pathlib import Path
from typing import Any, Final

from flows.repro import LockedOut, lock_entries
from flows.versions import stage_version
from schemas.manifest import Manifest
from tasks.pages.funnel import funnel as steps_of
from tasks.stage import Paths, manifest_path
from tasks.telling import plain

TEXT_CHARS: Final = 120
WORDS_CHARS: Final = 300
QUARANTINE_LINES: Final = 20  # also of changes
MARKUP: Final = str.maketrans(  # signs of HTML and Markdown -> look-alikes without a meaning there
    {"<": "‹", ">": "›", "[": "⁅", "]": "⁆", "`": "ˋ", "*": "∗", "_": "_", "|": "¦", "&": "＆"}
)
Table = list[dict[str, Any]]
Metrics = dict[str, dict[str, float]]


def safe(text: Any, characters: int = TEXT_CHARS) -> str:
    """Shorten a text of the corpus and take from it what a page could take for markup."""
    cut = str(text)[:characters]
    return plain(cut).translate(MARKUP).replace("://", ":⁄⁄")


def funnel(paths: Paths) -> Table:
    """From all records read, over each reason to drop some, to the rows kept."""
    import polars as pl

    decisions = pl.read_parquet(paths.table("decisions"), columns=["verdict", "stage", "rule"])
    return [
        {"step": step.label, "what": step.kind, "rows": step.count, "percent": round(step.width, 1)}
        for step in steps_of(decisions)
    ]


def read_metrics(paths: Paths) -> Metrics:
    """The metrics of the last good run, by subset; none before the first."""
    path = paths.json("metrics")
    found: Metrics = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def comparison(paths: Paths, before: Metrics) -> Table:
    """The selection's metrics: now, in the run before, the change; then each control's."""
    import polars as pl

    better = dict(pl.read_parquet(paths.table("comparison"), columns=["metric", "better"]).rows())
    now = read_metrics(paths)
    return [_compared(metric, sign, now, before) for metric, sign in sorted(better.items())]


def _compared(metric: str, better: str, now: Metrics, before: Metrics) -> dict[str, Any]:
    chosen = now["selected"][metric]
    past = before.get("selected", {}).get(metric)
    controls = {name: _figure(of[metric]) for name, of in now.items() if name != "selected"}
    return {
        "metric": metric,
        "better": better,
        "selected": _figure(chosen),
        "previous run": _figure(past),
        "change": _figure(None if past is None or chosen is None else chosen - past),
        **controls,
    }


def _figure(value: float | None) -> float | str:
    return "" if value is None else round(value, 4)


def failed_gates(paths: Paths) -> list[str]:
    """What holds the run from being promoted, in words; nothing if all its gates passed."""
    manifest = Manifest.read(manifest_path(paths, "gate"))
    return [str(words) for words in manifest.facts["failed"]]


def gates(paths: Paths) -> Table:
    """Every gate of the run, failed ones first: value against limit, and in words."""
    listed = Manifest.read(manifest_path(paths, "gate")).facts["gates"]
    return [
        {
            "gate": gate["name"],
            "of": safe(gate["of"]),
            "outcome": "passed" if gate["passed"] else "FAILED",
            "value": _figure(gate["value"]),
            "limit": _figure(gate["limit"]),
            "p": "" if gate["p"] is None else f"{gate['p']:.2g}",
            "words": safe(gate["words"], WORDS_CHARS),
            "finds with 80 % power": gate["detects"],
        }
        for gate in listed
    ]


def quarantine(paths: Paths) -> tuple[Table, int]:
    """The first refused records, and how many there are in all."""
    import polars as pl

    columns = ["source_file", "row", "line", "rule", "column", "expected", "hint", "found"]
    table = pl.read_parquet(paths.table("quarantine"), columns=columns)
    rows = table.head(QUARANTINE_LINES).to_dicts()
    return [{name: _cell(value) for name, value in row.items()} for row in rows], len(table)


def encoded(paths: Paths, ran: bool) -> Table:
    """How many rows `embed` encoded in this run: none if DVC found nothing to do.

    Nothing is told where the vectors came from DVC's cache and `embed` never ran here.
    """
    path = paths.artifacts / "facts" / "embed_cache.json"
    if not path.exists():
        return []
    facts = json.loads(path.read_text("utf-8"))
    rows, known = facts["encoded_rows"], facts["cached_rows"]
    return [{"encoded": rows if ran else 0, "known": known if ran else rows + known}]


def changes(paths: Paths) -> Table:
    """The first rows that entered and left since the promoted run, with their reasons."""
    import polars as pl

    columns = ["id", "change", "reason", "source", "rank", "gain", "other_id"]
    table = pl.read_parquet(paths.table("changes"), columns=columns).sort("change", "rank")
    first = [table.filter(change=kind).head(QUARANTINE_LINES) for kind in ("entered", "left")]
    rows = pl.concat(first).to_dicts()
    return [{name: _shown(value) for name, value in row.items()} for row in rows]


def _shown(value: Any) -> Any:
    return _figure(value) if isinstance(value, float) else _cell(value)


def _cell(value: Any) -> Any:
    return "" if value is None else value if isinstance(value, int) else safe(value)


def outputs(stage: str) -> Table:
    """The outputs of a stage as dvc.lock has them: path, rows, bytes, MD5."""
    return [_output(out) for out in lock_entries() if out.stage == stage]


def lineage() -> Table:
    """Every output of the checkout with the stage and the version that made it."""
    return [
        {"stage": out.stage, "version": stage_version(out.stage), **_output(out)}
        for out in lock_entries()
    ]


def _output(out: LockedOut) -> dict[str, Any]:
    return {"path": out.path, "rows": _rows(Path(out.path)), "bytes": out.size, "md5": out.md5}


def _rows(path: Path) -> int | str:
    """Count the rows of a Parquet file by its footer; other files have none."""
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows) if path.suffix == ".parquet" else ""
