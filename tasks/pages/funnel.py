"""The funnel: from every record read to the rows kept, with a count for every reason."""

from dataclasses import dataclass
from typing import Final

import polars as pl

STAGES: Final = ("ingest", "deduplicate", "embed", "decontaminate", "score", "choose", "validate")
MERGING: Final = ("deduplicate", "embed")  # stages whose dropped rows are shown as duplicates
WORDS: Final = {
    "bad_id": "Unusable id",
    "broken_csv": "Broken CSV",
    "broken_json": "Broken JSON",
    "conflicting_id": "One id with different texts",
    "forgotten": "Taken down on request",
    "invalid_unicode": "Broken Unicode",
    "invalid_utf8": "Not UTF-8",
    "not_an_object": "Not a JSON object",
    "too_long": "Text too long",
    "gain": "For its gain",
    "coverage": "For what it covers",
    "must_include": "On the list of rows to include",
    "stability": "Kept over from the promoted run",
    "replacement_limit": "Kept out by the bound on replacements",
    "arrived": "Its id is new",
    "content_changed": "Its content changed",
    "budget_grew": "The subset has more rows than before",
    "vanished": "Vanished from the sources",
    "outranked": "Outranked by rows of higher gain",
    "over_budget": "Longer than the budget that was left",
    "group_cap": "Group cap reached",
    "floor_reserve": "Budget reserved for groups below their floor",
    "must_exclude": "On the list of rows to exclude",
    "below_min_quality": "Below the least quality",
    "preselected": "Chosen elsewhere before",
    "too_close": "Too close to a chosen row",
    "contaminated": "Overlaps with an evaluation item",
    "time_limit": "Not reached within the time limit",
    "exact": "Exact duplicate",
    "exact_duplicate": "Exact duplicate",
    "near": "Near duplicate",
    "near_duplicate": "Near duplicate",
}


@dataclass(frozen=True)
class Step:
    """A line of the funnel; `start` and `width` place its bar, in per cent of all records."""

    label: str
    kind: str  # total, left, quarantined, duplicate, dropped or kept
    count: int
    start: float
    width: float
    rule: str = ""


def kind_of(decisions: pl.DataFrame) -> pl.Series:
    """Say of every decision what the page shows: kept, dropped, duplicate or quarantined.

    A row dropped by deduplicate or embed is shown as a duplicate.
    """
    return decisions.select(
        pl.when((pl.col("verdict") == "dropped") & pl.col("stage").is_in(MERGING))
        .then(pl.lit("duplicate"))
        .otherwise("verdict")
        .alias("kind")
    )["kind"]


def in_words(rule: str) -> str:
    """Turn a rule's name into words, or into a readable name where it has none."""
    return WORDS.get(rule) or rule.replace("_", " ").capitalize()


def funnel(decisions: pl.DataFrame) -> list[Step]:
    """List the steps from all records to the kept rows; removals and kept add up to the records."""
    total = len(decisions)
    counts = (
        decisions.with_columns(kind=kind_of(decisions))
        .group_by("kind", "stage", "rule")
        .len("count")
        .with_columns(
            place=pl.col("stage").replace_strict(
                {s: i for i, s in enumerate(STAGES)}, default=99, return_dtype=pl.Int64
            )
        )
        .sort("place", pl.col("count"), "rule", descending=[False, True, False])
    )
    steps, left = [_step("Records read", "total", total, 0, total)], total
    for kind, subtotal in (
        ("quarantined", "Accepted documents"),
        ("duplicate", "Distinct documents"),
        ("dropped", ""),
    ):
        removed = counts.filter(pl.col("kind") == kind)
        for row in removed.iter_rows(named=True):
            left -= row["count"]
            label = in_words(row["rule"])
            steps.append(_step(label, kind, row["count"], left, total, row["rule"]))
        if len(removed) and subtotal:
            steps.append(_step(subtotal, "left", left, 0, total))
    return [*steps, _step("Kept", "kept", left, 0, total)]


def _step(label: str, kind: str, count: int, start: int, total: int, rule: str = "") -> Step:
    scale = 100 / max(total, 1)
    return Step(label, kind, count, round(start * scale, 3), round(count * scale, 3), rule)
