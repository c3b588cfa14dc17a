"""Data files of a fixed number of rows each: Parquet, or lines of JSON, plain or packed.

Equal rows give equal bytes: packing is at a fixed level, on one thread, without time or file name.
"""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Final

import pyarrow as pa
import zstandard

from schemas.manifest import file_digest
from tasks.exports.choices import Compression, Format
from tasks.exports.columns import ARROW
from tasks.exports.records import Record
from tasks.exports.settings import ExportSettings
from tasks.storage.rows import write_batches

GZIP_LEVEL: Final = 6
ZSTD_LEVEL: Final = 10
BATCH_ROWS: Final = 1024


@dataclass(frozen=True)
class Shard:
    """A written data file: path in the export, rows, bytes, SHA-256."""

    path: str
    rows: int
    bytes: int
    sha256: str


def data_files(settings: ExportSettings) -> str:
    """The pattern that all data files of an export match, and no other file."""
    if settings.format == Format.DATASETS:
        return "data/train-*.parquet"
    return f"part-*{_suffix(settings)}"


def shard_paths(settings: ExportSettings, rows: int) -> list[str]:
    """The data files of so many rows, in order; there is one even if there are no rows."""
    count = max(1, -(-rows // settings.shard_rows))
    pattern = data_files(settings)
    return [pattern.replace("*", f"{number:05}-of-{count:05}") for number in range(count)]


def _suffix(settings: ExportSettings) -> str:
    if settings.format.is_parquet:
        return ".parquet"
    packed = settings.compression
    return ".jsonl" if packed == Compression.NONE else f".jsonl.{packed}"


def write_shards(
    folder: Path,
    records: Iterator[Record],
    rows: int,
    fields: dict[str, str],
    settings: ExportSettings,
    told: dict[str, str],
) -> list[Shard]:
    """Write all records below `folder`, a batch of them in memory at a time.

    Parquet files carry `told` in their own metadata, so that one alone says where it is from.
    """
    shards = []
    for number, name in enumerate(shard_paths(settings, rows)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = islice(records, settings.shard_rows)
        if settings.format.is_parquet:
            schema = schema_of(fields).with_metadata(told)
            write_batches(path, schema, _tables(part, schema))
        else:
            _write_lines(path, part, settings.compression)
        held = min(settings.shard_rows, rows - number * settings.shard_rows)
        shards.append(Shard(name, held, path.stat().st_size, file_digest(path)))
    return shards


def schema_of(fields: dict[str, str]) -> pa.Schema:
    """The columns of a Parquet file with those fields."""
    return pa.schema([(name, ARROW[kind]) for name, kind in fields.items()])


def _tables(records: Iterator[Record], schema: pa.Schema) -> Iterator[pa.Table]:
    while part := list(islice(records, BATCH_ROWS)):
        yield pa.Table.from_pylist(part, schema)


def _write_lines(path: Path, records: Iterator[Record], compression: Compression) -> None:
    with path.open("wb") as file, _packed(file, compression) as packed:
        for record in records:
            packed.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")


@contextmanager
def _packed(file: IO[bytes], compression: Compression) -> Iterator[IO[bytes]]:
    if compression == Compression.GZ:
        with gzip.GzipFile("", "wb", GZIP_LEVEL, file, mtime=0) as packed:
            yield packed  # type: ignore[misc]
    elif compression == Compression.ZST:
        packer = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
        with packer.stream_writer(file, closefd=False) as packed:
            yield packed
    else:
        yield file
