"""Quality against diversity at one budget."""

from typing import Any

from tasks.pages.plot import axis, layout, spec
from tasks.pages.proof_figures import LEGEND
from tasks.pages.proof_words import method_name
from tasks.pages.text import cut, for_plot

Points = list[dict[str, Any]]
SYMBOLS = ("circle-open", "square-open", "triangle-up-open", "star-open")


def front(group: dict[str, Any], label: str) -> dict[str, Any]:
    """Draw the points with intervals, the front as a line, the controls and the knee."""
    import plotly.graph_objects as go

    points: Points = group["points"]
    own = [each for each in points if each["weight"] is not None]
    controls = [each for each in points if each["weight"] is None]
    on_front = sorted((each for each in points if each["on_front"]), key=lambda p: p["quality"])
    knee = group["knee"]
    traces = [
        go.Scatter(
            x=[each["quality"] for each in on_front],
            y=[each["diversity"] for each in on_front],
            mode="lines",
            name="front",
            line={"color": "var(--line-strong)", "width": 2},
            hoverinfo="skip",
        ),
        _signs(go, own, "diversity weight", "diamond", "var(--kept)", labels=True),
        *(
            _signs(go, [each], method_name(each["method"]), symbol, "var(--muted)", labels=False)
            for each, symbol in zip(controls, SYMBOLS, strict=False)
        ),
        go.Scatter(
            x=[knee["quality"]],
            y=[knee["diversity"]],
            mode="markers",
            name="knee",
            marker={"symbol": "circle-open", "size": 24, "color": "var(--duplicate)",
                    "line": {"width": 2.5}},
            hoverinfo="skip",
        ),
    ]  # fmt: skip
    frame = layout(
        xaxis=axis(title="Mean quality", nticks=7),
        yaxis=axis(title=label, nticks=7),
        margin={"l": 64, "r": 16, "t": 12, "b": 48},
        legend=LEGEND,
    )
    return spec(go.Figure(traces, frame))


def _signs(go: Any, points: Points, name: str, symbol: str, colour: str, *, labels: bool) -> Any:
    return go.Scatter(
        x=[each["quality"] for each in points],
        y=[each["diversity"] for each in points],
        error_x=_bars(points, "quality", colour),
        error_y=_bars(points, "diversity", colour),
        mode="markers+text" if labels else "markers",
        text=[f"{each['weight']:g}" if labels else "" for each in points],
        textposition="top right",
        name=for_plot(name),
        marker={"symbol": symbol, "size": 10, "color": colour, "line": {"width": 2}},
        hoverinfo="text",
        hovertext=[
            f"{for_plot(name)}{' ' + format(each['weight'], 'g') if labels else ''}<br>"
            f"quality {each['quality']:.4f}, diversity {each['diversity']:.4f}<br>"
            f"{each['rows']:,} rows, run {for_plot(cut(each['run'], 60))}"
            for each in points
        ],
    )


def _bars(points: Points, of: str, colour: str) -> dict[str, Any]:
    def reach(end: str, sign: float) -> list[float]:
        return [
            0.0
            if each[f"{of}_{end}"] is None
            else max(0.0, sign * (each[f"{of}_{end}"] - each[of]))
            for each in points
        ]

    return {
        "array": reach("high", 1.0), "arrayminus": reach("low", -1.0), "symmetric": False,
        "color": colour, "thickness": 1, "width": 3,
    }  # fmt: skip
