"""The map as a figure: kept, dropped and duplicate rows, told apart by colour, symbol and size."""

from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from tasks.pages.plot import layout, spec

WEBGL_ABOVE: Final = 10_000  # points; SVG is sharper, needs neither GPU nor eval, but is slow
ROOMY: Final = 1500  # points up to which markers have full size


@dataclass(frozen=True)
class Look:
    """How one kind of row is drawn."""

    label: str
    colour: str
    symbol: str
    size: float
    opacity: float


LOOKS: Final = {  # in drawing order: kept rows lie on top
    "dropped": Look("dropped", "var(--dropped)", "circle", 5, 0.6),
    "duplicate": Look("duplicate", "var(--duplicate)", "x-thin", 6, 0.95),
    "kept": Look("kept", "var(--kept)", "diamond", 7.5, 0.9),
}


def embedding_map(points: pl.DataFrame, looks: dict[str, Look] = LOOKS) -> dict[str, Any]:
    """Scatter of (x, y, kind, hover, id); kinds differ in colour, symbol and size."""
    import plotly.graph_objects as go

    scatter = go.Scattergl if len(points) > WEBGL_ABOVE else go.Scatter
    scale = min(1.0, (ROOMY / max(len(points), 1)) ** 0.25)  # smaller where it is crowded
    traces = []
    for kind, look in looks.items():
        of_kind = points.filter(pl.col("kind") == kind)
        thin = look.symbol.endswith("thin")
        line = {"width": 1.6 if thin else 0.7, "color": look.colour if thin else "var(--surface)"}
        traces.append(
            scatter(
                x=of_kind["x"].to_list(),
                y=of_kind["y"].to_list(),
                mode="markers",
                name=f"{look.label} ({len(of_kind):,})",
                hoverinfo="text",
                hovertext=of_kind["hover"].to_list(),
                customdata=of_kind["id"].to_list(),
                marker={
                    "color": look.colour,
                    "symbol": look.symbol,
                    "size": round(look.size * scale, 2),
                    "opacity": look.opacity,
                    "line": line,
                },
            )
        )
    hidden = {"visible": False, "range": [-1.06, 1.06]}
    frame = layout(
        xaxis=hidden,
        yaxis=hidden,
        margin={"l": 4, "r": 4, "t": 8, "b": 8},
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.0,
            "yanchor": "bottom",
            "itemsizing": "constant",
            "traceorder": "reversed",
        },
        hoverlabel={"align": "left"},
    )
    return spec(go.Figure(traces, frame))
