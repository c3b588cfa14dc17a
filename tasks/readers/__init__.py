"""Sources as records: files of every kind, one reader per format."""

from collections.abc import Iterator
from pathlib import Path

from tasks.readers.delimited import read_delimited
from tasks.readers.files import OpenedFile
from tasks.readers.jsonl import read_jsonl
from tasks.readers.parquet import read_parquet
from tasks.readers.records import Record

READERS = {"jsonl": read_jsonl, "csv": read_delimited, "tsv": read_delimited}


def read_records(opened: OpenedFile, limit: int, scratch: Path) -> Iterator[Record]:
    """Yield the records of a file in order, faulty ones included; no record above `limit` bytes.

    `scratch` is a folder for a Parquet file that comes packed. Raises `SourceError` where the file
    itself fails (it vanished, the disk is full); faults of its content are records.
    """
    if opened.source.format == "parquet":
        return read_parquet(opened, limit, scratch)
    return READERS[opened.source.format](opened, limit)
