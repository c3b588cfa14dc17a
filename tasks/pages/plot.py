"""What all figures share: a place on the page, a frame, an axis. Colours are CSS variables.

A script on the page puts the colours in and draws again when the reader changes between light and
dark. All text in a specification must be escaped (see tasks.pages.text.for_plot).
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A figure with its place on the page: unique name, title, caption, height in pixels."""

    name: str
    title: str
    caption: str
    height: int
    spec: dict[str, Any]


def axis(**more: Any) -> dict[str, Any]:
    """Describe an axis in the page's colours; `more` adds to it."""
    grid = {"gridcolor": "var(--line)", "zeroline": False, "linecolor": "var(--line)"}
    return {**grid, "tickcolor": "var(--line)", "fixedrange": True, **more}


def layout(**more: Any) -> dict[str, Any]:
    """Describe a figure's frame: no colours, no zoom, as wide as its place; `more` adds to it."""
    return {
        "template": "none",
        "autosize": True,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": "var(--ink)"},
        "hoverlabel": {"font": {"size": 12}},
        "dragmode": False,
        "modebar": {
            "bgcolor": "rgba(0,0,0,0)",
            "color": "var(--dropped)",
            "activecolor": "var(--kept)",
        },
        **more,
    }


def spec(figure: Any) -> dict[str, Any]:
    """Turn a Plotly figure into plain lists and dictionaries."""
    plain: dict[str, Any] = figure.to_plotly_json()
    return plain
