"""Rows to look at: kept, not kept, duplicates, each with what was decided and why."""

from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from schemas.results import CONTAMINATED
from tasks.pages.funnel import in_words
from tasks.pages.text import cut, number
from tasks.telling import lacks_quality

EXAMPLE_CHARS: Final = 600
LONGEST_TEXT: Final = EXAMPLE_CHARS + 1  # what has to be read to show that more follows


@dataclass(frozen=True)
class Example:
    """A row to look at: its id, where it is from, what was decided and why, and its text."""

    id: str
    source: str
    reason: str
    facts: list[tuple[str, str]]
    text: str


def first_ranks(rows: pl.DataFrame, count: int) -> pl.DataFrame:
    """Kept rows in order of choice."""
    return rows.filter(pl.col("kind") == "kept").sort("rank").head(count)


def best_losers(rows: pl.DataFrame, count: int) -> pl.DataFrame:
    """Rows of the highest quality that were eligible for embedding and not kept."""
    lost = rows.filter(pl.col("kind") == "dropped")
    return lost.sort("quality", "id", descending=[True, False], nulls_last=True).head(count)


def least_similar(rows: pl.DataFrame, count: int) -> pl.DataFrame:
    """Duplicates least similar to their keeper: the decisions most open to doubt."""
    return rows.filter(pl.col("kind") == "duplicate").sort("similarity", "id", "row").head(count)


def kept_examples(rows: pl.DataFrame) -> list[Example]:
    """Show kept rows: rank, quality, gain."""
    return [
        _example(row, f"Rank {row['rank']:,}", [("quality", _known(row["quality"])), _gain(row)])
        for row in rows.iter_rows(named=True)
    ]


def lost_examples(rows: pl.DataFrame) -> list[Example]:
    """Show rows that lost: the rule, and what would have let them in."""
    examples = []
    for row in rows.iter_rows(named=True):
        least = "at least " if row["is_bound"] else ""
        needed = row["needed_quality"] if lacks_quality(row) else None
        facts = [
            ("quality", _known(row["quality"])),
            ("enters at quality", _known(needed, least)),
            ("or at budget, rows", _known(row["needed_budget_rows"], least)),
            _gain(row),
            ("stands for it", _twin(row)),
            ("overlaps with", cut(row["detail"], 300) if row["rule"] == CONTAMINATED else ""),
        ]
        examples.append(_example(row, in_words(row["rule"]), facts))
    return examples


def duplicate_examples(rows: pl.DataFrame) -> list[Example]:
    """Show duplicates: the row kept instead and the similarity to it."""
    return [
        _example(row, in_words(row["rule"]), [("kept instead", _twin(row))])
        for row in rows.iter_rows(named=True)
    ]


def _known(value: float | None, prefix: str = "") -> str:
    return "" if value is None else prefix + number(value)


def _gain(row: dict[str, Any]) -> tuple[str, str]:
    if row["gain"] is None:
        return "gain", ""
    last = "" if row["threshold"] is None else f"; the last row taken had {row['threshold']:#.3g}"
    bound = "at most " if row["is_bound"] else ""
    return "gain", f"{bound}{row['gain']:#.3g}{last}"


def _twin(row: dict[str, Any]) -> str:
    if row["keeper_id"] is None:
        return ""
    name = cut(row["keeper_id"], 120)
    return name if row["similarity"] is None else f"{name} (similarity {row['similarity']:.2f})"


def _example(row: dict[str, Any], reason: str, facts: list[tuple[str, str]]) -> Example:
    return Example(
        cut(row["id"], 120),
        cut(row["source"] or "", 80),
        reason,
        [(label, value) for label, value in facts if value],
        cut(row["text"] or "", EXAMPLE_CHARS),
    )
