"""Stage `decontaminate`: documents, vectors and evaluation files -> contaminated.parquet.

A row that shares one n-gram with an evaluation item counts as contaminated, unless
`overlap_share` asks for more: a leaked half of an item is a leak, a row lost is one of many, and
the item is named in the ledger. Where items share a form of words with honest rows (the same
instruction above every question), a share of 0.5, say, leaves these in. Without evaluation files
no row is compared and the table is empty.
"""

import logging
import time
from typing import Any, Final

import numpy as np
import polars as pl

from schemas.manifest import Manifest
from schemas.params import Params
from schemas.tables import Contaminated, check
from tasks.documents import document_batches
from tasks.engine.neighbours import nearest_in
from tasks.items import item_vectors, read_items
from tasks.overlap import FOUND, ItemNgrams
from tasks.pace import Pace
from tasks.sources import read_sources
from tasks.stage import Paths, run_stage, write_manifest
from tasks.storage.rows import read_rows, read_vectors, write_rows

VERSION: Final = "1.0.0"  # DVC reads this line; raise it when equal input may give other output
CHUNK_ROWS: Final = 2048  # texts cut into words at a time
REPORT_SECONDS: Final = 5.0
DECIMALS: Final = 6
COLUMNS: Final = list(Contaminated.to_schema().columns)
ITEM: Final = ["evaluation_file", "item_row", "item_line", "item_id"]
log = logging.getLogger("winnow")


def run(params: Params, paths: Paths) -> Manifest:
    """Find the rows that overlap with evaluation items; raises `SourceError` for a broken item."""
    settings = params.decontaminate
    files = read_sources(paths.json("sources"), "evaluations") if settings.evaluations else []
    items = read_items(files, params, paths)
    ids = read_rows(paths.table("vectors"), ["id"])["id"]
    ngrams = ItemNgrams.of(items["text"], settings.ngram_words, settings.min_item_words)
    found = shared_ngrams(ngrams, settings.overlap_share, ids, paths)
    near = similar_rows(items, params, paths)
    table = check(Contaminated, evidence(found, near, items, ids))
    write_rows(paths.table("contaminated"), table)
    manifest = Manifest(
        "decontaminate",
        VERSION,
        settings.model_dump(),
        rows={"documents": len(ids), "contaminated": len(table)},
        facts={
            "kept": len(ids) - len(table),
            "evaluations": per_file([file.path for file in files], items, ngrams, table),
        },
    )
    inputs = (paths.json("sources"), paths.table("documents"), paths.table("vectors"))
    return write_manifest(paths, manifest, inputs, (paths.table("contaminated"),))


def shared_ngrams(
    ngrams: ItemNgrams, least_share: float, ids: pl.Series, paths: Paths
) -> pl.DataFrame:
    """Rows (their places in `ids`) that share n-grams with an item; see `ItemNgrams.overlaps`."""
    parts, done = [pl.DataFrame(schema=FOUND)], 0
    if not ngrams.hashes:
        return parts[0]
    started = told = time.monotonic()
    for frame in document_batches(paths.table("documents"), ["text"], ids):
        for chunk in frame.iter_slices(CHUNK_ROWS):
            found = ngrams.overlaps(chunk["text"], least_share)
            parts.append(found.with_columns(pl.col("row") + done))
            done += len(chunk)
            if (now := time.monotonic()) - told > REPORT_SECONDS:
                told = now
                log.info(Pace.after("compared", done, now - started, len(ids)).line())
    return pl.concat(parts)


def similar_rows(items: pl.DataFrame, params: Params, paths: Paths) -> pl.DataFrame | None:
    """Every row's nearest item and its cosine; None where no item is to be compared so.

    Items are embedded by the run's own model, so of a long item or row only what the model reads
    (`embed.max_tokens`) counts. An item in which the model knows no word is like no row.
    """
    some = items.with_row_index("item").filter(pl.col("text") != "")
    if not params.decontaminate.similarity or some.is_empty():
        return None
    vectors = item_vectors(some, params, paths)
    _, rows = read_vectors(paths.table("vectors"))
    nearest, cosine = nearest_in(rows, vectors)
    near = np.round(cosine, DECIMALS)
    own = some["item"].cast(pl.Int64).gather(nearest)
    frame = pl.DataFrame({"near_item": own, "similarity": pl.Series(near, dtype=pl.Float64)})
    is_near = pl.col("similarity") >= params.decontaminate.similarity
    return frame.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64), is_near=is_near)


def evidence(
    found: pl.DataFrame, near: pl.DataFrame | None, items: pl.DataFrame, ids: pl.Series
) -> pl.DataFrame:
    """Table `Contaminated`: rows of either kind, each with the item that it overlaps with."""
    if near is None:
        kinds = {"near_item": pl.Int64, "similarity": pl.Float64, "is_near": pl.Boolean}
        rows = found.with_columns(pl.lit(None, dtype=kind).alias(c) for c, kind in kinds.items())
    else:
        rows = found.join(near, on="row", how="full", coalesce=True)
        rows = rows.filter(pl.col("item").is_not_null() | pl.col("is_near"))
    by_ngram, by_vector = pl.col("item").is_not_null(), pl.col("is_near").fill_null(False)
    kind = (
        pl.when(by_ngram & by_vector)
        .then(pl.lit("both"))
        .when(by_ngram)
        .then(pl.lit("ngram"))
        .otherwise(pl.lit("embedding"))
    )
    rows = rows.with_columns(kind=kind, item=pl.coalesce("item", "near_item"))
    named = items.select(ITEM).with_row_index("item").with_columns(pl.col("item").cast(pl.Int64))
    joined = rows.join(named, on="item", how="left")
    return joined.with_columns(id=ids.gather(joined["row"])).select(COLUMNS).sort("id")


def per_file(
    files: list[str], items: pl.DataFrame, ngrams: ItemNgrams, table: pl.DataFrame
) -> list[dict[str, Any]]:
    """Per evaluation file: its items, those too short for n-grams, the rows they were met in."""
    looked_for = items.select("evaluation_file", short=pl.Series(ngrams.sizes == 0))
    counted = []
    for path in files:
        of_file = looked_for.filter(evaluation_file=path)
        hits = table.filter(evaluation_file=path)
        short = int(of_file["short"].sum())
        if short:
            log.warning(f"{path}: {short:,} of {len(of_file):,} items are too short for n-grams")
        counted.append(
            {
                "path": path,
                "items": len(of_file),
                "too_short_items": short,
                "rows": len(hits),
                "rows_by_kind": dict(hits["kind"].value_counts().sort("kind").iter_rows()),
                "items_found": hits.n_unique(["item_row"]) if len(hits) else 0,
            }
        )
    return counted


if __name__ == "__main__":
    run_stage("decontaminate", run)
