"""Stage `deduplicate`: documents -> duplicates.parquet, each with its keeper and similarity.

Exact duplicates were found by `ingest`; near ones are found here: equal bands of MinHash signatures
(Broder, 1997) give candidates, the true Jaccard similarity of their word n-grams decides. Every
dropped row is at least `threshold` similar to a row that stays: no chains.
"""

import logging
import time
from typing import Final

import numpy as np
import polars as pl

from schemas.manifest import Manifest
from schemas.params import DeduplicateParams, Params
from schemas.tables import Duplicates, check
from tasks.near_duplicates import NgramSets, candidate_pairs, jaccard, resolve
from tasks.stage import Paths, run_stage, write_manifest
from tasks.storage.rows import read_rows, write_rows

VERSION: Final = "1.0.0"  # DVC reads this line; raise it when equal input may give other output
SIMILARITY_DIGITS: Final = 6
log = logging.getLogger("winnow")


def run(params: Params, paths: Paths) -> Manifest:
    """Write one row per document that has a better twin, sorted by id and position."""
    documents = read_rows(
        paths.table("documents"), ["id", "text", "source_file", "row", "duplicate_of"]
    )
    first = documents.filter(pl.col("duplicate_of").is_null())
    near = near_duplicates(first, params.deduplicate, params.seed)
    exact = documents.filter(pl.col("duplicate_of").is_not_null()).select(
        "id",
        keeper_id="duplicate_of",
        kind=pl.lit("exact"),
        similarity=pl.lit(1.0),
        source_file="source_file",
        row="row",
    )
    duplicates = pl.concat([exact, near]).sort("id", "kind", "keeper_id", "source_file", "row")
    write_rows(paths.table("duplicates"), check(Duplicates, duplicates))
    manifest = Manifest(
        stage="deduplicate",
        version=VERSION,
        params=params.deduplicate.model_dump(),
        rows={"documents": len(documents), "exact": len(exact), "near": len(near)},
        facts={"kept": len(first) - len(near)},
    )
    return write_manifest(
        paths, manifest, (paths.table("documents"),), (paths.table("duplicates"),)
    )


def near_duplicates(first: pl.DataFrame, params: DeduplicateParams, seed: int) -> pl.DataFrame:
    """Near duplicates among documents of distinct content, given sorted by id."""
    started = time.monotonic()
    sets = NgramSets.of(first["text"], params.ngram_words)
    pairs = candidate_pairs(sets, params.threshold, params.permutations, seed)
    similarity = jaccard(sets, pairs)
    close = similarity >= params.threshold
    words = sets.words if params.keeper == "longest" else np.zeros(len(first), dtype=np.int64)
    lost, keeper, score = resolve(pairs[close], similarity[close], words)
    log.info(
        f"compared {len(first):,} documents: {len(pairs):,} candidate pairs, "
        f"{int(close.sum()):,} near duplicates, {time.monotonic() - started:.1f} s"
    )
    return pl.DataFrame(
        {
            "id": first["id"].gather(lost),
            "keeper_id": first["id"].gather(keeper),
            "kind": pl.repeat("near", len(lost), eager=True, dtype=pl.String),
            "similarity": np.round(score, SIMILARITY_DIGITS),
            "source_file": first["source_file"].gather(lost),
            "row": first["row"].gather(lost),
        },
        schema_overrides={"similarity": pl.Float64},
    )


if __name__ == "__main__":
    run_stage("deduplicate", run)
