"""The page of a comparison: one map of both selections, what moved, and the rows that did."""

from typing import Any, Final

import numpy as np
import polars as pl

from tasks.comparing.clusters import vectors_of
from tasks.comparing.metrics import FORMULA as METRICS_FORMULA
from tasks.comparing.reasons import reason
from tasks.comparing.shift import FORMULA as SHIFT_FORMULA
from tasks.comparing.shift import Shift, tested
from tasks.comparing.side import Side
from tasks.comparing.whole import Compared
from tasks.metrics import ALL_METRICS
from tasks.pages.embedding_map import coordinates, id_hash
from tasks.pages.interval_figure import Difference, differences, height
from tasks.pages.map_figure import Look, embedding_map
from tasks.pages.plot import Figure
from tasks.pages.render import render_comparison
from tasks.pages.text import cut, for_plot, hover, number

MAP_ROWS: Final = 3000  # placing more takes minutes
LISTED_ROWS: Final = 5000
GROUPS: Final = 15
TEXT_CHARS: Final = 240
LOOKS: Final = {  # in drawing order: what changed lies on top
    "both": Look("in both", "var(--dropped)", "circle", 5, 0.6),
    "lost": Look("only A", "var(--duplicate)", "x", 7, 0.9),
    "gained": Look("only B", "var(--kept)", "diamond", 7.5, 0.9),
}


def comparison_page(found: Compared, causes: dict[str, Any]) -> str:
    """Render the page; it loads nothing, and every text of the corpus is made plain and escaped."""
    names = {"a": cut(found.a.name, 80), "b": cut(found.b.name, 80)}
    sizes = found.by_id
    return render_comparison({
        **names,
        "title": f"Winnow: {names['a']} and {names['b']}",
        "equal": found.equal,
        "tiles": [
            ("In both", f"{sizes.both:,}"), ("Only A", f"{sizes.only_a:,}"),
            ("Only B", f"{sizes.only_b:,}"), ("Jaccard by id", f"{sizes.jaccard:.3f}"),
            ("Jaccard by content",
             f"{found.by_content.jaccard:.3f}" if found.by_content else "not known"),
        ],
        "counts": [
            (row["change"], row["rows"], cut(reason(row, explained=True), 300))
            for row in found.counts.to_dicts()
        ],
        **_map(found),
        **_metrics(found.metrics),
        "shift_figures": [_shift(each) for each in found.shifts if not found.equal],
        "shift_notes": [_shift_note(each) for each in found.shifts if not found.equal],
        "shift_formula": SHIFT_FORMULA,
        "causes": _causes(causes),
        "answer": cut(causes["answer"], 400),
        "notes": [cut(note, 400) for note in causes["notes"]],
        "measured": _measured(causes.get("measured")),
        "rows": _rows(found),
        "changed": len(found.rows),
        "listed": min(len(found.rows), LISTED_ROWS),
    })  # fmt: skip


def _causes(causes: dict[str, Any]) -> list[tuple[str, str, list[str], list[str]]]:
    return [
        (
            cause["name"],
            ("yes" if cause["differs"] else "no") if cause["known"] else "not known",
            [cut(each, 160) for each in cause["differs"][:20]],
            [cut(each, 160) for each in cause["without_effect"][:5]],
        )
        for cause in causes["causes"]
    ]


def _measured(found: dict[str, Any] | None) -> dict[str, Any] | None:
    """What running mixtures of A and B gave: the method in words, and each cause's part."""
    if not found:
        return None
    words = f"Measured by running again: rows in or out against A, {found['method']}."
    if found["interaction"] is not None:
        words += f" Interaction: {found['interaction']:+,}."
    words += f" B, run again as a check, differs from B by {found['again']:,} rows."
    parts = [(name, f"{rows:,.1f}") for name, rows in found["parts"].items()]
    return {"words": words, "parts": [*parts, ("total", f"{found['total']:,}")],
            "notes": [cut(note, 400) for note in found["notes"]]}  # fmt: skip


