"""Stage `score`: documents and vectors -> scores.parquet and percentiles.json.

Texts are read in chunks, twice (once to fit what learns from the pool). Vectors are in memory only
while rows are compared, after the texts.
"""

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from schemas.errors import ContractError
from schemas.manifest import Manifest
from schemas.params import Params, ScoreParams
from schemas.results import Scores
from schemas.tables import RowScores, check
from tasks.engine.neighbours import compare_rows
from tasks.engine.semantic import Near, drop_near, spare
from tasks.pace import Pace
from tasks.percentiles import summary_of
from tasks.reference import local_reference, read_reference
from tasks.scorers import COLUMNS, SCORERS, VECTOR_COLUMNS, VECTOR_SCORERS
from tasks.scorers.contract import Texts, score_in_chunks
from tasks.scorers.geometry import COLUMNS as GEOMETRY
from tasks.scorers.geometry import Clusters, cluster_rows
from tasks.scorers.quality import Quality, check_weights, combine
from tasks.stage import Paths, run_stage, write_manifest
from tasks.storage.rows import read_rows, read_vectors, write_rows, write_text

VERSION: Final = "1.3.1"  # DVC reads this line; raise it when equal input may give other output
CHUNK_ROWS: Final = 4_096
CHUNK_CHARACTERS: Final = 4_000_000  # long documents make shorter chunks, so memory is bounded
DECIMALS: Final = 6
LOG_SECONDS: Final = 3.0
log = logging.getLogger("winnow")


def run(params: Params, paths: Paths) -> Manifest:
    """Score every embedded document.

    Raises `SettingsError` for quality weights that name no directed column, `SourceError` for a
    reference that cannot be read or changed, `ContractError` if documents and vectors do not match.
    """
    with local_reference(params.score.reference, paths) as reference:
        return _score(params, paths, reference)


def _score(params: Params, paths: Paths, reference: Path | None) -> Manifest:
    check_weights(params.score.quality_weights, {**COLUMNS, **VECTOR_COLUMNS, **GEOMETRY})
    documents, table = paths.table("documents"), paths.table("vectors")
    ids = read_rows(table, ["id"])["id"]
    pool = Pool(documents, ids)
    scores, methods = _score_texts(pool, reference)
    rows, vectors = read_vectors(table)
    geometry, clusters, placed, placing = _geometry(rows["id"], vectors, params)
    scores, methods = {**scores, **placed}, {**methods, **placing}
    directed = {**COLUMNS, **VECTOR_COLUMNS}
    quality = combine(scores, params.score.quality_weights, directed, len(ids))
    near = _semantic(ids, vectors, quality.values, pool.sources, params.score)
    frame = pl.DataFrame({"id": ids, "quality": quality.values, **geometry, **near})
    measured = [pl.Series(name, values).fill_nan(None) for name, values in scores.items()]
    frame = check(RowScores, frame.with_columns(measured))
    write_rows(paths.table("scores"), frame)
    write_text(paths.json("percentiles"), json.dumps(summary_of(frame)) + "\n")
    facts = {"scorers": methods, **_facts(scores, quality, clusters)}
    facts["semantic_duplicates"] = len(frame) - frame["semantic_keeper_id"].null_count()
    manifest = Manifest(
        "score",
        VERSION,
        {"seed": params.seed, **params.score.model_dump()},
        rows={"scores": len(frame)},
        facts=facts,
    )
    inputs = (documents, table, reference) if reference else (documents, table)
    outputs = (paths.table("scores"), paths.json("percentiles"))
    return write_manifest(paths, manifest, inputs, outputs)


@dataclass
class Pool:
    """The texts of the documents in play, in the order of their ids, as often as asked for.

    In play is a document that was embedded and is nobody's duplicate; both tables are sorted by id.
    """

    path: Path
    ids: pl.Series
    in_play: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        """Find the rows in play; raises `ContractError` unless they are the vectors' ids."""
        found = read_rows(self.path, ["id", "duplicate_of"])
        wanted = found["id"].is_in(self.ids.implode()) & found["duplicate_of"].is_null()
        if not found.filter(wanted)["id"].equals(self.ids):
            raise ContractError(
                f"{len(self.ids):,} vectors meet {wanted.sum():,} documents of the same ids",
                expected="one document for each vector, both tables sorted by id",
                where=f"{self.path.name} and vectors.parquet",
                remedy="run the stages ingest, deduplicate and embed again",
            )
        self.in_play = wanted.to_numpy()

    @property
    def sources(self) -> pl.Series:
        """The source of each row in play."""
        return read_rows(self.path, ["source"])["source"].filter(pl.Series(self.in_play))

    def chunks(self) -> Iterator[Texts]:
        """Yield texts, at most CHUNK_ROWS and about CHUNK_CHARACTERS at a time; log the pace."""
        started = shown = time.monotonic()
        start = done = 0
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(CHUNK_ROWS, columns=["text"]):
                texts = pl.Series(batch.column(0)).filter(
                    pl.Series(self.in_play[start : start + len(batch)])
                )
                start += len(batch)
                yield from _bounded(texts)
                done += len(texts)
                if time.monotonic() - shown > LOG_SECONDS:
                    shown = time.monotonic()
                    log.info(Pace.after("texts", done, shown - started, len(self.ids)).line())


