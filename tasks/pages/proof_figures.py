"""The figures of a proof: scores against budget and cost, quality against diversity, bins."""

from typing import Any, Final

from tasks.pages.plot import axis, layout, spec
from tasks.pages.proof_words import budget_name, difference, method_name
from tasks.pages.text import for_plot

Rows = list[dict[str, Any]]
FIRST: Final = ("default", "uniform", "rs2")  # drawn last, so that they lie on top
STYLES: Final = {  # colour, dash, symbol, width
    "default": ("var(--kept)", "solid", "diamond", 2.6),
    "uniform": ("var(--ink)", "solid", "circle", 2.2),
    "rs2": ("var(--ink)", "dot", "circle-open", 2.0),
    "full": ("var(--muted)", "longdash", "star-diamond", 1.4),
}
OTHERS: Final = tuple(
    (f"var(--series-{letter})", dash, symbol, 1.5)
    for letter, dash, symbol in zip(
        "abcdefgh",
        ("solid", "dash", "dashdot", "dot", "solid", "dash", "dashdot", "dot"),
        ("square", "triangle-up", "triangle-down", "cross", "x", "star", "pentagon", "hexagon"),
        strict=True,
    )
)
LEGEND: Final = {"orientation": "h", "x": 0, "y": -0.2, "yanchor": "top"}


def order_of(methods: set[str]) -> list[str]:
    """Methods in the order of the legend; the full pool is a line of its own."""
    rest = sorted(methods - {*FIRST, "full"})
    return [each for each in FIRST if each in methods] + rest


def style_of(method: str, order: list[str]) -> tuple[str, str, str, float]:
    """Colour, dash, symbol and width of a method, the same in every figure of the page."""
    if method in STYLES:
        return STYLES[method]
    rest = [each for each in order if each not in STYLES]
    return OTHERS[rest.index(method) % len(OTHERS)]


def score_curves(rows: Rows, over: str) -> dict[str, Any]:
    """One consumer's scores over `budget` or `tokens`; bars are the paired 95 % intervals."""
    import plotly.graph_objects as go

    order = order_of({row["method"] for row in rows})
    traces = [
        _curve(go, [row for row in rows if row["method"] == method], method, order, over)
        for method in reversed(order)
    ]
    full = next((row for row in rows if row["method"] == "full"), None)
    ticks: dict[str, Any] = {"dtick": "D2", "tickformat": "~s"}
    if over == "budget":
        shares = sorted({row["budget"] for row in rows})
        ticks = {"tickvals": shares, "ticktext": [budget_name(each) for each in shares]}
    title = {"budget": "Share of the pool", "tokens": "Tokens of the subset"}[over]
    unit = f"{rows[0]['unit'].capitalize()} ({rows[0]['better']} is better)"
    frame = layout(
        xaxis=axis(type="log", title=title, **ticks),
        yaxis=axis(title=unit, nticks=7),
        margin={"l": 64, "r": 16, "t": 12, "b": 48},
        legend={**LEGEND, "traceorder": "reversed"},
        shapes=[_level(full["score"])] if full else [],
        annotations=[_label(full["score"], "full pool")] if full else [],
    )
    return spec(go.Figure(traces, frame))


def _curve(go: Any, rows: Rows, method: str, order: list[str], over: str) -> Any:
    rows = sorted(rows, key=lambda row: row["budget"])
    colour, dash, symbol, width = style_of(method, order)
    step = 1 + 0.018 * (order.index(method) - (len(order) - 1) / 2)  # bars beside each other
    plain = method == "uniform"
    return go.Scatter(
        x=[row[over] * (step if over == "budget" else 1) for row in rows],
        y=[row["score"] for row in rows],
        error_y=None if plain else {
            "array": [round(row["high"] - row["delta"], 6) for row in rows],
            "color": colour,
            "thickness": 1.1,
            "width": 3,
        },
        name=method_name(method),
        mode="lines+markers",
        line={"color": colour, "dash": dash, "width": width},
        marker={"color": colour, "symbol": symbol, "size": 8},
        hoverinfo="text",
        hovertext=[_hover(row) for row in rows],
    )  # fmt: skip


