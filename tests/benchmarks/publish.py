"""Put the measured figures where people read them: `python -m tests.benchmarks.publish`.

Reads artifacts/bench.jsonl; writes the table between `<!-- bench -->` and `<!-- /bench -->` of
README.md and the chart tests/benchmarks/results/growth.svg. No figure there is typed by hand.
"""

import json
import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.chart import Series, chart
from tests.benchmarks.plan import GROWTH, OFF_NOTE, works
from tests.benchmarks.readme import README, write_block
from tests.benchmarks.tables import seconds

Row = dict[str, Any]
ROWS: Final = Path("artifacts/bench.jsonl")
CHART: Final = Path("tests/benchmarks/results/growth.svg")
DRAWN: Final = {
    "winnow fast": "winnow",
    "winnow exact": "winnow, exact",
    "apricot lazy": "apricot",
    "submodlib LazyGreedy": "submodlib",
}
HEAD: Final = ("goal", "work", "rows of", "winnow", "memory", "against", "units off", "met")


def latest(rows: Iterable[Row]) -> list[Row]:
    """The rows of every planned work that were measured together last."""
    wanted = [(work.goal, work.title, work.data.name) for work in works()]
    by_work: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        by_work.setdefault(_work(row), []).append(row)
    found = []
    for name in dict.fromkeys([*wanted, (9, GROWTH, "clustered")]):
        every = by_work.get(name, [])
        last = max((row["at"] for row in every), default=0)
        found += [row for row in every if row["at"] == last]
    return found


def _work(row: Row) -> tuple[int, str, str]:
    return row["goal_number"], row["work"], row["data"]


def table(rows: list[Row]) -> str:
    """The goals as Markdown: a line per work, then every clause that is not met."""
    lines = ["| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
    missed: list[str] = []
    for _, some in groupby(rows, key=_work):
        clauses = [row for row in some if row["kind"] == "goal"]
        if not clauses:
            continue
        with_units = [row for row in clauses if row["bf16"]]
        lines.append("| " + " | ".join(_cells(with_units, clauses)) + " |")
        missed += [_missed(row) for row in clauses if not row["met"]]
    facts = rows[0]
    where = f"{facts['cpu']}, {facts['threads']} thread{'s' * (facts['threads'] > 1)}"
    how = "medians of up to five runs; memory of the whole process without the mapped vectors"
    parts = [f"Measured by `make bench` on {where}: {how}.", "", *lines]
    if any(row["goal_number"] == 9 and row["seconds"] for row in rows):
        parts += ["", f"![Time and memory of facility location over the number of rows]({CHART})"]
    if missed:
        parts += ["", "Not met:", "", *(f"- {line}" for line in missed)]
    return "\n".join(parts)


def _cells(clauses: list[Row], every: list[Row]) -> list[str]:
    first = clauses[0]
    done = next((row for row in clauses if row["seconds"] is not None), first)
    off = next((row for row in every if not row["bf16"] and row["seconds"] is not None), None)
    method = (done["method"] or "").removeprefix("winnow ")
    ours = "–" if done["seconds"] is None else f"{method} {seconds(done['seconds'])} s"
    memory = "–" if done["peak_mb"] is None else f"{done['peak_mb']:,.0f} MB"
    against = "; ".join(word for row in clauses if (word := _against(row)))
    met = f"{sum(row['met'] is True for row in clauses)} of {len(clauses)}"
    slower = "–" if off is None else f"{seconds(off['seconds'])} s"
    data = "clusters" if first["data"] == "clustered" else first["data"]
    return [str(first["goal_number"]), first["work"], data, ours, memory, against, slower, met]


def _against(row: Row) -> str:
    if row["ratio"] is not None:
        return f"{row['ratio']:.3g}× {row['peer']}"
    if row.get("figure") is None or row["unit"] == "MB":
        return ""
    return f"{row['figure']:.4g} {row['unit']}"


def _missed(row: Row) -> str:
    how = "missed" if row["met"] is False else "open"
    off = "" if row["bf16"] else ", units off"
    words = (
        _against(row)
        or row["reason"]
        or (f"{row['figure']:.4g} {row['unit']}" if row.get("figure") else "")
    )
    return f"{row['work']}, {row['data']}{off}: {row['goal']} ({how}: {words})"


def growth_chart(rows: list[Row]) -> str:
    """Seconds and memory over n of facility location of a tenth of the rows."""
    known = [row for row in rows if row["kind"] == "measurement" and row["goal_number"] == 9]
    panels = []
    for title, field, unit, size in (
        ("time", "seconds", "s", 1.0),
        ("memory", "peak_mb", "GB", 1024),
    ):
        series = [_series(known, name, field, size) for name in DRAWN]
        panels.append((title, unit, [each for each in series if each.points]))
    return chart(panels)


def _series(rows: list[Row], name: str, field: str, size: float) -> Series:
    mine = sorted(
        (r for r in rows if r["method"].removesuffix(OFF_NOTE) == name), key=lambda r: r["n"]
    )
    points = tuple((row["n"], row[field] / size) for row in mine if row["seconds"] is not None)
    lost = [(row["n"], row["reason"]) for row in mine if row["seconds"] is None]
    return Series(DRAWN[name], points, lost[0] if lost and points else None)


def main() -> int:
    """Write README's block and the chart; exit 1 with a reason where nothing was measured."""
    lines = ROWS.read_text(encoding="utf-8").splitlines() if ROWS.exists() else []
    rows = latest(json.loads(line) for line in lines)
    if not rows:
        sys.stderr.write(f"{ROWS} holds no rows: run `make bench` first\n")
        return 1
    write_block("bench", table(rows))
    sys.stdout.write(f"wrote {README}\n")
    if any(row["goal_number"] == 9 and row["seconds"] for row in rows):
        CHART.parent.mkdir(exist_ok=True)
        CHART.write_text(growth_chart(rows), encoding="utf-8")
        sys.stdout.write(f"wrote {CHART}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
