"""The section on changes: which rows entered, left and were kept over since the promoted run."""

from typing import Any, Final

import polars as pl

from tasks.pages.funnel import in_words
from tasks.pages.text import cut
from tasks.telling import changed

SHOWN: Final = 100  # rows told of each kind; changes.parquet has all
KINDS: Final = {"entered": "Entered", "left": "Left"}


def changes_section(
    changes: pl.DataFrame, ledger: pl.DataFrame, bound: dict[str, Any], run: str
) -> dict[str, Any]:
    """What the template shows; `bound` is what `choose` says of its bound, empty without one."""
    kept_over = ledger.filter(verdict="kept", rule="stability").sort("rank")
    told = {kind: changes.filter(change=kind).sort("rank", "id") for kind in KINDS}
    return {
        "previous_run": run,
        "changes_counts": _counts(changes, len(kept_over)),
        "changes_bound": bound_sentence(bound),
        "changes_told": [
            {"title": title, "rows": _told(told[kind]), "more": max(0, len(told[kind]) - SHOWN)}
            for kind, title in KINDS.items()
        ],
        "kept_over": [cut(name, 60) for name in kept_over["id"].head(SHOWN)],
        "kept_over_count": len(kept_over),
    }


def bound_sentence(bound: dict[str, Any]) -> str:
    """Say how far the bound on replacements reached, and what it cost."""
    if not bound:
        return "Rows were selected from scratch: no bound on replacements was set."
    if not bound["held"]:
        return "The bound on replacements was not held: beside the kept rows no floor can be met."
    share = bound["share_of_from_scratch"]
    cost = f"{share:.2%} of its value from scratch" if share is not None else "not compared"
    why = "" if share is not None else f": {bound['why_no_share']}"
    forced = f"; {bound['forced_out']:,} had to leave" if bound["forced_out"] else ""
    return (
        f"Of {bound['eligible']:,} rows of the promoted run that are still eligible, at most "
        f"{bound['most']:,} could be replaced: {bound['replaced']:,} were{forced}. From scratch "
        f"{bound['from_scratch']:,} would be. The objective is {cost}{why}."
    )


def _counts(changes: pl.DataFrame, kept_over: int) -> list[tuple[str, str, str]]:
    counted = changes.group_by("change", "reason").len("rows")
    counted = counted.sort("change", "rows", "reason", descending=[False, True, False])
    lines = [(KINDS[change], in_words(reason), f"{rows:,}")
             for change, reason, rows in counted.iter_rows()]  # fmt: skip
    kept = [("Kept over", in_words("stability"), f"{kept_over:,}")] if kept_over else []
    return lines + kept


def _told(rows: pl.DataFrame) -> list[dict[str, str]]:
    return [
        {"id": cut(row["id"], 60), "source": cut(row["source"] or "–", 60), "told": changed(row)}
        for row in rows.head(SHOWN).iter_rows(named=True)
    ]