def _hover(row: dict[str, Any]) -> str:
    lines = [
        f"<b>{for_plot(method_name(row['method']))}</b>, {budget_name(row['budget'])}",
        f"{row['score']:.4f} {for_plot(row['unit'])}",
        for_plot(difference(row)),
        f"{row['rows']:,.0f} rows, {row['tokens']:,.0f} tokens",
    ]
    return "<br>".join(lines)


def _level(score: float) -> dict[str, Any]:
    return {
        "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": score, "y1": score,
        "line": {"color": "var(--muted)", "width": 1.4, "dash": "longdash"}, "layer": "below",
    }  # fmt: skip


def _label(score: float, words: str) -> dict[str, Any]:
    return {
        "xref": "paper", "x": 0, "y": score, "text": words, "showarrow": False,
        "xanchor": "left", "yanchor": "bottom", "font": {"size": 11, "color": "var(--muted)"},
    }  # fmt: skip


def plane(points: Rows, order: list[str]) -> dict[str, Any]:
    """Mean quality against coverage of the pool, one point per method, of one budget."""
    import plotly.graph_objects as go

    traces = []
    for row in points:
        colour, _, symbol, _ = style_of(row["method"], order)
        name = for_plot(method_name(row["method"]))
        traces.append(
            go.Scatter(
                x=[row["coverage_mean"]],
                y=[row["mean_quality"]],
                mode="markers",
                name=name,
                marker={"color": colour, "symbol": symbol, "size": 12},
                hoverinfo="text",
                hovertext=[
                    f"<b>{name}</b><br>quality {row['mean_quality']:.3f}, coverage "
                    f"{row['coverage_mean']:.3f}<br>{row['rows']:,} rows"
                ],
            )
        )
    frame = layout(
        xaxis=axis(title="Mean coverage of the pool", nticks=5),
        yaxis=axis(title="Mean quality", nticks=6),
        margin={"l": 56, "r": 12, "t": 8, "b": 48},
        legend=LEGEND,
    )
    return spec(go.Figure(traces, frame))


def bins(curve: dict[str, Any]) -> dict[str, Any]:
    """Score by quality bin with 95 % intervals; the top bin stands out, uniform is a line."""
    import plotly.graph_objects as go

    score = curve["score"]
    places = list(range(1, len(score) + 1))
    top = "var(--duplicate)" if curve["trap"] else "var(--kept)"
    trace = go.Scatter(
        x=places,
        y=score,
        error_y={
            "array": [high - at for high, at in zip(curve["high"], score, strict=True)],
            "arrayminus": [at - low for low, at in zip(curve["low"], score, strict=True)],
            "symmetric": False,
            "color": "var(--muted)",
            "thickness": 1.4,
            "width": 4,
        },
        mode="lines+markers",
        line={"color": "var(--muted)", "width": 1.6},
        marker={
            "color": ["var(--muted)"] * (len(score) - 1) + [top],
            "symbol": ["circle"] * (len(score) - 1) + ["diamond"],
            "size": [8] * (len(score) - 1) + [12],
        },
        hoverinfo="text",
        hovertext=[
            f"bin {place} of {len(score)}: {at:.4f} ({low:.4f} to {high:.4f})<br>"
            f"mean quality {quality:.3f}"
            for place, at, low, high, quality in zip(
                places, score, curve["low"], curve["high"], curve["quality"], strict=True
            )
        ],
        showlegend=False,
    )
    frame = layout(
        xaxis=axis(title="Bin by quality, best on the right", tickvals=places),
        yaxis=axis(title=f"{curve['unit'].capitalize()} ({curve['better']} is better)", nticks=6),
        margin={"l": 64, "r": 16, "t": 12, "b": 44},
        shapes=[_level(curve["uniform"])],
        annotations=[_label(curve["uniform"], "uniform, as many rows")],
    )
    return spec(go.Figure([trace], frame))
