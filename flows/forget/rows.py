"""What the rows to be forgotten can be known by, gathered from every table that has them."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from tasks.traces import START_CHARS, TABLE, Traces

SHOWN = ("id", "source", "content_sha256", "raw_sha256", "text")  # columns that tell of a row


def tables(files: Iterable[Path]) -> list[Path]:
    """Those of the files that are tables with a column `id`."""
    found = []
    for file in files:
        with file.open("rb") as opened:
            is_table = opened.read(len(TABLE)) == TABLE
        if is_table and "id" in pq.read_schema(file).names:
            found.append(file)
    return found


def gather(files: Iterable[Path], row: str, source: str) -> Traces:
    """Traces of the row of an id, or of all rows of a source, and of every copy of their texts.

    A text is followed to other ids and sources: whoever wants it gone wants its copies gone.
    """
    known = tables(files)
    wanted = pl.col("id") == row if row else pl.col("source") == source
    named = [part for file in known if (part := _rows(file, wanted)) is not None]
    first = _traces(named)
    if row:
        first = Traces(first.ids | {row}, first.hashes, first.texts)
    if not named:
        return Traces()
    copies = pl.col("content_sha256").is_in(sorted(first.hashes))
    found = _traces([part for file in known if (part := _rows(file, copies)) is not None])
    ids, texts = first.ids | found.ids, first.texts | found.texts
    return Traces(ids, first.hashes | found.hashes, texts, _own_starts(known, ids, texts))


def _rows(file: Path, wanted: pl.Expr) -> pl.DataFrame | None:
    """The columns that tell of the wanted rows; None where the table cannot tell, or has none."""
    names = [name for name in SHOWN if name in pq.read_schema(file).names]
    if not set(wanted.meta.root_names()) <= set(names):
        return None
    found = pl.scan_parquet(file).select(names).filter(wanted).collect()
    return found if len(found) else None


def _traces(parts: Iterable[pl.DataFrame]) -> Traces:
    values: dict[str, set[str]] = {name: set() for name in SHOWN}
    for part in parts:
        for name in part.columns:
            values[name] |= set(part[name].drop_nulls().to_list())
    hashes = values["content_sha256"] | values["raw_sha256"]
    return Traces(frozenset(values["id"]), frozenset(hashes), frozenset(values["text"]))


def _own_starts(files: list[Path], ids: frozenset[str], texts: frozenset[str]) -> frozenset[str]:
    """Beginnings of the texts that no other row's text has."""
    starts = {text[:START_CHARS] for text in texts if len(text) > START_CHARS}
    start = pl.col("text").str.slice(0, START_CHARS)
    for file in files:
        others = ~pl.col("id").is_in(sorted(ids)) & start.is_in(sorted(starts))
        shared = _rows(file, others)
        if shared is not None:
            starts -= {text[:START_CHARS] for text in shared["text"]}
    return frozenset(starts)
