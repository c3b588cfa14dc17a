"""Every row's story for the page: the same evidence and words as `winnow why`, in bulk."""

import json
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from typing import Any, Final

import polars as pl

from tasks.evidence import DOCUMENT_COLUMNS, TEXT_CHARS, Row, evidence, standing
from tasks.pages.embedding_map import id_hash
from tasks.paths import Paths
from tasks.percentiles import percentile
from tasks.telling import story, told_scores

KEY: Final = ["source_file", "row"]


def stands_for(ledger: pl.DataFrame) -> pl.DataFrame:
    """Table `StandsFor`: every row that another stands for, by the row that stands."""
    found = ledger.filter(pl.col("keeper_id").is_not_null()).select(
        "stage", "rule", "similarity", id="keeper_id", for_id="id"
    )
    return found.select("id", "for_id", "stage", "rule", "similarity").sort(
        "id",
        "similarity",
        "for_id",
        "stage",
        "rule",
        descending=[False, True, False, False, False],
        nulls_last=True,
    )


def told_ids(ledger: pl.DataFrame, on_map: list[str], limit: int) -> list[str]:
    """At most `limit` ids, sorted: those on the map, then kept ones, then others by hash."""
    ids = ledger.group_by("id").agg(kept=(pl.col("verdict") == "kept").any())
    ids = ids.with_columns(
        shown=pl.col("id").is_in(on_map),
        order=pl.col("id").map_elements(id_hash, return_dtype=pl.UInt64),
    )
    first = ids.sort("shown", "kept", "order", "id", descending=[True, True, False, False])
    return first.head(limit)["id"].sort().to_list()


def gather(ledger: pl.DataFrame, ids: list[str], paths: Paths) -> Iterator[tuple[str, list[Row]]]:
    """Yield each of `ids` (sorted) with the evidence of its records, in order of their place."""
    rows = ledger.drop("kind", strict=False).filter(pl.col("id").is_in(ids))
    documents = {(row["source_file"], row["row"]): row for row in _documents(rows, paths)}
    by_id = {name: _by_id(name, ids, paths) for name in ("scores", "selection")}
    followers, changes = (_grouped(name, paths, ids) for name in ("stands_for", "changes"))
    keepers = _keepers(ledger, rows, paths)
    known = json.loads(paths.json("percentiles").read_text(encoding="utf-8"))
    ranks = partial(_percentile, known)
    ordered = rows.sort("id", *KEY).fill_nan(None).iter_rows(named=True)
    for name, records in groupby(ordered, key=lambda row: row["id"]):
        of_id: Row = {table: found.get(name) for table, found in by_id.items()}
        of_id["stands_for"] = followers.get(name, [])
        of_id["changes"] = changes.get(name, [])
        yield (
            name,
            [
                evidence(
                    row,
                    documents.get((row["source_file"], row["row"])),
                    of_id,
                    keepers.get(row["keeper_id"]) if row["stage"] == "deduplicate" else None,
                    ranks,
                )
                for row in records
            ],
        )


def _percentile(known: dict[str, list[float]], name: str, value: float) -> float:
    return percentile(known[name], value)


def _documents(rows: pl.DataFrame, paths: Paths) -> Iterator[Row]:
    text = pl.col("text").str.slice(0, TEXT_CHARS)
    scan = pl.scan_parquet(paths.table("documents")).select(*DOCUMENT_COLUMNS, text)
    found = scan.join(rows.select(KEY).lazy(), on=KEY, how="semi").collect()
    return found.iter_rows(named=True)


def _by_id(table: str, ids: list[str], paths: Paths) -> dict[str, Row]:
    scan = pl.scan_parquet(paths.table(table)).filter(pl.col("id").is_in(ids))
    return {row["id"]: row for row in scan.collect().fill_nan(None).iter_rows(named=True)}


def _grouped(table: str, paths: Paths, ids: list[str]) -> dict[str, list[Row]]:
    scan = pl.scan_parquet(paths.table(table)).filter(pl.col("id").is_in(ids))
    found: dict[str, list[Row]] = {}
    for row in scan.collect().iter_rows(named=True):
        found.setdefault(row["id"], []).append(row)
    return found


def _keepers(ledger: pl.DataFrame, rows: pl.DataFrame, paths: Paths) -> dict[str, Row | None]:
    """What became of each row that a duplicate among `rows` was set aside for."""
    names = rows.filter(stage="deduplicate")["keeper_id"].drop_nulls().unique()
    twins = pl.scan_parquet(paths.table("stands_for")).filter(stage="deduplicate")
    counts = dict(twins.group_by("id").len().collect().iter_rows())
    decisions: dict[str, list[Row]] = {}
    for row in ledger.filter(pl.col("id").is_in(names.to_list())).iter_rows(named=True):
        decisions.setdefault(row["id"], []).append(row)
    return {name: standing(found, counts.get(name, 0)) for name, found in decisions.items()}


def for_page(record: Row) -> list[Any]:
    """A record as the page reads it: verdict, head, sections, percentiles, ids to go on to."""
    told = story(record)
    marks = [score["percentile"] for score in told_scores(record.get("scores") or [])]
    return [record["verdict"], told.head, told.sections, marks, related(record)]


def related(record: Row) -> list[list[str]]:
    """Ids that the story speaks of, each once, with what they are to the row."""
    found = {}
    if record["keeper_id"] is not None:
        found[record["keeper_id"]] = "twin" if record["stage"] == "deduplicate" else "nearest kept"
    for key, what in (("stands_for", "duplicate of it"), ("covers", "covered by it")):
        for each in (record.get(key) or {"first": []})["first"]:
            found.setdefault(each["id"], what)
    if record.get("nearest"):
        found.setdefault(record["nearest"]["id"], "nearest row")
    for each in record.get("changes") or []:
        if each["other_id"] is not None:
            found.setdefault(each["other_id"], "in its place")
    found.pop(record["id"], None)
    return [[name, what] for name, what in found.items()]
