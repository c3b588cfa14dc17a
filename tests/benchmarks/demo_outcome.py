"""Check what `make demo` left behind: `python -m tests.benchmarks.demo_outcome REPORT`."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl

from tasks import PIPELINE
from tasks.paths import Paths
from tests.alike import untold
from tests.benchmarks.near_duplicates import demo

RECORDS = 1514


def main(report: Path) -> None:
    """Exit 1 with a reason unless the demo's artifacts are whole and explained."""
    decisions = pl.read_parquet("artifacts/decisions.parquet")
    selection = pl.read_parquet("artifacts/selection.parquet")
    kept = decisions.filter(pl.col("verdict") == "kept")
    sources = set(kept["source"])
    metrics = json.loads(Path("artifacts/metrics.json").read_text(encoding="utf-8"))
    again = subprocess.run(["make", "--no-print-directory", "demo"], capture_output=True, text=True)
    checks = {
        "the report is there": report.is_file() and report.stat().st_size > 100_000,
        "one verdict per record": len(decisions) == RECORDS,
        "the ledger and the selection agree": set(kept["id"]) == set(selection["id"]),
        "most planted revisions were dropped": planted_dropped(decisions) > 0.5,
        "all six sources are kept": len(sources) == 6,
        "page and terminal tell every row alike": untold(Paths()) == [],
        "selected and controls are measured": {"selected", "uniform", "top_quality"}
        <= set(metrics),
        "a second run changes nothing": again.returncode == 0
        and again.stdout.count("didn't change, skipping")
        == len(PIPELINE) - 1,  # `sources` always runs
    }
    for name, passed in checks.items():
        sys.stdout.write(f"{'ok    ' if passed else 'FAILED'} {name}\n")
    sys.exit(0 if all(checks.values()) else 1)


def planted_dropped(decisions: pl.DataFrame) -> float:
    """Share of the planted revisions that were dropped, or kept in place of their original."""
    planted = demo().filter(pl.col("stated").is_not_null())
    rule = pl.col("rule").is_in(["near_duplicate", "exact_duplicate"])
    dropped = set(decisions.filter(rule)["id"])
    gone = pl.col("id").is_in(dropped) | pl.col("family").is_in(dropped)
    return len(planted.filter(gone)) / len(planted)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
