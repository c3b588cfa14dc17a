"""A month of nights: `make nights` (ARGS="--nights 30 --seed 0 --stability 0.9 --model minilm").

Rows arrive, are edited and deleted in the source folder of a clean copy of this checkout; each
night `dvc repro` runs the pipeline there (with --in-process, one process runs all stages) and the
run is promoted, to be compared with the next. Prints a line per night and writes
artifacts/nights.jsonl. Ends with 1 if more rows were encoded than there ever were contents, or
more replaced than the bound allows.
"""

import argparse
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table

from flows.copying import copy_checkout
from flows.repro import stage_environment
from flows.settings import apply_overrides, save
from schemas.manifest import Manifest
from tasks import PIPELINE
from tasks.stage import Paths, load_params, manifest_path
from tests.benchmarks.instruction_rows import distil
from tests.benchmarks.night_sources import Night, Sources, read_demo, read_parquet

COLUMNS: Final = {
    "night": "night", "arrived": "came", "edited": "edited", "deleted": "gone",
    "new_contents": "new", "encoded_rows": "encoded", "records": "records", "selected": "selected",
    "entered": "in", "left": "out", "replaced": "replaced", "most_replacements": "at most",
    "churn": "churn", "kept_by_bound": "kept over", "share_of_from_scratch": "F / F*",
    "seconds": "seconds", "disk_mb": "MB",
}  # fmt: skip


def main() -> int:
    """Simulate the nights; the exit status."""
    asked = arguments()
    rows = (read_parquet(Path(asked.rows_of)) if asked.rows_of else read_demo())[: asked.rows]
    with tempfile.TemporaryDirectory(prefix="winnow-nights-") as scratch:
        copy = copy_checkout(Path.cwd(), Path(scratch) / "run")
        shutil.rmtree(copy / "promoted", ignore_errors=True)
        prepare(copy, asked, Path(scratch) / "static")
        sources = Sources(copy / "nights", rows, asked.seed)
        found: list[dict[str, Any]] = []
        for _ in range(asked.nights):
            found.append(one_night(copy, sources, found, asked))
    output = Paths().artifacts / "nights.jsonl"
    output.parent.mkdir(exist_ok=True)
    output.write_text("".join(json.dumps(line) + "\n" for line in found), encoding="utf-8")
    Console(width=None if sys.stdout.isatty() else 150).print(table_of(found))
    bad = [line["night"] for line in found if not line["sound"]]
    if bad:
        sys.stdout.write(f"nights that broke a promise: {bad}\n")
    return int(bool(bad))


def arguments() -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stability", type=float, default=0.9)
    parser.add_argument("--budget", default="20%")
    parser.add_argument("--selector", default="facility_location")
    parser.add_argument("--arrivals", type=int, default=20, help="rows that come each night")
    parser.add_argument("--edits", type=int, default=5)
    parser.add_argument("--deletions", type=int, default=5)
    parser.add_argument("--rows", type=int, default=None, help="use only the first so many rows")
    parser.add_argument("--rows-of", default="", help="a Parquet file of texts; default: the demo")
    parser.add_argument("--model", default="static", help="static, minilm, or a folder")
    parser.add_argument(
        "--in-process", action="store_true", help="all stages in one process, without DVC: faster"
    )
    parser.add_argument("--whole", action="store_true", help="measure and report, too")
    return parser.parse_args()


def prepare(copy: Path, asked: argparse.Namespace, static: Path) -> None:
    """Write the settings of all nights; makes the static model if it is asked for."""
    model = {"minilm": "all-MiniLM-L6-v2", "static": str(static)}.get(asked.model, asked.model)
    if asked.model == "static":
        distil(static)
    settings = [
        "ingest.sources=nights/*.jsonl",
        f"embed.model={model}",
        f"choose.selector={asked.selector}",
        f"choose.budget={asked.budget}",
        f"choose.stability={asked.stability}",
        "validate.max_missing_groups=-1",
    ]
    apply(copy, settings)


def apply(copy: Path, settings: list[str]) -> None:
    """Change settings of the copy."""
    path = copy / "params.yaml"
    save(apply_overrides(load_params(path), settings), path)


