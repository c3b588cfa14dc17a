"""Fourteen records, hand-made artifacts of every stage before `validate`, every kind of verdict."""

from collections.abc import Callable

import numpy as np
import polars as pl

from schemas.manifest import Manifest
from schemas.params import Params
from schemas.tables import (
    Contaminated,
    Duplicates,
    Quarantine,
    RejectedTable,
    RowScores,
    SelectionTable,
    check,
)
from tasks import previous
from tasks.stage import Paths, write_manifest
from tasks.storage.rows import read_rows, write_rows
from tests.tasks.test_score import sha, write_documents

CHOOSE = {
    "budget": "4",
    "min_quality": 0.2,
    "group_caps": {"wiki": 3},
    "must_include": ["kept-4"],
    "must_exclude": ["shut-1"],
}
QUALITY = {
    "kept-1": 0.9, "kept-2": 0.8, "kept-3": 0.7, "kept-4": 0.75, "lost-1": 0.6, "lost-2": 0.5,
    "poor-1": 0.1, "shut-1": 0.4,
}  # fmt: skip
BOOKS = {"kept-4", "lost-1", "poor-1", "shut-1"}
POSITION = {  # of every record in file f, from 1
    name: place
    for place, name in enumerate(
        ["kept-1", "copy-1", "kept-2", "bad", "kept-3", "kept-4", "near-1", "zero-1", "lost-1",
         "lost-2", "poor-1", "shut-1", "copy-2", "bad"], start=1)
}  # fmt: skip
BAD_ROWS = [4, 14]  # two refused records share an id


def write_tables(paths: Paths) -> None:
    """Write all tables and manifests that `validate` reads."""
    rows = [{"id": name, "text": f"text of {name}"} for name in POSITION if name != "bad"]
    keeper = {"copy-1": "kept-1", "copy-2": "near-1"}
    for row in rows:
        row["duplicate_of"] = keeper.get(row["id"])
        row["source"] = "books" if row["id"] in BOOKS else "wiki"
        row["metadata"] = '{"lang": "de"}' if row["id"] == "kept-1" else '{"lang": "en"}'
    write_documents(paths, rows)
    place = pl.col("id").replace_strict(POSITION, return_dtype=pl.Int64)
    edit(paths, "documents", lambda t: t.with_columns(row=place, line=place))
    for name, model, table in (
        ("quarantine", Quarantine, quarantine()),
        ("duplicates", Duplicates, duplicates()),
        ("contaminated", Contaminated, Contaminated.empty()),
        ("scores", RowScores, scores()),
        ("selection", SelectionTable, selection()),
        ("rejected", RejectedTable, rejected()),
    ):
        write_rows(paths.table(name), check(model, table))
    write_rows(paths.table("vectors"), vectors())
    previous.run(Params(), paths)
    write_manifest(paths, Manifest("ingest", "1", {}, facts={"records_read": 14}))
    write_manifest(paths, Manifest("embed", "1", {}, facts={"zero_vectors": 1}))
    budget = {"budget": {"unit": "rows", "limit": 4}}
    write_manifest(paths, Manifest("choose", "1", {}, facts=budget))


def edit(paths: Paths, name: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Rewrite one table changed."""
    write_rows(paths.table(name), change(read_rows(paths.table(name))))


def quarantine() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": ["bad", "bad"],
            "source_file": ["f", "f"],
            "row": BAD_ROWS,
            "line": BAD_ROWS,
            "rule": ["missing_text"] * 2,
            "column": ["text"] * 2,
            "expected": ["a string"] * 2,
            "found": ["null", "{}"],
            "hint": ["drop the record"] * 2,
            "raw_sha256": [sha("1"), sha("2")],
        }
    )


def duplicates() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": ["copy-1", "copy-2", "near-1"],
            "keeper_id": ["kept-1", "near-1", "kept-2"],
            "kind": ["exact", "exact", "near"],
            "similarity": [1.0, 1.0, 0.8],
            "source_file": ["f", "f", "f"],
            "row": [POSITION["copy-1"], POSITION["copy-2"], POSITION["near-1"]],
        }
    )


def scores() -> pl.DataFrame:
    count = len(QUALITY)
    return pl.DataFrame(
        {
            "id": list(QUALITY),
            "quality": list(QUALITY.values()),
            "nearest_id": ["kept-1"] * count,
            "nearest_similarity": [0.1] * count,
            "density": [0.1] * count,
            "cluster": [0] * count,
            "semantic_keeper_id": [None] * count,
            "semantic_similarity": [None] * count,
        },
        schema_overrides={"semantic_keeper_id": pl.String, "semantic_similarity": pl.Float64},
    )


def selection() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": ["kept-1", "kept-2", "kept-3", "kept-4"],
            "rank": [2, 3, 4, 1],
            "gain": [0.5, 0.25, 0.125, 0.01],
            "weight": [1.0] * 4,
            "reason": ["gain", "gain", "gain", "must_include"],
            "covers": [2, 2, 2, 2],
            "tokens": [10] * 4,
        }
    )


def rejected() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": ["lost-1", "lost-2", "poor-1", "shut-1"],
            "rule": ["outranked", "group_cap", "below_min_quality", "must_exclude"],
            "final_gain": [0.1, 0.3, None, None],
            "is_bound": [True, False, False, False],
            "nearest_kept_id": ["kept-4", "kept-1", "kept-1", "kept-1"],
            "nearest_kept_similarity": [0.5, 0.6, 0.7, 0.8],
            "needed_quality": [0.65, None, None, None],
            "needed_budget_rows": [5.0, None, None, None],
        }
    )


def vectors(width: int = 4) -> pl.DataFrame:
    values = np.random.default_rng(0).standard_normal((len(QUALITY), width)).astype(np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return pl.DataFrame(
        {
            "id": list(QUALITY),
            "tokens": [10] * len(QUALITY),
            "content_sha256": [sha(f"text of {name}") for name in QUALITY],
            "vector": pl.Series(values, dtype=pl.Array(pl.Float32, width)),
        }
    )
