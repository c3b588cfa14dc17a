"""The picture of the evidence: one method against uniform, line by line."""

from collections.abc import Sequence
from html import escape
from typing import Any, Final

Row = dict[str, Any]
LINE, LEFT, SCALE = 18, 330, 9  # pixels: of a line, of the names, of a point of accuracy
WIDEST: Final = 30  # points to either side of 0


def picture(lines: Sequence[tuple[str, list[Row]]]) -> str:
    """A line per set, consumer and budget: the interval around its point; `lines` are named."""
    middle = LEFT + WIDEST * SCALE
    height = LINE * (sum(len(some) for _, some in lines) + 3)
    width = middle + WIDEST * SCALE + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{middle}" y="14" text-anchor="middle">points of accuracy against uniform '
        "draws of equal size, 95 % intervals</text>",
        f'<path d="M{middle} 20V{height - LINE}" stroke="#888"/>',
    ]
    place = 2 * LINE
    for name, some in lines:
        for row in some:
            title = f"{name}, {100 * row['budget']:g} %"
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
