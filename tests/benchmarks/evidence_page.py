"""The evidence as a table and a picture: `python -m tests.benchmarks.evidence_page`.

Reads results/evidence.json; writes README's block between `<!-- evidence -->` markers and
results/evidence.svg. No figure there is typed by hand.
"""

import json
import sys
from collections.abc import Iterator
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any, Final

Row = dict[str, Any]
RESULTS: Final = Path("tests/benchmarks/results/evidence.json")
PICTURE: Final = Path("tests/benchmarks/results/evidence.svg")
README: Final = Path("README.md")
BEGIN, END = "<!-- evidence -->", "<!-- /evidence -->"
LINE, LEFT, SCALE = 18, 330, 9  # pixels: of a line, of the names, of a point of accuracy
WIDEST: Final = 30  # points to either side of 0


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


def picture(rows: list[Row]) -> str:
    """The default alone: a line per set, consumer and budget, its interval around a point."""
    mine = [row for row in shown(rows) if row["method"] == "default"]
    middle = LEFT + WIDEST * SCALE
    height, width = LINE * (len(mine) + 3), middle + WIDEST * SCALE + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{middle}" y="14" text-anchor="middle">points of accuracy against a uniform '
        "draw of equal size, 95 % intervals</text>",
        f'<path d="M{middle} 20V{height - LINE}" stroke="#888"/>',
    ]
    place = 2 * LINE
    for name, some in by_line(mine):
        for row in some:
            title = f"{name[1]}, {name[2]}, {100 * row['budget']:g} %"
            parts += _interval(row, title, middle, place)
            place += LINE
    for points in (-20, -10, 10, 20):
        x = middle + points * SCALE
        parts.append(f'<text x="{x}" y="{height - 4}" text-anchor="middle">{points:+d}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _interval(row: Row, title: str, middle: int, y: int) -> list[str]:
    places = [
        round(middle + SCALE * max(-WIDEST, min(WIDEST, 100 * row[key])), 1)
        for key in ("low", "delta", "high")
    ]
    colour = "#0969da" if row["low"] > 0 else "#bc4c00" if row["high"] < 0 else "#57606a"
    return [
        f'<text x="4" y="{y + 4}">{escape(title)}</text>',
        f'<path d="M{places[0]} {y}H{places[2]}" stroke="{colour}" stroke-width="2"/>',
        f'<circle cx="{places[1]}" cy="{y}" r="3" fill="{colour}"/>',
    ]


def replaced(text: str, block: str) -> str:
    """README's text with the block between the markers; raises `ValueError` where they are not."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"README.md must hold the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{block}\n{END}{after}"


def main() -> int:
    """Write both; exit 1 with a reason where nothing was proved."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    if not rows:
        sys.stderr.write(f"{RESULTS} holds no rows: run `python -m tests.benchmarks.evidence`\n")
        return 1
    mine = [row for row in rows if row["method"] in ("default", "top_quality", "diversity_only")]
    block = f"{table(mine)}\n\n![The default against uniform, set by set]({PICTURE})"
    README.write_text(replaced(README.read_text(encoding="utf-8"), block), encoding="utf-8")
    PICTURE.write_text(picture(rows), encoding="utf-8")
    sys.stdout.write(f"wrote {README} and {PICTURE}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
