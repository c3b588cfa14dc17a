"""Run the stages sources and ingest on a handful of bytes."""

import csv
import gzip
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from schemas.errors import QuarantineError
from schemas.params import Params
from tasks import ingest, sources
from tasks.stage import Paths

PLACE = ["row", "line", "source_file"]
PACK = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}


@dataclass
class Outcome:
    documents: pl.DataFrame
    quarantine: pl.DataFrame
    facts: dict[str, Any]
    error: QuarantineError | None

    @property
    def rules(self) -> list[str]:
        return self.quarantine.sort("source_file", "row")["rule"].to_list()

    @property
    def texts(self) -> list[str]:
        return self.documents.sort("source_file", "row")["text"].to_list()


def place(root: Path, files: dict[str, bytes], **settings: Any) -> tuple[Params, Paths]:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    given = {"sources": sorted(files), "max_quarantine_share": 1.0, **settings}
    return Params.model_validate({"ingest": given}), Paths(root)


def run(root: Path, files: dict[str, bytes], **settings: Any) -> Outcome:
    params, paths = place(root, files, **settings)
    sources.run(params, paths)
    error = None
    try:
        ingest.run(params, paths)
    except QuarantineError as raised:
        error = raised
    facts = json.loads(paths.json("ingest").read_text())["facts"]
    tables = (pl.read_parquet(paths.table(name)) for name in ("documents", "quarantine"))
    return Outcome(*tables, facts, error)


def as_jsonl(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def as_csv(rows: list[dict[str, Any]], delimiter: str = ",") -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, sorted(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def as_parquet(rows: list[dict[str, Any]] | pa.Table, **options: Any) -> bytes:
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows)
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def reader(root: Path, name: str, content: bytes, limit: int = 2**20) -> list[Any]:
    """Records of one file, straight from its reader."""
    from tasks.readers import read_records
    from tasks.readers.files import OpenedFile

    place(root, {name: content})
    (source,) = sources.find_sources([name], root)
    with OpenedFile(root / name, source) as opened:
        records = list(read_records(opened, limit, root / "scratch"))
        opened.confirm()
    return records
