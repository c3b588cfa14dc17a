"""The ledger: one row per input record saying who was kept, dropped or refused, where and why."""

from typing import Final

import polars as pl

from schemas.params import ChooseParams
from schemas.results import BELOW_MINIMUM, CONTAMINATED, OUTRANKED, SEMANTIC, TOO_CLOSE

EXACT: Final = "exact_duplicate"
NEAR: Final = "near_duplicate"
ZERO: Final = "zero_vector"  # the model knows no token of the text, so it has no direction
ORDER: Final = ["id", "verdict", "stage", "rule", "raw_sha256", "source_file", "row"]
COLUMNS: Final = {
    "id": pl.String,
    "verdict": pl.String,
    "stage": pl.String,
    "rule": pl.String,
    "detail": pl.String,
    "source": pl.String,
    "source_file": pl.String,
    "row": pl.Int64,
    "line": pl.Int64,
    "raw_sha256": pl.String,
    "quality": pl.Float64,
    "rank": pl.Int64,
    "gain": pl.Float64,
    "threshold": pl.Float64,
    "is_bound": pl.Boolean,
    "keeper_id": pl.String,
    "similarity": pl.Float64,
    "needed_quality": pl.Float64,
    "needed_budget_rows": pl.Float64,
}


def build_ledger(
    tables: dict[str, pl.DataFrame],
    choose: ChooseParams,
    jaccard_threshold: float,
    semantic_threshold: float = 0.0,
) -> pl.DataFrame:
    """Join every table's verdicts to the records they fell on; sorted by id and verdict.

    `tables` holds documents (without text), quarantine, duplicates, vectors (ids), contaminated,
    scores (id and quality), selection and rejected. A document that no table speaks of has no
    verdict and is missing from the result: the conservation check finds it.
    """
    documents = tables["documents"]
    first = documents.filter(pl.col("duplicate_of").is_null()).join(
        tables["scores"].select("id", "quality"), on="id", how="left"
    )
    lost, unclean = tables["rejected"], pl.col("rule") == CONTAMINATED
    parts = [
        refused(tables["quarantine"]),
        duplicates(documents, tables["duplicates"], jaccard_threshold),
        without_direction(first, tables["duplicates"], tables["vectors"]),
        overlapping(first, lost.filter(unclean), tables["contaminated"]),
        kept(first, tables["selection"]),
        outranked(first, lost.filter(~unclean), tables["selection"], choose, semantic_threshold),
    ]
    return pl.concat([_complete(part) for part in parts]).sort(ORDER)


def _complete(part: pl.DataFrame) -> pl.DataFrame:
    """Give a part all columns of the ledger, null where it has nothing to say."""
    missing = [pl.lit(None).cast(kind).alias(c) for c, kind in COLUMNS.items() if c not in part]
    return (
        part.with_columns(missing)
        .with_columns(pl.col("detail").fill_null(""))
        .select(pl.col(name).cast(kind) for name, kind in COLUMNS.items())
    )


def _verdict(verdict: str, stage: str) -> list[pl.Expr]:
    return [pl.lit(verdict).alias("verdict"), pl.lit(stage).alias("stage")]


def refused(quarantine: pl.DataFrame) -> pl.DataFrame:
    """Records that never became documents."""
    detail = pl.format(
        "column {}: expected {}, found {}; {}", "column", "expected", "found", "hint"
    )
    return quarantine.with_columns(*_verdict("quarantined", "ingest"), detail=detail)


def duplicates(documents: pl.DataFrame, found: pl.DataFrame, threshold: float) -> pl.DataFrame:
    """Documents with a better twin, which is named."""
    exact = pl.col("kind") == "exact"
    evidence = found.select(
        "source_file",
        "row",
        "keeper_id",
        "similarity",
        pl.when(exact).then(pl.lit(EXACT)).otherwise(pl.lit(NEAR)).alias("rule"),
        pl.when(exact).then(1.0).otherwise(threshold).alias("threshold"),
    )
    joined = documents.join(evidence, on=["source_file", "row"], how="inner")
    return joined.with_columns(*_verdict("dropped", "deduplicate"))


def without_direction(
    first: pl.DataFrame, duplicates: pl.DataFrame, vectors: pl.DataFrame
) -> pl.DataFrame:
    """Documents that reached `embed` but have no vector."""
    near = duplicates.filter(pl.col("kind") == "near")
    reached = first.join(near, on="id", how="anti")
    lost = reached.join(vectors, on="id", how="anti")
    return lost.with_columns(*_verdict("dropped", "embed"), rule=pl.lit(ZERO))


def overlapping(
    first: pl.DataFrame, lost: pl.DataFrame, contaminated: pl.DataFrame
) -> pl.DataFrame:
    """Documents shut out since they overlap with an evaluation item, which is named.

    `similarity` is the highest cosine to any item.
    """
    line, name = pl.col("item_line"), pl.col("item_id")
    item = pl.concat_str(
        pl.format("{}, item {}", "evaluation_file", "item_row"),
        pl.when(line.is_not_null()).then(pl.format(", line {}", line)).otherwise(pl.lit("")),
        pl.when(name.is_not_null()).then(pl.format(", id {}", name)).otherwise(pl.lit("")),
    )
    of_all = pl.format("{} of {}", "shared_ngrams", "item_ngrams")
    shared = pl.format(": it shares {} of its n-grams, first “{}”", of_all, "matched")
    cosine = pl.col("similarity").round(4)
    near = pl.format("; highest cosine to an item {}", cosine)
    detail = pl.concat_str(item, shared.fill_null(""), near.fill_null(""))
    evidence = contaminated.select("id", "similarity", detail=detail)
    joined = first.join(lost.select("id", "rule"), on="id", how="inner").join(evidence, on="id")
    return joined.with_columns(*_verdict("dropped", "decontaminate"))


def kept(first: pl.DataFrame, selection: pl.DataFrame) -> pl.DataFrame:
    """The selected documents."""
    chosen = selection.select("id", "rank", "gain", pl.col("reason").alias("rule"))
    joined = first.join(chosen, on="id", how="inner")
    return joined.with_columns(*_verdict("kept", "choose"))


def outranked(
    first: pl.DataFrame,
    rejected: pl.DataFrame,
    selection: pl.DataFrame,
    choose: ChooseParams,
    semantic_threshold: float,
) -> pl.DataFrame:
    """Documents that could have been selected, against what they would have had to reach."""
    last_gain = selection.filter(pl.col("reason") == "gain")["gain"].min()
    threshold = (
        pl.when(pl.col("rule") == OUTRANKED)
        .then(pl.lit(last_gain, dtype=pl.Float64))
        .when(pl.col("rule") == BELOW_MINIMUM)
        .then(pl.lit(choose.min_quality))
        .when(pl.col("rule") == TOO_CLOSE)
        .then(pl.lit(1.0 - choose.min_distance))
        .when(pl.col("rule") == SEMANTIC)
        .then(pl.lit(semantic_threshold))
    )
    evidence = rejected.rename(
        {
            "final_gain": "gain",
            "nearest_kept_id": "keeper_id",
            "nearest_kept_similarity": "similarity",
        }
    )
    joined = first.join(evidence, on="id", how="inner")
    return joined.with_columns(*_verdict("dropped", "choose"), threshold=threshold)
