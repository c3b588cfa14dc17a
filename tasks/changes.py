"""Which rows entered and left the subset since the promoted run, and why: told by the ledger."""

from typing import Any, Final

import polars as pl

NEW: Final = "arrived"
EDITED: Final = "content_changed"
GONE: Final = "vanished"
LARGER: Final = "budget_grew"
MEMBER: Final = ["id", "content_sha256"]  # what makes a row the same row
COLUMNS: Final = {
    "id": pl.String,
    "change": pl.String,
    "reason": pl.String,
    "stage": pl.String,
    "was": pl.String,
    "source": pl.String,
    "rank": pl.Int64,
    "gain": pl.Float64,
    "other_id": pl.String,
    "similarity": pl.Float64,
    "other_gain": pl.Float64,
}


def changes_of(tables: dict[str, pl.DataFrame], ledger: pl.DataFrame) -> pl.DataFrame:
    """Table `Changes`, sorted by id and change; empty where nothing was promoted before.

    `tables` holds documents (id, content, position), selection and previous_rows.
    """
    before = tables["previous_rows"].filter(pl.col("rank").is_not_null())
    if before.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    place = ["source_file", "row"]
    contents = tables["documents"].select(*place, "content_sha256")
    records = ledger.join(contents, on=place, how="left")
    now = records.filter(verdict="kept")
    left = _left(before.join(now, on=MEMBER, how="anti"), records)
    left = _with_other_gain(left, tables["selection"])
    entered = _entered(now.join(before, on=MEMBER, how="anti"), tables["previous_rows"], left)
    parts = [part.select(pl.col(c).cast(kind) for c, kind in COLUMNS.items())
             for part in (entered, left)]  # fmt: skip
    return pl.concat(parts).sort("id", "change")


def _left(gone: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """Rows that are selected no more, with what became of the record that still is the same."""
    gone = gone.select(*MEMBER, "source", "rank", was="rule")
    fate = records.drop("source", "rank").with_columns(there=True)
    order = ["id", pl.col("stage") == "deduplicate", "stage", "rule", "source_file", "row"]
    fate = fate.sort(order)
    same = fate.filter(pl.col("content_sha256").is_not_null()).unique(MEMBER, keep="first")
    refused = fate.filter(verdict="quarantined").unique("id", keep="first")
    known = fate.select("id", known="there").unique("id", keep="first")
    found = gone.join(same, on=MEMBER, how="left")
    found = found.join(refused.select("id", refused="rule"), on="id", how="left")
    found = found.join(known, on="id", how="left")
    reason = (
        pl.when(pl.col("there"))
        .then(pl.col("rule"))
        .when(pl.col("refused").is_not_null())
        .then(pl.col("refused"))
        .when(pl.col("known"))
        .then(pl.lit(EDITED))
        .otherwise(pl.lit(GONE))
    )
    return found.with_columns(
        pl.col("stage").fill_null("ingest"), change=pl.lit("left"), reason=reason
    ).rename({"keeper_id": "other_id"})


def _with_other_gain(left: pl.DataFrame, selection: pl.DataFrame) -> pl.DataFrame:
    gains = selection.select(other_id="id", other_gain="gain")
    return left.join(gains, on="other_id", how="left")


def _entered(came: pl.DataFrame, previous: pl.DataFrame, left: pl.DataFrame) -> pl.DataFrame:
    """Rows that were not selected before, with the row whose place each took, if one says so."""
    size = previous["rank"].count()
    before = previous.select("id", was="rule", selected=pl.col("rank").is_not_null())
    outranked = left.filter(pl.col("stage") == "choose", pl.col("other_id").is_not_null())
    outranked = outranked.sort("similarity", "id", descending=[True, False])
    replaced = outranked.unique("other_id", keep="first", maintain_order=True).select(
        id="other_id", other_id="id", similarity="similarity", other_gain="gain"
    )
    found = came.drop("similarity").join(before, on="id", how="left")
    found = found.join(replaced, on="id", how="left")
    reason = (
        pl.when(pl.col("rule") == "must_include")
        .then(pl.col("rule"))
        .when(pl.col("selected"))
        .then(pl.lit(EDITED))
        .when(pl.col("was").is_null())
        .then(pl.lit(NEW))
        .when(pl.col("rank") > size)
        .then(pl.lit(LARGER))
        .otherwise(pl.col("rule"))
    )
    return found.with_columns(change=pl.lit("entered"), reason=reason)


def counts_of_changes(changes: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows by change and reason."""
    return changes.group_by("change", "reason").len("rows").sort(pl.all()).to_dicts()