def _map(found: Compared) -> dict[str, Any]:
    """One map of both selections; none where their vectors cannot lie on one."""
    points = placed(found.a, found.b)
    if points is None:
        return {"map_figure": None, "map_note": "No map: it needs the vectors of both runs, made "
                "by one model."}  # fmt: skip
    shown, total = len(points), found.by_id.both + found.by_id.only_a + found.by_id.only_b
    part = "all" if shown == total else f"{shown:,} of {total:,}"
    caption = "Both selections on one map: rows that mean alike lie close together."
    note = (
        f"Shown: {part} selected rows of A or B. t-SNE of the embedding (principal components "
        "below 30 rows); axes have no meaning and far distances are not to scale. A row that "
        "changed its content stands where B has it. Choose a point to find its row below."
    )
    figure = Figure("map", "Both selections", caption, 600, embedding_map(points, LOOKS))
    return {"map_figure": figure, "map_note": note}


def placed(a: Side, b: Side) -> pl.DataFrame | None:
    """Selected rows of either side with kind, x and y, at most `MAP_ROWS`; None without vectors."""
    manifests = [side.manifest("embed") for side in (a, b)]
    models = {each and each.facts.get("model_identity") for each in manifests}
    if len(models) != 1 or None in models or not (a.table("vectors") and b.table("vectors")):
        return None
    rows = _sampled(kinds(a.chosen, b.chosen))
    of_b = rows.filter(pl.col("kind") != "lost")
    parts = [vectors_of(b, of_b["id"]), vectors_of(a, rows.filter(kind="lost")["id"])]
    ids = pl.concat([ids for ids, _ in parts])
    known = [vectors for _, vectors in parts if len(vectors)]
    if not known:
        return None
    found = pl.DataFrame({"id": ids, "at": np.arange(len(ids))}).join(rows, on="id").sort("id")
    flat = coordinates(np.concatenate(known)[found["at"].to_numpy()], 0)
    texts = _texts(found, a, b)
    hovers = [
        hover(row["id"], [row["source"] or "", LOOKS[row["kind"]].label], texts.get(row["id"], ""))
        for row in found.to_dicts()
    ]
    return found.with_columns(x=flat[:, 0], y=flat[:, 1], hover=pl.Series(hovers, dtype=pl.String))


def kinds(a: pl.DataFrame, b: pl.DataFrame) -> pl.DataFrame:
    """(id, source, kind) of every row that either side selected; kind is both, lost or gained."""
    shared = pl.col("id").is_in(a["id"].implode())
    of_b = b.select("id", "source", kind=pl.when(shared).then(pl.lit("both")).otherwise(
        pl.lit("gained")))  # fmt: skip
    lost = a.join(b, on="id", how="anti").select("id", "source", kind=pl.lit("lost"))
    return pl.concat([of_b, lost])


def _sampled(rows: pl.DataFrame) -> pl.DataFrame:
    """Pick at most `MAP_ROWS`, in proportion to their kind, by the smallest hashes of the ids."""
    if len(rows) <= MAP_ROWS:
        return rows
    order = rows.with_columns(order=pl.col("id").map_elements(id_hash, return_dtype=pl.UInt64))
    parts = [
        part.sort("order", "id").head(max(1, round(MAP_ROWS * len(part) / len(rows))))
        for part in order.partition_by("kind", maintain_order=True)
    ]
    return pl.concat(parts).drop("order")


def _texts(rows: pl.DataFrame, a: Side, b: Side) -> dict[str, str]:
    """The beginning of each row's text: A's for a row that only A selected, else B's."""
    found: dict[str, str] = {}
    for side, part in ((a, rows.filter(kind="lost")), (b, rows.filter(pl.col("kind") != "lost"))):
        path = side.table("documents")
        if path is None:
            continue
        documents = pl.scan_parquet(path).filter(pl.col("duplicate_of").is_null())
        texts = documents.select("id", pl.col("text").str.slice(0, TEXT_CHARS))
        wanted = part.select("id").lazy()
        found |= dict(texts.join(wanted, on="id", how="semi").collect().rows())
    return found