def one_night(
    copy: Path, sources: Sources, before: list[dict[str, Any]], asked: argparse.Namespace
) -> dict[str, Any]:
    """Change the folder, run the pipeline, promote; what happened. Raises if a stage fails.

    A near duplicate is encoded only once its keeper is gone, maybe nights after it arrived: so what
    was encoded is held against all contents there were so far.
    """
    night = len(before)
    if night:
        changed = sources.next_night(night, asked.arrivals, asked.edits, asked.deletions)
    else:
        changed = sources.first_night()
    started = time.monotonic()
    run_stages(copy, asked)
    seconds = time.monotonic() - started
    line = told(copy, night, changed, asked) | {"seconds": round(seconds, 1)}
    encoded = sum(each["encoded_rows"] for each in (*before, line))
    line["sound"] = line["sound"] and encoded <= len(sources.seen)
    promote(Paths(copy), f"night-{night:03d}")
    apply(copy, [f"previous.run=night-{night:03d}"])
    sys.stderr.write(json.dumps(line) + "\n")
    return line


def run_stages(copy: Path, asked: argparse.Namespace) -> None:
    """Run the pipeline by DVC, or as one process; raises if a stage fails."""
    if not asked.in_process:
        command = [sys.executable, "-m", "dvc", "repro", *([] if asked.whole else ["validate"])]
        subprocess.run(command, cwd=copy, check=True, env=stage_environment(), stdout=sys.stderr)
        return
    paths = Paths(copy)
    for stage in PIPELINE if asked.whole else PIPELINE[: PIPELINE.index("validate") + 1]:
        importlib.import_module(f"tasks.{stage}").run(load_params(paths.params), paths)


def told(copy: Path, night: int, changed: Night, asked: argparse.Namespace) -> dict[str, Any]:
    """The night in figures, and whether it kept what is promised."""
    paths = Paths(copy)
    facts = json.loads((paths.artifacts / "facts/embed_cache.json").read_text("utf-8"))
    choose = Manifest.read(manifest_path(paths, "choose"))
    validated = Manifest.read(manifest_path(paths, "validate"))
    before = Manifest.read(manifest_path(paths, "previous")).facts["selected"]
    bound = choose.facts.get("stability", {})
    changes = validated.facts["changes"]
    rows = {kind: sum(each["rows"] for each in changes if each["change"] == kind)
            for kind in ("entered", "left")}  # fmt: skip
    encoded = facts["encoded_rows"]
    most = bound.get("most", 0) if before else 0
    replaced = bound.get("replaced", 0)
    return {
        "work": "nights",
        "method": asked.selector,
        "night": night,
        **asdict(changed),
        "encoded_rows": encoded,
        "records": validated.facts["records_read"],
        "selected": choose.rows["selection"],
        **rows,
        "reasons": changes,
        "churn": round(rows["left"] / before, 4) if before else None,
        "replaced": replaced,
        "most_replacements": most,
        "kept_by_bound": bound.get("kept_by_bound", 0),
        "share_of_from_scratch": bound.get("share_of_from_scratch"),
        "disk_mb": round(size_mb(copy), 1),
        "sound": not (bound and before) or replaced <= most,
    }


def size_mb(folder: Path) -> float:
    """What a folder takes on disk; a file with several names counts once."""
    seen = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            found = (Path(parent) / name).lstat()
            seen[found.st_ino] = found.st_blocks * 512
    return sum(seen.values()) / 1e6


def promote(paths: Paths, run: str) -> None:
    """What the stage `previous` needs of a promoted run: its selection and its ledger."""
    folder = paths.promoted / run
    folder.mkdir(parents=True)
    documents = pl.read_parquet(paths.table("documents")).filter(pl.col("duplicate_of").is_null())
    chosen = pl.read_parquet(paths.table("selection"), columns=["id", "rank"])
    selected = documents.join(chosen, on="id", how="inner").sort("id")
    selected.select("id", "rank", "source", "content_sha256").write_parquet(
        folder / "selected.parquet"
    )
    shutil.copy2(paths.table("decisions"), folder)
    link = paths.promoted / "current.new"
    link.symlink_to(run)
    link.replace(paths.promoted / "current")


def table_of(lines: list[dict[str, Any]]) -> Table:
    """A line per night."""
    title = "Nights: rows in and out, and the objective as a share of its value from scratch"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in COLUMNS.values():
        table.add_column(name, justify="right", no_wrap=True)
    for line in lines:
        table.add_row(*("–" if line[key] is None else str(line[key]) for key in COLUMNS))
    return table


if __name__ == "__main__":
    sys.exit(main())
