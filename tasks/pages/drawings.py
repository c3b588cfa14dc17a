"""From tables to the page's figures: which rows, with which titles and captions."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import polars as pl
from jaxtyping import Float

from tasks.metrics import ALL_METRICS
from tasks.pages import figures
from tasks.pages.content import SUBSETS, distribution_table
from tasks.pages.embedding_map import beside, coordinates, sample
from tasks.pages.families import FAMILIES, names_of
from tasks.pages.funnel import in_words
from tasks.pages.gates_figure import gates_against_limits
from tasks.pages.map_figure import embedding_map
from tasks.pages.plot import Figure
from tasks.pages.text import hover, visible

GATES_DRAWN: Final = 20
DIRECTION: Final = {
    "higher": "higher is better",
    "lower": "lower is better",
    "neither": "neither direction is better",
}
SYMBOLS: Final = {
    "kept": ("Kept", "diamond"),
    "dropped": ("Dropped", "circle"),
    "duplicate": ("Duplicate", "cross near its keeper"),
}


def map_points(
    rows: pl.DataFrame, ids: list[str], vectors: Float[np.ndarray, "n d"], limit: int, seed: int
) -> pl.DataFrame:
    """Pick and place the rows of the map: `rows` (the ledger with kind) of those shown, with x, y.

    `ids`, sorted, name the rows of `vectors`.
    """
    shown = sample(_candidates(rows, ids), limit)
    placed = sorted(set(shown["place_id"].to_list()))
    at = {row_id: position for position, row_id in enumerate(placed)}
    index = np.searchsorted(np.array(ids, dtype=object), np.array(placed, dtype=object))
    flat = coordinates(vectors[index], seed)[[at[place] for place in shown["place_id"]]]
    twins = np.flatnonzero((shown["kind"] == "duplicate").to_numpy())
    keys = [f"{file}\0{row}" for file, row in shown[twins].select("file", "row").rows()]
    flat[twins] = beside(flat[twins], keys)
    points = shown.select(source_file="file", row="row").join(
        rows, on=["source_file", "row"], maintain_order="left"
    )
    return points.with_columns(x=flat[:, 0], y=flat[:, 1])


def _candidates(rows: pl.DataFrame, ids: list[str]) -> pl.DataFrame:
    """Rows that have a place on the map, their own or their keeper's."""
    return rows.select(
        "id",
        "kind",
        place_id=pl.when(pl.col("kind") == "duplicate").then("keeper_id").otherwise("id"),
        file="source_file",
        row="row",
    ).filter(pl.col("place_id").is_in(ids), pl.col("kind") != "quarantined")


def map_section(
    points: pl.DataFrame,
    rows: pl.DataFrame,
    ids: list[str],
    with_texts: Callable[[pl.DataFrame], pl.DataFrame],
) -> dict[str, Any]:
    """Draw the map of `points`, some or all of `rows`: figure, caption and counts.

    `with_texts` adds the column `text` to the rows shown.
    """
    hovers = pl.Series(_hovers(with_texts(points)), dtype=pl.String)
    candidates = len(_candidates(rows, ids))
    part = "all" if len(points) == candidates else f"{len(points):,} of {candidates:,}"
    return {
        "map_figure": Figure(
            "map",
            "Map of the embeddings",
            "Rows that mean alike lie close together. Kept rows should reach into every region; "
            "dropped rows should have a kept one near; duplicates sit beside the row that stands "
            "for them.",
            600,
            embedding_map(points.with_columns(hover=hovers)),
        ),
        "map_note": f"Shown: {part} embedded rows and their duplicates. t-SNE of the embedding "
        "(principal components below 30 rows); the axes have no meaning and far distances are not "
        "to scale. Point at a row to read it; click it for its whole story.",
        "map_counts": [
            (*SYMBOLS[kind], int((points["kind"] == kind).sum()), int((rows["kind"] == kind).sum()))
            for kind in SYMBOLS
        ],
    }


def _hovers(points: pl.DataFrame) -> list[str]:
    return [
        hover(
            row["id"],
            [row["source"] or "", f"{row['kind']} · {in_words(row['rule'])}"],
            row["text"] or "",
        )
        for row in points.select("id", "source", "kind", "rule", "text").iter_rows(named=True)
    ]


def score_section(scores: pl.DataFrame, kept_ids: pl.Series, columns: list[str]) -> dict[str, Any]:
    """Draw the distribution of each score column that exists, all rows against kept ones."""
    kept = scores.filter(pl.col("id").is_in(kept_ids.to_list()))
    parts = {
        name: (_finite(scores[name]), _finite(kept[name]))
        for name in columns
        if name in scores.columns and len(_finite(scores[name]))
    }
    drawn = [
        Figure(
            f"score-{place}",
            name.replace("_", " ").capitalize(),
            f"Distribution of {name} over kept and over all scored rows",
            210,
            figures.histogram(*pair),
        )
        for place, (name, pair) in enumerate(parts.items())
    ]
    return {"score_figures": drawn, "score_table": distribution_table(parts)}


def _finite(column: pl.Series) -> np.ndarray:
    values = column.cast(pl.Float64).drop_nulls()
    return values.filter(values.is_finite()).to_numpy()


def comparison_panels(comparison: pl.DataFrame) -> list[tuple[str, list[Figure]]]:
    """Draw one small panel per metric, because their scales differ, by family.

    The pool is left out: it is larger than the budget, so its values do not compare. The row count
    is the budget's.
    """
    names = {name: label for name, label in SUBSETS.items() if name != "pool"}
    there = set(comparison["metric"]) - {"rows"}
    drawn = [
        (
            family.title,
            [_panel(comparison, name, names) for name in names_of(family) if name in there],
        )
        for family in FAMILIES
    ]
    return [(title, figures) for title, figures in drawn if figures]


def _panel(comparison: pl.DataFrame, name: str, names: dict[str, str]) -> Figure:
    metric = ALL_METRICS[name]
    return Figure(
        f"metric-{name.replace('_', '-')}",
        metric.label,
        DIRECTION[metric.better],
        210,
        figures.comparison(comparison.filter(metric=name), names),
    )


def group_figure(shares: list[dict[str, Any]], group_by: str) -> Figure:
    """Draw each group's share of the selection against its share of the pool."""
    return Figure(
        "groups",
        "Group shares",
        f"Each group by {visible(group_by)}: its share of the selection (diamond) against its "
        "share of the eligible pool (circle). A diamond to the right is over-represented.",
        max(180, 90 + 34 * len(shares)),
        figures.group_shares(shares),
    )


def gate_figure(gates: list[dict[str, Any]]) -> Figure:
    """Draw the gates nearest to their limits, or beyond: the value as a share of the limit."""
    nearest = sorted(gates, key=lambda gate: -gate["share_of_limit"])[:GATES_DRAWN]
    return Figure(
        "gates",
        "Gates: value against limit",
        "Each gate's value as a share of its limit, the line at 100%. A diamond has failed; a "
        "circle beyond the line has not: so few rows may do that by chance.",
        110 + 24 * len(nearest),
        gates_against_limits(nearest),
    )