def _metrics(table: pl.DataFrame | None) -> dict[str, Any]:
    """Every metric's change in halves of its interval, so that one scale holds them all."""
    rows = [] if table is None else table.filter(pl.col("subset") == "selected").to_dicts()
    bars = [_metric_bar(row) for row in rows if row["low"] is not None and row["high"] > row["low"]]
    figure = Figure(
        "metrics",
        "Change of every metric",
        "Each change divided by half of its 95 % interval: a bar whose interval leaves 0 out is "
        "clear. Right is higher in B.",
        height(bars),
        differences(bars),
    )
    return {
        "metrics_figure": figure if bars else None,
        "metrics": [_metric_line(row) for row in rows],
        "metrics_formula": METRICS_FORMULA,
    }


def _label(metric: str) -> str:
    return ALL_METRICS[metric].label if metric in ALL_METRICS else cut(metric, 40)


def _metric_bar(row: dict[str, Any]) -> Difference:
    half = (row["high"] - row["low"]) / 2
    words = ": ".join(_metric_line(row)[::3])
    clear = row["verdict"] in ("higher", "lower")
    return Difference(
        for_plot(_label(row["metric"])), row["difference"] / half, 1.0, clear, for_plot(words)
    )  # fmt: skip


def _metric_line(row: dict[str, Any]) -> tuple[str, str, str, str, str]:
    """Label, A, B, change with interval, and what it means."""
    a, b, change = (
        "none" if row[name] is None else number(row[name]) for name in ("a", "b", "difference")
    )
    if row["low"] is not None:
        change += f" ({number(row['low'])} to {number(row['high'])})"
    meaning = {"unclear": "unclear", "no interval": "no interval"}.get(row["verdict"], "")
    if not meaning:
        better = {"higher": "lower", "lower": "higher"}.get(row["better"])
        meaning = row["verdict"]
        if row["verdict"] in ("higher", "lower") and better:
            meaning += ", worse" if row["verdict"] == better else ", better"
    return _label(row["metric"]), a, b, change, meaning


def _shift(found: Shift) -> Figure:
    bars = [
        Difference(
            for_plot(cut(row["group"], 28)),
            row["difference"],
            row["high"] - row["difference"],
            row["low"] > 0 or row["high"] < 0,
            for_plot(
                f"{cut(row['group'], 60)}: {row['share_a']:.1%} ({row['a']:,}) to "
                f"{row['share_b']:.1%} ({row['b']:,})"
            ),
        )
        for row in found.groups.head(GROUPS).to_dicts()
    ]
    more = len(found.groups) - len(bars)
    caption = "Change of each group's share of the selection, with its 95 % interval. Right is more"
    caption += f" in B.{f' {more:,} more groups moved less.' if more else ''}"
    drawn = differences(bars, tickformat="+.0%")
    return Figure(f"shift-{found.kind}", f"By {found.kind}", caption, height(bars), drawn)


def _shift_note(found: Shift) -> str:
    distance = (
        f"Total variation {found.total_variation:.3f}, Jensen-Shannon {found.jensen_shannon:.4f} "
        f"bits; {tested(found)}."
    )
    return f"{distance} {found.note[:1].upper()}{found.note[1:]}{'.' if found.note else ''}"


def _rows(found: Compared) -> list[list[Any]]:
    """What the list shows of each changed row: change, id, rank, source, reason, text."""
    part = found.rows.head(LISTED_ROWS)
    kind = part.select("id", "source", kind="change")
    texts = _texts(kind, found.a, found.b)
    return [
        [
            row["change"],
            cut(row["id"], 200),
            row["rank"],
            cut(row["source"] or "", 80),
            cut(reason(row), 400),
            cut(texts.get(row["id"], ""), TEXT_CHARS),
        ]
        for row in part.to_dicts()
    ]
