"""A finished run's tables of any size, made without a run: what `winnow why` and pages read."""

import json
import random

import numpy as np
import polars as pl

from schemas.manifest import Manifest
from schemas.tables import Changes, Decisions, Documents, StandsFor, check
from tasks.changes import COLUMNS
from tasks.pages.funnel import kind_of
from tasks.pages.stories import stands_for
from tasks.paths import Paths
from tasks.percentiles import summary_of
from tasks.storage.rows import write_rows, write_text

WORDS = [
    "river",
    "stone",
    "light",
    "carry",
    "winter",
    "paper",
    "under",
    "answer",
    "music",
    "field",
    "early",
    "bread",
    "north",
]
SCORES = 40  # as many columns as the demo has
KEPT, NEAR = 5, 10  # every fifth row is kept, every tenth a near duplicate of the kept one before


def fill(paths: Paths, rows: int, text_words: int = 50) -> dict[str, Manifest]:
    """Write decisions, documents, scores, selection, percentiles and stands_for; the manifests."""
    place = np.arange(rows)
    ids = np.array([f"shelf-{i % 97:02d}/row-{i:07d}" for i in place], dtype=object)
    order = np.argsort(ids)
    kept, near = place % KEPT == 0, place % NEAR == 3
    keeper = ids[place - place % KEPT]
    chance = np.random.default_rng(0)
    ledger = _decisions(ids, kept, near, keeper, chance)[order]
    scored = ids[order][~near[order]]
    columns = {f"score_{i:02d}": chance.random(len(scored)).round(6) for i in range(SCORES)}
    geometry = {"nearest_id": keeper[order][~near[order]], "nearest_similarity": 0.75, "cluster": 3}
    scores = pl.DataFrame({"id": scored, "quality": columns["score_00"], **columns, **geometry})
    chosen = ledger.filter(verdict="kept").select("id", "rank", "gain", weight=1.0, reason="rule")
    write_rows(paths.table("decisions"), check(Decisions, ledger))
    write_rows(paths.table("documents"), check(Documents, _documents(ledger, text_words)))
    write_rows(paths.table("scores"), scores)
    write_rows(paths.table("selection"), chosen.with_columns(covers=pl.lit(4), tokens=pl.lit(9)))
    write_rows(paths.table("changes"), check(Changes, pl.DataFrame(schema=COLUMNS)))
    write_rows(paths.table("stands_for"), check(StandsFor, stands_for(ledger)))
    write_text(paths.json("percentiles"), json.dumps(summary_of(scores)))
    return {"ingest": Manifest("ingest", "1.0.0", {}, rows={"documents": rows}),
            "embed": Manifest("embed", "1.0.0", {"model": "none"})}  # fmt: skip


def _decisions(
    ids: np.ndarray,
    kept: np.ndarray,
    near: np.ndarray,
    keeper: np.ndarray,
    chance: np.random.Generator,
) -> pl.DataFrame:
    rows, lost = len(ids), ~kept
    ranks = np.cumsum(kept)
    frame = pl.DataFrame(
        {
            "id": ids,
            "keeper_id": keeper,
            "gain": chance.random(rows).round(6),
            "quality": chance.random(rows).round(6),
            "similarity": chance.random(rows).round(4),
            "rank": ranks,
            "kept": kept,
            "near": near,
        }
    )
    dropped, eligible = ~pl.col("kept"), ~pl.col("near")
    return frame.select(
        "id",
        verdict=pl.when(dropped).then(pl.lit("dropped")).otherwise(pl.lit("kept")),
        stage=pl.when("near").then(pl.lit("deduplicate")).otherwise(pl.lit("choose")),
        rule=pl.when("near")
        .then(pl.lit("near_duplicate"))
        .when(dropped)
        .then(pl.lit("outranked"))
        .otherwise(pl.lit("gain")),
        detail=pl.lit(""),
        source=pl.lit("shelf"),
        source_file=pl.lit("rows.jsonl"),
        row=pl.int_range(1, rows + 1),
        line=pl.int_range(1, rows + 1),
        raw_sha256=pl.lit("a" * 64),
        quality=pl.when(eligible).then("quality"),
        rank=pl.when("kept").then("rank").cast(pl.Int64),
        gain=pl.when(eligible).then("gain"),
        threshold=pl.when("near").then(0.7).when(dropped).then(0.5),
        is_bound=pl.when(dropped & eligible).then(pl.lit(True)),
        keeper_id=pl.when(dropped).then("keeper_id"),
        similarity=pl.when(dropped).then("similarity"),
        needed_quality=pl.when(dropped & eligible).then(0.9),
        needed_budget_rows=pl.when(dropped & eligible).then(float(lost.sum())),
    )


def _documents(ledger: pl.DataFrame, text_words: int) -> pl.DataFrame:
    chance = random.Random(0)
    few = [" ".join(chance.choices(WORDS, k=text_words)) for _ in range(min(len(ledger), 50_000))]
    texts = [few[at % len(few)] for at in range(len(ledger))]
    return ledger.select(
        "id",
        text=pl.Series(texts),
        source="source",
        metadata=pl.lit("{}"),
        content_sha256=pl.lit("b" * 64),
        raw_sha256="raw_sha256",
        source_file="source_file",
        row="row",
        line="line",
        duplicate_of=pl.lit(None, dtype=pl.String),
    )


def with_places(ledger: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The ledger with kind, and every row of it as a point of a map."""
    rows = ledger.with_columns(kind=kind_of(ledger))
    places = np.random.default_rng(1).uniform(-1, 1, (len(rows), 2)).round(3)
    return rows, rows.with_columns(x=places[:, 0], y=places[:, 1])
