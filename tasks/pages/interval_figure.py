"""Differences as bars from zero, each with its interval: to the right is more in B, left less."""

from dataclasses import dataclass
from typing import Any

from tasks.pages.plot import axis, layout, spec

BAR_PIXELS, FRAME_PIXELS = 30, 70


@dataclass(frozen=True)
class Difference:
    """One bar: `reach` is half its interval, None without one; `clear` says that it leaves 0 out.

    `label` and `hover` must be escaped.
    """

    label: str
    value: float
    reach: float | None
    clear: bool
    hover: str


def height(bars: list[Difference]) -> int:
    """Pixels that so many bars need."""
    return FRAME_PIXELS + BAR_PIXELS * max(len(bars), 1)


def differences(bars: list[Difference], **x_axis: Any) -> dict[str, Any]:
    """Draw the bars, the first on top; clear ones in colour, by their side of zero."""
    import plotly.graph_objects as go

    rows = list(reversed(bars))
    place = list(range(len(rows)))
    colours = [_colour(one) for one in rows]
    bar = go.Bar(
        x=[round(one.value, 6) for one in rows],
        y=place,
        orientation="h",
        width=0.55,
        marker={"color": colours, "line": {"width": 0}},
        error_x={
            "array": [round(one.reach or 0.0, 6) for one in rows],
            "color": "var(--ink)",
            "thickness": 1.4,
            "width": 4,
        },
        hoverinfo="text",
        hovertext=[one.hover for one in rows],
        showlegend=False,
    )
    zero = {"zeroline": True, "zerolinecolor": "var(--line-strong)", "zerolinewidth": 2}
    frame = layout(
        xaxis={**axis(nticks=5, **x_axis), **zero},
        yaxis={
            **axis(),
            "tickvals": place,
            "ticktext": [one.label for one in rows],
            "automargin": True,
            "showgrid": False,
            "range": [-0.6, len(rows) - 0.4],
        },
        margin={"l": 8, "r": 16, "t": 8, "b": 34},
    )
    return spec(go.Figure([bar], frame))


def _colour(one: Difference) -> str:
    if not one.clear:
        return "var(--dropped)"
    return "var(--kept)" if one.value > 0 else "var(--duplicate)"
