"""Which rows two selections share, which came and went, and what the other run said of each."""

from dataclasses import asdict, dataclass
from typing import Any, Final

import polars as pl

from tasks.comparing.side import LEDGER, Side

FIRST: Final = ["choose", "score", "embed", "deduplicate", "ingest"]  # of several records of an id
COLUMNS: Final = (
    "change", "id", "reason", "stage", "rule", "detail", "keeper_id", "keeper_is", "similarity",
    "gain", "threshold", "needed_quality", "needed_budget_rows", "other_id", "source", "rank",
    "content",
)  # fmt: skip


@dataclass(frozen=True)
class Overlap:
    """Sizes of two sets and of their parts; `jaccard` is 1 for two empty sets."""

    a: int
    b: int
    both: int

    @property
    def only_a(self) -> int:
        """How many are in A alone."""
        return self.a - self.both

    @property
    def only_b(self) -> int:
        """How many are in B alone."""
        return self.b - self.both

    @property
    def jaccard(self) -> float:
        """Shared part of the union."""
        union = self.a + self.b - self.both
        return self.both / union if union else 1.0

    def data(self) -> dict[str, Any]:
        """Every number by its name."""
        derived = {"only_a": self.only_a, "only_b": self.only_b, "jaccard": round(self.jaccard, 6)}
        return asdict(self) | derived


def overlap(a: pl.DataFrame, b: pl.DataFrame, key: str) -> Overlap | None:
    """Compare two selections by `id` or by `content`; None where a row's content is not known."""
    if a[key].null_count() or b[key].null_count():
        return None
    left, right = (side.select(key).unique() for side in (a, b))
    return Overlap(len(left), len(right), len(left.join(right, on=key, how="semi")))


def changes(a: Side, b: Side) -> pl.DataFrame:
    """One row per id that B gained, lost, or kept with another content. Key: id.

    `reason` is what the run that does not hold the row says of it: arrived or vanished (its sources
    do not have it), other_id (they have the content under `other_id`), quarantined, changed (its
    content is another one there), dropped; unknown where that side has no ledger. stage, rule and
    evidence are that run's; `keeper_is` says whether the nearest kept row was itself gained or
    lost, or is in both. Changing A and B for each other swaps gained and lost.
    """
    only_a = a.chosen.join(b.chosen, on="id", how="anti")
    only_b = b.chosen.join(a.chosen, on="id", how="anti")
    gained = explained(only_b, a, "arrived").with_columns(change=pl.lit("gained"))
    lost = explained(only_a, b, "vanished").with_columns(change=pl.lit("lost"))
    keepers = pl.concat([
        only_b.select(keeper_id="id", keeper_is=pl.lit("gained")),
        only_a.select(keeper_id="id", keeper_is=pl.lit("lost")),
        b.chosen.join(only_b, on="id", how="anti").select(keeper_id="id", keeper_is=pl.lit("both")),
    ])  # fmt: skip
    moved = pl.concat([gained, lost], how="diagonal").join(keepers, on="keeper_id", how="left")
    parts = [moved.select(COLUMNS), edited(a.chosen, b.chosen)]
    return pl.concat(parts, how="diagonal").select(COLUMNS).sort("change", "rank", "id")


def edited(a: pl.DataFrame, b: pl.DataFrame) -> pl.DataFrame:
    """Rows that both selections hold under one id with different contents."""
    both = b.join(a.select("id", before="content"), on="id", how="inner")
    unlike = both.filter(pl.col("content") != pl.col("before")).drop("before")
    return unlike.with_columns(change=pl.lit("edited"), reason=pl.lit("changed"))


def explained(rows: pl.DataFrame, other: Side, absent: str) -> pl.DataFrame:
    """Add to selected rows what the other run's ledger says of each."""
    if other.ledger is None:
        nothing = [pl.lit(None).cast(kind).alias(name) for name, kind in LEDGER.items()]
        return rows.with_columns(
            *nothing[1:], other_id=pl.lit(None, pl.String), reason=pl.lit("unknown")
        )
    known = _known_there(rows, other)
    asked = known.with_columns(asked=pl.coalesce("other_id", "id"))
    verdicts = _one_per_id(other.ledger, asked["asked"]).rename({"id": "asked"})
    found = asked.join(verdicts, on="asked", how="left")
    reason = (
        pl.when(pl.col("other_id").is_not_null()).then(pl.lit("other_id"))
        .when(pl.col("verdict").is_null()).then(pl.lit(absent))
        .when(pl.col("verdict") == "quarantined").then(pl.lit("quarantined"))
        .when(pl.col("there") != pl.col("content")).then(pl.lit("changed"))
        .otherwise(pl.lit("dropped"))
    )  # fmt: skip
    return found.with_columns(reason=reason).drop("asked", "there")


def _known_there(rows: pl.DataFrame, other: Side) -> pl.DataFrame:
    """Add the content the other run has under the id, or, if it has no such id, the content's id.

    An id whose records were all refused counts as an id the other run has.
    """
    if other.contents is None:
        return rows.with_columns(
            there=pl.lit(None, pl.String), other_id=pl.lit(None, pl.String)
        )  # fmt: skip
    assert other.ledger is not None
    ids = other.ledger.select("id").join(rows.lazy().select("id"), on="id", how="semi").unique()
    under = other.contents.select("content", other_id="id").filter(pl.col("content").is_not_null())
    there = other.contents.select("id", there="content")
    elsewhere = rows.join(ids.collect(), on="id", how="anti").join(under, on="content", how="inner")
    return rows.join(there, on="id", how="left").join(
        elsewhere.select("id", "other_id").unique("id", keep="first", maintain_order=True),
        on="id",
        how="left",
    )


def _one_per_id(ledger: pl.LazyFrame, ids: pl.Series) -> pl.DataFrame:
    """The decision that counts for each id: of several records the one that came furthest."""
    wanted = pl.LazyFrame({"id": ids}).unique()
    place = pl.col("stage").replace_strict(
        {stage: at for at, stage in enumerate(FIRST)}, default=len(FIRST), return_dtype=pl.Int64
    )
    order = [(pl.col("verdict") != "kept"), place, pl.col("rule"), pl.col("detail")]
    found = ledger.join(wanted, on="id", how="semi").sort("id", *order, nulls_last=True)
    return found.unique("id", keep="first", maintain_order=True).collect()


def counts(table: pl.DataFrame) -> pl.DataFrame:
    """How many rows changed for which reason: (change, reason, stage, rule, keeper_is, rows)."""
    keys = ["change", "reason", "stage", "rule", "keeper_is"]
    counted = table.group_by(keys).agg(rows=pl.len())
    return counted.sort("change", "rows", *keys[1:], descending=[False, True, *[False] * 4])


def pool_changes(a: Side, b: Side) -> dict[str, int] | None:
    """How many distinct documents arrived, vanished or changed between the runs; None: not known.

    By id: a document is one whose exact twins, if any, stand behind it.
    """
    if a.contents is None or b.contents is None:
        return None
    arrived = b.contents.join(a.contents, on="id", how="anti")
    vanished = a.contents.join(b.contents, on="id", how="anti")
    both = a.contents.join(b.contents, on="id", how="inner", suffix="_b")
    changed = both.filter(pl.col("content") != pl.col("content_b"))
    return {
        "arrived": len(arrived),
        "vanished": len(vanished),
        "changed": len(changed),
        "same": len(both) - len(changed),
    }
