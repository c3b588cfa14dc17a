"""Rows on disk between reading and writing: appended in any order, read back in sorted order.

An external distribution sort: the order is worked out on key columns by the caller; rows are then
dealt into buckets of consecutive ranks, each small enough to be sorted in memory.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

BATCH_ROWS: Final = 8192
BATCH_BYTES: Final = 16 * 2**20
BUCKET_BYTES: Final = 64 * 2**20
MOST_BUCKETS: Final = 256  # files open at once
_OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="lz4")


class Spool:
    """Rows of one schema on their way to disk; holds one batch.

    Column `size` must hold each row's size in bytes. Close it (`with`) before reading back.
    """

    def __init__(self, path: Path, schema: pa.Schema):
        self.path, self.schema = path, schema
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = pa.ipc.new_file(path, schema, options=_OPTIONS)
        self._rows: list[tuple[Any, ...]] = []
        self._bytes = 0

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def add(self, row: tuple[Any, ...], size: int) -> None:
        """Append one row, `size` (which is also its last column) excluded."""
        self._rows.append((*row, size))
        self._bytes += size
        if len(self._rows) >= BATCH_ROWS or self._bytes >= BATCH_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [
                pa.array(column, field.type)
                for column, field in zip(columns, self.schema, strict=True)
            ]
            self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self.schema))
        self._rows, self._bytes = [], 0


def append(path: Path, tables: Iterator[pa.Table]) -> None:
    """Append tables to a closed spool, by copying it batch by batch."""
    longer = path.with_name(path.name + ".longer")
    with pa.OSFile(str(path)) as source:
        reader = pa.ipc.open_file(source)
        with pa.ipc.new_file(longer, reader.schema, options=_OPTIONS) as writer:
            for index in range(reader.num_record_batches):
                writer.write_batch(reader.get_batch(index))
            for table in tables:
                writer.write_table(table.cast(reader.schema))
    longer.replace(path)


def read_columns(path: Path, names: list[str]) -> Iterator[pl.DataFrame]:
    """Yield some columns of a closed spool, batch by batch, in the order of appending."""
    with pa.OSFile(str(path)) as source:
        schema = pa.ipc.open_file(source).schema
        wanted = [schema.get_field_index(name) for name in names]
        options = pa.ipc.IpcReadOptions(included_fields=wanted)
        reader = pa.ipc.open_file(source, options=options)
        for index in range(reader.num_record_batches):
            part = pa.table(reader.get_batch(index))
            # copied: a column read from the file would keep the buffers of all of them alive
            own = part.take(pa.array(np.arange(len(part))))
            yield pl.DataFrame(pl.from_arrow(own)).select(names)


def in_order(path: Path, attached: pl.DataFrame, folder: Path) -> Iterator[pa.Table]:
    """Yield a closed spool's rows by ascending `rank`, those of rank -1 left out.

    `attached` has one row per spooled row, in that order: `rank`, `size` in bytes, and columns to
    add. Memory is about three times the larger of `BUCKET_BYTES` and a `MOST_BUCKETS`th of all.
    """
    bucket, count = _buckets(attached["rank"].to_numpy(), attached["size"].to_numpy())
    extra = attached.drop("size").with_columns(bucket=pl.Series(bucket))
    batches = _with_columns(path, extra)
    if count > 1:
        deal = _deal(batches, folder, count)
        for place in deal:
            yield _sorted(pa.ipc.open_file(pa.OSFile(str(place))).read_all())
            place.unlink()
    elif tables := [table for table in batches if len(table)]:
        yield _sorted(pa.concat_tables(tables))


def _buckets(rank: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, int]:
    """Give each row the number of its bucket (-1: left out), ranks rising from bucket to bucket."""
    bucket = np.full(len(rank), -1, dtype=np.int32)
    kept = np.flatnonzero(rank >= 0)
    if not len(kept):
        return bucket, 0
    by_rank = kept[np.argsort(rank[kept], kind="stable")]
    before = np.cumsum(size[by_rank], dtype=np.int64) - size[by_rank]
    width = max(BUCKET_BYTES, int(before[-1]) // MOST_BUCKETS + 1)
    bucket[by_rank] = before // width
    return bucket, int(before[-1] // width) + 1


def _with_columns(path: Path, extra: pl.DataFrame) -> Iterator[pa.Table]:
    """Yield the spool's batches with the attached columns, without the rows left out."""
    start = 0
    with pa.OSFile(str(path)) as source:
        reader = pa.ipc.open_file(source)
        for index in range(reader.num_record_batches):
            batch = pa.table(reader.get_batch(index))
            part = extra.slice(start, len(batch)).to_arrow(compat_level=pl.CompatLevel.oldest())
            for name in part.column_names:
                batch = batch.append_column(name, part[name])
            start += len(batch)
            yield batch.filter(pa.compute.greater_equal(batch["rank"], 0))


def _deal(tables: Iterator[pa.Table], folder: Path, count: int) -> list[Path]:
    """Deal rows into one file per bucket; returns the files in order."""
    folder.mkdir(parents=True, exist_ok=True)
    places = [folder / f"bucket-{number:03}.arrow" for number in range(count)]
    writers: dict[int, Any] = {}
    for table in tables:
        bucket = table["bucket"].to_numpy()
        for number in np.unique(bucket).tolist():
            if number not in writers:
                writers[number] = pa.ipc.new_file(places[number], table.schema, options=_OPTIONS)
            writers[number].write_table(table.filter(pa.array(bucket == number)))
    for writer in writers.values():
        writer.close()
    return [places[number] for number in sorted(writers)]


def _sorted(table: pa.Table) -> pa.Table:
    return table.take(pa.compute.sort_indices(table["rank"])).drop_columns(["rank", "bucket"])