def _bounded(texts: pl.Series) -> Iterator[Texts]:
    part = (texts.str.len_chars().cum_sum() // CHUNK_CHARACTERS).to_numpy()
    edges = [0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(texts)]
    for start, stop in pairwise(edges):
        if stop > start:
            yield texts[start:stop].to_list()


def _score_texts(
    pool: Pool, reference: Path | None
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    scored = score_in_chunks(
        {name: scorer() for name, scorer in SCORERS.items()},
        pool.chunks,
        (lambda: read_reference(reference)) if reference else None,
    )
    return _told(scored)


def _told(scored: dict[str, Scores]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The columns of several scorers, rounded, and their versions and settings."""
    columns = {
        name: np.round(values, DECIMALS) + 0.0  # + 0.0: no negative zero
        for scores in scored.values()
        for name, values in scores.columns.items()
    }
    methods = {
        name: {"version": scores.method.version, "settings": scores.method.settings}
        for name, scores in scored.items()
    }
    return columns, methods


def _geometry(
    ids: pl.Series, vectors: np.ndarray, params: Params
) -> tuple[dict[str, pl.Series], Clusters, dict[str, np.ndarray], dict[str, Any]]:
    """Columns of geometry, clusters, and the columns and methods of scorers of vectors."""
    log.info(f"comparing {len(ids):,} rows with each other")
    graph, nearest = compare_rows(vectors, params.score.neighbours)
    clusters = cluster_rows(vectors, params.score.clusters, params.seed)
    found = pl.Series(nearest.index, dtype=pl.Int64).replace(-1, None)
    columns = {
        "nearest_id": ids.gather(found),
        "nearest_similarity": _rounded(nearest.similarity),
        "density": _rounded(nearest.density),
        "cluster": pl.Series(clusters.labels),
    }
    scored = {
        name: scorer()(vectors, nearest.similarity, graph)
        for name, scorer in VECTOR_SCORERS.items()
    }
    return columns, clusters, *_told(scored)


def _semantic(
    ids: pl.Series,
    vectors: np.ndarray,
    quality: np.ndarray,
    sources: pl.Series,
    params: ScoreParams,
) -> dict[str, pl.Series]:
    """The row that stands for each semantic duplicate: of two the better one stays, ties by id."""
    near = Near.none(len(ids))
    if params.semantic_threshold:
        rank = np.empty(len(ids), dtype=np.int64)
        rank[np.argsort(-quality, kind="stable")] = np.arange(len(ids))
        codes = sources.rank("dense").to_numpy().astype(np.int64) - 1
        near = drop_near(vectors, rank, params.semantic_threshold)
        near = spare(near, rank, codes, params.semantic_source_share)
    keeper = pl.Series(near.keeper, dtype=pl.Int64).replace(-1, None)
    return {
        "semantic_keeper_id": ids.gather(keeper),
        "semantic_similarity": _rounded(near.cosine),
    }


def _rounded(values: np.ndarray) -> pl.Series:
    return pl.Series(np.round(values, DECIMALS) + 0.0, dtype=pl.Float64).fill_nan(None)


def _facts(scores: dict[str, np.ndarray], quality: Quality, clusters: Clusters) -> dict[str, Any]:
    summary = {name: _summary(values) for name, values in scores.items()}
    return {
        "columns": {**summary, "quality": _summary(quality.values)},
        "constant": [name for name, about in summary.items() if about["min"] == about["max"]],
        "quality": {
            "constant": quality.constant,
            "unscored_rows": quality.unscored_rows,
            "spearman": quality.spearman,
        },
        "clusters": {
            "asked": clusters.asked,
            "found": clusters.count,
            "fitted_rows": clusters.fitted_rows,
        },
    }


def _summary(values: np.ndarray) -> dict[str, float | None]:
    present = values[~np.isnan(values)]
    missing = round(1 - len(present) / len(values), DECIMALS) if len(values) else 0.0
    if not len(present):
        return {"mean": None, "min": None, "max": None, "missing_share": missing}
    mean = round(float(present.mean()), DECIMALS)
    ends = {"min": float(present.min()), "max": float(present.max())}
    return {"mean": mean, **ends, "missing_share": missing}


if __name__ == "__main__":
    run_stage("score", run)
