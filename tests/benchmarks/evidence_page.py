"""The evidence as tables and a picture: `python -m tests.benchmarks.evidence_page`.

Reads results/evidence.json; writes README's block between `<!-- evidence -->` markers,
results/evidence.md with every line, and results/evidence.svg. No figure there is typed by hand.
"""

import json
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.evidence_picture import picture
from tests.benchmarks.readme import README, write_block

Row = dict[str, Any]
RESULTS: Final = Path("tests/benchmarks/results/evidence.json")
PICTURE: Final = Path("tests/benchmarks/results/evidence.svg")
WHOLE: Final = Path("tests/benchmarks/results/evidence.md")
ABOUT: Final = "# The evidence\n\nPoints of accuracy against uniform draws, 95 % intervals."
CONTROLS: Final = ("uniform", "stratified", "top_quality", "diversity_only")


def shown(rows: list[Row]) -> list[Row]:
    """What is compared: not uniform itself."""
    return [row for row in rows if row["method"] not in ("uniform", "full")]


def by_line(rows: list[Row]) -> Iterator[tuple[tuple[str, ...], list[Row]]]:
    """Rows of one half, set, consumer and method, budgets in order."""

    def key(row: Row) -> tuple[str, ...]:
        return row["half"], row["dataset"], row["consumer"], row["method"]

    for name, some in groupby(sorted(shown(rows), key=key), key=key):
        yield name, sorted(some, key=lambda row: row["budget"])


def table(rows: list[Row]) -> str:
    """Points of accuracy against uniform with 95 % intervals, a line per set, consumer, method."""
    budgets = sorted({row["budget"] for row in rows})
    head = ["half", "set", "consumer", "method", *(f"{100 * budget:g} %" for budget in budgets)]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, some in by_line(rows):
        cells = {row["budget"]: _cell(row) for row in some}
        line = [*name, *(cells.get(budget, "–") for budget in budgets)]
        lines.append("| " + " | ".join(line) + " |")
    return "\n".join(lines)


def _cell(row: Row) -> str:
    low, delta, high = (100 * row[key] for key in ("low", "delta", "high"))
    text = f"{delta:+.1f} [{low:+.1f}, {high:+.1f}]"
    return f"**{text}**" if low > 0 or high < 0 else text


def summary(rows: list[Row]) -> str:
    """A line per half and method: points on average over its sets and consumers, and how many of
    those differences have an interval wholly above 0 (↑), and wholly below (↓)."""
    budgets = sorted({row["budget"] for row in rows})
    head = ["half", "method", "lines", *(f"{100 * budget:g} %" for budget in budgets)]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for half, method in sorted({(row["half"], row["method"]) for row in shown(rows)}, key=_rank):
        mine = [row for row in rows if (row["half"], row["method"]) == (half, method)]
        cells = [_average([row for row in mine if row["budget"] == at]) for at in budgets]
        count = str(len(mine) // len(budgets))
        lines.append("| " + " | ".join([half, method, count, *cells]) + " |")
    return "\n".join(lines)


def _rank(name: tuple[str, str]) -> tuple[str, int, str]:
    """Of a half: the default, its controls, the ablation."""
    half, method = name
    order = ("default", *CONTROLS)
    return half, order.index(method) if method in order else len(order), method


def _average(rows: list[Row]) -> str:
    mean = sum(100 * row["delta"] for row in rows) / len(rows)
    above, below = sum(row["low"] > 0 for row in rows), sum(row["high"] < 0 for row in rows)
    return f"{mean:+.1f} ({above} ↑ {below} ↓)"


def main() -> int:
    """Write both; exit 1 with a reason where nothing was proved."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    if not rows:
        sys.stderr.write(f"{RESULTS} holds no rows: run `python -m tests.benchmarks.evidence`\n")
        return 1
    mine = [row for row in rows if row["method"] == "default"]
    named = [(", ".join(name[1:3]), some) for name, some in by_line(mine)]
    seen = f"![The default against uniform, set by set]({PICTURE})"
    block = f"{summary(rows)}\n\n{table(mine)}\n\n{seen}"
    write_block("evidence", block)
    WHOLE.write_text(f"{ABOUT}\n\n{table(rows)}\n", encoding="utf-8")
    PICTURE.write_text(picture(named), encoding="utf-8")
    sys.stdout.write(f"wrote {README}, {WHOLE} and {PICTURE}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
