"""The small figures: score distributions, the selection against its controls, group shares."""

from typing import Any, Final

import numpy as np
import polars as pl
from jaxtyping import Float

from tasks.pages.plot import axis, layout, spec
from tasks.pages.text import cut, for_plot

BINS: Final = 30


def histogram(everything: Float[np.ndarray, " n"], kept: Float[np.ndarray, " k"]) -> dict[str, Any]:
    """Shares of all rows and of kept rows over the same bins, as two stepped outlines."""
    import plotly.graph_objects as go

    low, high = float(everything.min()), float(everything.max())
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    traces = [
        _steps(go, everything, edges, "all scored", "var(--dropped)", "var(--dropped-soft)", "dot"),
        _steps(go, kept, edges, "kept", "var(--kept)", "var(--kept-soft)", "solid"),
    ]
    frame = layout(
        xaxis=axis(),
        yaxis=axis(tickformat=".0%", rangemode="tozero", nticks=4),
        margin={"l": 44, "r": 8, "t": 8, "b": 30},
        showlegend=False,
    )
    return spec(go.Figure(traces, frame))


def _steps(
    go: Any, values: np.ndarray, edges: np.ndarray, name: str, colour: str, fill: str, dash: str
) -> Any:
    counts, _ = np.histogram(values, edges)
    share = np.round(counts / max(len(values), 1), 5)
    x = np.round(np.repeat(edges, 2)[1:-1], 6)
    return go.Scatter(
        x=x.tolist(),
        y=np.repeat(share, 2).tolist(),
        name=name,
        mode="lines",
        line={"color": colour, "width": 1.8, "dash": dash},
        fill="tozeroy",
        fillcolor=fill,
        hovertemplate=f"{name}: %{{y:.1%}}<extra></extra>",
    )


def comparison(rows: pl.DataFrame, names: dict[str, str]) -> dict[str, Any]:
    """One metric over the subsets: value and interval, the selection marked."""
    import plotly.graph_objects as go

    order = [name for name in reversed(names) if name in rows["subset"].to_list()]
    traces = []
    for name in order:
        row = rows.row(by_predicate=pl.col("subset") == name, named=True)
        chosen = name == "selected"
        colour = "var(--kept)" if chosen else "var(--muted)"
        low, high = row["low"], row["high"]
        error = (
            {
                "array": [round(high - row["value"], 6)],
                "arrayminus": [round(row["value"] - low, 6)],
                "symmetric": False,
                "color": colour,
                "thickness": 1.6,
                "width": 4,
            }
            if low is not None
            else None
        )
        between = f" ({low:.4g} to {high:.4g})" if low is not None else ""
        traces.append(
            go.Scatter(
                x=[row["value"]],
                y=[names[name]],
                error_x=error,
                mode="markers",
                marker={
                    "color": colour,
                    "size": 11 if chosen else 8,
                    "symbol": "diamond" if chosen else "circle",
                },
                hoverinfo="text",
                hovertext=[f"{names[name]}: {row['value']:.4g}{between}"],
                showlegend=False,
            )
        )
    frame = layout(
        xaxis=axis(nticks=4, tickangle=0),
        yaxis={**axis(), "type": "category", "showgrid": False, "automargin": True},
        margin={"l": 8, "r": 12, "t": 6, "b": 30},
    )
    return spec(go.Figure(traces, frame))


def group_shares(shares: list[dict[str, Any]]) -> dict[str, Any]:
    """Each group's share of the pool and of the selection, largest group on top."""
    import plotly.graph_objects as go

    rows = list(reversed(shares))
    place = list(range(len(rows)))
    pool, kept = ([round(row[key], 6) for row in rows] for key in ("pool_share", "selected"))
    gap_x = [value for pair in zip(pool, kept, strict=True) for value in (*pair, None)]
    gap_y = [value for y in place for value in (y, y, None)]
    labels = [for_plot(cut(str(row["group"]), 28)) for row in rows]
    traces = [
        go.Scatter(
            x=gap_x,
            y=gap_y,
            mode="lines",
            line={"color": "var(--line-strong)", "width": 2},
            hoverinfo="skip",
            showlegend=False,
        ),
        _share_points(go, pool, place, labels, "pool", "circle-open", "var(--muted)"),
        _share_points(go, kept, place, labels, "selection", "diamond", "var(--kept)"),
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
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
    )
    return spec(go.Figure(traces, frame))


def _share_points(
    go: Any, x: list[float], y: list[int], labels: list[str], name: str, symbol: str, colour: str
) -> Any:
    return go.Scatter(
        x=x,
        y=y,
        mode="markers",
        name=name,
        marker={"symbol": symbol, "size": 10, "color": colour, "line": {"width": 2}},
        hoverinfo="text",
        hovertext=[
            f"{label}: {share:.1%} of the {name}" for label, share in zip(labels, x, strict=True)
        ],
    )
