"""A selection written down: its rows, the rows it left out, and what the manifest says of it."""

import logging
from typing import Any, Final

import numpy as np
import polars as pl

from schemas.results import PRESELECTED, SELECTED, SEMANTIC, Selection
from tasks.engine.constraints import Limits, eligible
from tasks.engine.pool import Pool
from tasks.engine.watch import Watch
from tasks.stability import Steadied

log = logging.getLogger("winnow")
GAIN_DIGITS: Final = 9
SEMANTIC_COLUMNS: Final = ["id", "semantic_keeper_id", "semantic_similarity"]
CURVE_POINTS: Final = 200
# Why a row was selected.
GAIN, COVERAGE, INCLUDED, STABILITY = "gain", "coverage", "must_include", "stability"
STOPPED: Final = "time limit"  # what the totals say of a search that ended before its budget


def selection_table(
    pool: Pool, limits: Limits, steady: Steadied, nearest: np.ndarray
) -> pl.DataFrame:
    """One row per selected document, in order of choice."""
    selection = steady.selection
    reasons = {
        **dict.fromkeys(selection.covering, COVERAGE),
        **dict.fromkeys(steady.held, STABILITY),
        **dict.fromkeys(limits.include, INCLUDED),
    }
    covers = np.bincount(nearest[nearest >= 0], minlength=len(selection.indices))
    return pl.DataFrame(
        {
            "id": pool.ids[selection.indices].astype(str),
            "rank": np.arange(1, len(selection.indices) + 1, dtype=np.int64),
            "gain": np.round(selection.gains, GAIN_DIGITS),
            "weight": selection.weights,
            "reason": [reasons.get(i, GAIN) for i in selection.indices.tolist()],
            "covers": covers[: len(selection.indices)].astype(np.int64),
            "tokens": pool.cost[selection.indices].astype(np.int64),
        },
        schema_overrides={"id": pl.String, "reason": pl.String},
    ).sort("id")


def rejected_table(
    pool: Pool,
    selection: Selection,
    there: np.ndarray,
    nearest: np.ndarray,
    similarity: np.ndarray,
) -> pl.DataFrame:
    """One row per document that was not selected, in order of id.

    `nearest` is each row's place in `there` (the selected rows and the preselected ones), -1 if
    none is near.
    """
    lost = np.flatnonzero(selection.status != SELECTED)
    some = (selection.status[lost] != PRESELECTED) & (nearest[lost] >= 0)  # else the row itself
    keepers = np.full(len(lost), None, dtype=object)
    keepers[some] = pool.ids[there[nearest[lost[some]]]]
    return pl.DataFrame(
        {
            "id": pool.ids[lost].astype(str),
            "rule": selection.status[lost].astype(str),
            "final_gain": np.round(selection.final_gain[lost], GAIN_DIGITS),
            "is_bound": selection.gain_is_bound[lost],
            "nearest_kept_id": keepers.tolist(),  # an array that begins with None is no text
            "nearest_kept_similarity": np.round(np.where(some, similarity[lost], np.nan), 6),
            "needed_quality": np.round(selection.needed_quality[lost], 6),
            "needed_budget_rows": selection.needed_budget_rows[lost],
        },
        schema_overrides={"id": pl.String, "rule": pl.String, "nearest_kept_id": pl.String},
        nan_to_null=True,
    )


def facts_of(pool: Pool, limits: Limits, selection: Selection, watch: Watch) -> dict[str, Any]:
    """What the manifest says of a selection: budget, totals, gain curve, whether it was stopped."""
    tokens = int(pool.cost[selection.indices].sum())
    spent = tokens if limits.in_tokens else len(selection.indices)
    totals = dict(selection.totals)
    if watch.stopped:
        share = spent / limits.budget
        totals |= {"stopped": STOPPED, "share_of_budget": round(share, 6)}
        log.warning(
            f"choose: the search was stopped by its time limit of {watch.limit_seconds:g} s: "
            f"{len(selection.indices):,} rows, {share:.1%} of the budget; the best so far is kept"
        )
    method = selection.method
    return {
        "selector": {"name": method.name, "version": method.version, "settings": method.settings},
        "budget": {
            "unit": "tokens" if limits.in_tokens else "rows",
            "limit": limits.budget,
            "spent": spent,
            "tokens": tokens,
        },
        "eligible": int(eligible(pool, limits).sum()),
        "preselected": len(limits.preselected),
        "totals": totals,
        "gain_curve": gain_curve(selection, pool.cost if limits.in_tokens else None),
    }


def gain_curve(selection: Selection, cost: np.ndarray | None) -> dict[str, list[float]]:
    """Rank, share of the budget's unit spent so far and gain of at most `CURVE_POINTS` picks."""
    count = len(selection.indices)
    spent = np.arange(1, count + 1) if cost is None else np.cumsum(cost[selection.indices])
    shown = np.unique(np.linspace(0, count - 1, min(count, CURVE_POINTS)).astype(np.int64))
    return {
        "rank": (shown + 1).tolist(),
        "spent": spent[shown].tolist(),
        "gain": np.round(selection.gains[shown], GAIN_DIGITS).tolist(),
    }


def name_keepers(rejected: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """Give semantic duplicates the row that stands for them; `scores` has SEMANTIC_COLUMNS."""
    double = pl.col("rule") == SEMANTIC
    keeper = pl.when(double).then("semantic_keeper_id").otherwise("nearest_kept_id")
    cosine = pl.when(double).then("semantic_similarity").otherwise("nearest_kept_similarity")
    joined = rejected.join(scores, on="id", how="left", maintain_order="left")
    return joined.with_columns(nearest_kept_id=keeper, nearest_kept_similarity=cosine).select(
        rejected.columns
    )
