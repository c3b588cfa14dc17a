"""Parquet, row group by row group: values as JSON has them, dates, decimals and bytes as text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.readers.canonical import canonical
from tasks.readers.files import BrokenStreamError, OpenedFile
from tasks.readers.records import (
    Fault,
    Record,
    Refused,
    cut_short,
    digest,
    too_large,
    unreadable,
    visible,
)
from tasks.readers.row_sizes import slices

_BATCH_ROWS: Final = 4096
_BATCH_BYTES: Final = 16 * 2**20
_VALUE_BYTES: Final = 8
# ValueError: names in the footer that are not UTF-8
_DAMAGE: Final = (pa.ArrowException, OSError, ValueError)
_AGAIN: Final = "copy or download the file again, or write it anew"


def read_parquet(opened: OpenedFile, limit: int, scratch: Path) -> Iterator[Record]:
    """Yield every row; memory is a few pages per column and a batch of about 16 MiB.

    Texts stay in their column's dictionary until a few rows at a time are taken out: ten kilobytes
    of Parquet may hold a long text once and name it in a million rows.

    A row's size is that of its canonical JSON. One value above the limit is still decoded, since
    Arrow cannot stop within a value. A file that becomes unreadable half way ends in one fault.
    """
    try:
        with opened.seekable(scratch) as content:
            yield from _rows(content, limit)
    except BrokenStreamError as error:
        yield unreadable(str(error), _AGAIN)


def _rows(content: Any, limit: int) -> Iterator[Record]:
    try:
        file = pq.ParquetFile(
            content, pre_buffer=False, buffer_size=2**20, page_checksum_verification=True
        )
        names = file.schema_arrow.names
        file = pq.ParquetFile(
            content,
            metadata=file.metadata,
            read_dictionary=_texts(file.schema),
            pre_buffer=False,
            buffer_size=2**20,
            page_checksum_verification=True,
        )
    except _DAMAGE as error:
        yield unreadable(_words(error), _AGAIN, expected="a Parquet file")
        return
    if len(set(names)) < len(names):
        yield unreadable("a column name is used twice", "rename the columns")
        return
    total, row = file.metadata.num_rows, 0
    try:
        for batch in file.iter_batches(_batch_rows(file.metadata)):
            for part in slices(batch, _BATCH_BYTES):
                for value, fault in _values(as_json_has_it(part)):
                    row += 1
                    yield _record(row, value, fault, limit)
    except _DAMAGE as error:
        reason = f"reading stopped after {row:,} of {total:,} rows ({_words(error)})"
        yield cut_short(row + 1, None, b"", reason)


def _words(error: Exception) -> str:
    return visible(str(error).split("\n")[0])


def _texts(schema: Any) -> list[str]:
    """Paths of the columns whose values have a length of their own."""
    columns = (schema.column(place) for place in range(len(schema.names)))
    return [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]


def _batch_rows(metadata: Any) -> int:
    """Rows that hold about `_BATCH_BYTES`, judged by the row group with the longest rows."""
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    mean = max((_bytes(group) / max(group.num_rows, 1) for group in groups), default=1)
    return int(min(max(_BATCH_BYTES / max(mean, 1), 1), _BATCH_ROWS))


def _bytes(group: Any) -> int:
    """Unpacked bytes of a row group; packed levels may stand for far more values than bytes."""
    values = sum(group.column(place).num_values for place in range(group.num_columns))
    return int(max(group.total_byte_size, _VALUE_BYTES * values))


def as_json_has_it(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Turn columns of a type that JSON lacks into strings (instants in UTC, with a final Z)."""
    columns = [_as_text(column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _as_text(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_timestamp(kind):
        plain = column.cast(pa.timestamp(kind.unit))
        text = plain.cast(pa.string())
        return pc.binary_join_element_wise(text, "Z", "") if kind.tz else text
    if pa.types.is_date(kind) or pa.types.is_time(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.string())
    if pa.types.is_duration(kind):
        return column.cast(pa.int64())
    return column


def _values(batch: pa.RecordBatch) -> Iterator[tuple[dict[str, Any], Fault | None]]:
    try:
        values = batch.to_pylist()
    except (UnicodeDecodeError, ValueError, OverflowError):  # find out which, row by row
        for place in range(len(batch)):
            yield _value(batch.slice(place, 1))
        return
    for value in values:
        yield value, None


def _value(single: pa.RecordBatch) -> tuple[dict[str, Any], Fault | None]:
    """Read one row column by column; the fault names the first column that cannot be read."""
    value: dict[str, Any] = {}
    fault = None
    for name, column in zip(single.schema.names, single.columns, strict=True):
        try:
            value[name] = column.to_pylist()[0]
        except UnicodeDecodeError as error:
            hint = "write the column again from text that is UTF-8, or store it as binary"
            fault = fault or Fault(
                "invalid_utf8", visible(name, 100), "UTF-8", visible(error.object), hint
            )
        except (ValueError, OverflowError) as error:
            found, expected = visible(str(error)), f"a {column.type} within Python's range"
            fault = fault or Fault("wrong_type", name, expected, found, "cast the column to string")
    return value, fault


def _record(row: int, value: dict[str, Any], fault: Fault | None, limit: int) -> Record:
    try:
        raw = canonical(value)
    except Refused as refusal:
        return Record(row, None, value, digest(repr(sorted(value)).encode()), refusal.fault)
    if len(raw) > limit:
        hint = "raise ingest.max_record_bytes, or split the record"
        return too_large(row, None, digest(raw), len(raw), limit, hint)
    return Record(row, None, value, digest(raw), fault)
