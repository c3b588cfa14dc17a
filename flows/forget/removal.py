"""Removing what holds a row. A table of a promoted run is rewritten, everything else deleted."""

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Final

import polars as pl

from flows.forget.search import Holders
from flows.repro import objects
from schemas.params import Params
from tasks.paths import Paths
from tasks.storage.rows import write_rows
from tasks.storage.vectors.upkeep import Upkeep
from tasks.traces import TABLE, Traces

KEYS: Final = ("id", "content_sha256", "text")  # a row is of somebody by these; else it names them


def remove(held: Holders, traces: Traces, params: Params, paths: Paths) -> None:
    """Remove everything in `held` but git's history; safe to repeat after an interruption.

    The tables from which the row is known go last, so that a second try still knows it.
    """
    upkeep = Upkeep(paths.store(params.store))
    upkeep.drop_rows()
    for table in upkeep.caches():
        upkeep.forget(table, traces.hashes)
    clear_progress(paths)
    for path in held.files:
        if path.parts[0] == "promoted" and _is_table(path):
            rewrite(path, traces)
        else:
            path.unlink(missing_ok=True)
    for entry in held.entries:
        entry.unlink(missing_ok=True)
    objects.remove(held.objects)


def clear_progress(paths: Paths) -> None:
    """Remove what interrupted stages left: spools and arrays of rows; hashes of objects stay."""
    shutil.rmtree(paths.artifacts / ".ingest.partial", ignore_errors=True)
    for folder in paths.progress("").glob("*"):
        if folder.is_dir():
            shutil.rmtree(folder)
    for partial in paths.artifacts.glob(".*.partial"):
        partial.unlink()


def rewrite(path: Path, traces: Traces) -> None:
    """Write a table again without the rows, and without their names in other rows' columns."""
    frame = pl.read_parquet(path)
    gone = pl.Series([False]).new_from_index(0, len(frame))
    for name in frame.columns:
        if name in KEYS:
            gone = gone | traces.in_column(frame[name])
    left = frame.filter(~gone)
    named = {name: traces.in_column(left[name]) for name in left.columns}
    write_rows(
        path,
        left.with_columns(
            pl.when(~hits).then(pl.col(name)).alias(name)
            for name, hits in named.items()
            if hits.any()
        ),
    )


def without_ids(params: Params, ids: Collection[str]) -> Params:
    """The settings without these ids in their lists of rows."""
    lists = ("must_include", "must_exclude", "preselected")
    kept = {
        name: [each for each in getattr(params.choose, name) if each not in ids] for name in lists
    }
    return params.model_copy(update={"choose": params.choose.model_copy(update=kept)})


def _is_table(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(TABLE)) == TABLE
