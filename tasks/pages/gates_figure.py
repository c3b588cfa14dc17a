"""The figure of the gates: how much of its limit each value takes up."""

from typing import Any, Final

from tasks.pages.plot import axis, layout, spec
from tasks.pages.text import cut, for_plot

FARTHEST: Final = 3.0  # times the limit; what lies beyond is drawn there


def gates_against_limits(gates: list[dict[str, Any]]) -> dict[str, Any]:
    """One line per gate, the largest share of its limit on top; the limit is a line at 100 %."""
    import plotly.graph_objects as go

    rows = list(reversed(gates))
    place = list(range(len(rows)))
    labels = [for_plot(f"{in_words(row['name'])}: {cut(str(row['of']), 28)}") for row in rows]
    shares = [round(min(row["share_of_limit"], FARTHEST), 6) for row in rows]
    marks = [("circle-open", "var(--muted)"), ("diamond", "var(--quarantined)")]
    traces = [
        go.Scatter(
            x=[1, 1],
            y=[-0.6, len(rows) - 0.4],
            mode="lines",
            line={"color": "var(--line-strong)", "width": 2, "dash": "dot"},
            hoverinfo="skip",
            showlegend=False,
        ),
        go.Scatter(
            x=shares,
            y=place,
            mode="markers",
            marker={
                "symbol": [marks[not row["passed"]][0] for row in rows],
                "color": [marks[not row["passed"]][1] for row in rows],
                "size": 10,
                "line": {"width": 2},
            },
            hoverinfo="text",
            hovertext=[for_plot(cut(row["words"], 200)) for row in rows],
            showlegend=False,
        ),
    ]
    frame = layout(
        xaxis=axis(tickformat=".0%", rangemode="tozero"),
        yaxis={
            **axis(),
            "tickvals": place,
            "ticktext": labels,
            "automargin": True,
            "showgrid": False,
            "range": [-0.6, len(rows) - 0.4],
        },
        margin={"l": 8, "r": 16, "t": 8, "b": 30},
    )
    return spec(go.Figure(traces, frame))


def in_words(name: str) -> str:
    """A gate's name for people."""
    return name.replace("_", " ")
