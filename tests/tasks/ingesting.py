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
from hypothesis import HealthCheck, settings

from schemas.errors import QuarantineError
from schemas.params import Params
from schemas.tables import Documents, Quarantine, check
from tasks import ingest, sources
from tasks.stage import Paths

PLACE = ["row", "line", "source_file"]
PACK = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}


GOOD = {"id": "good", "text": "A sound record."}

few = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


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
    from tasks.storage.places import Places

    place(root, {name: content})
    (source,) = sources.find_sources([name], Paths(root))
    with OpenedFile(Places(root), source) as opened:
        records = list(read_records(opened, limit, root / "scratch"))
        opened.confirm()
    return records


def conserved(outcome: Outcome) -> None:
    """Every record read is in one of the two tables, once, and the manifest says so."""
    both = pl.concat([outcome.documents.select(PLACE), outcome.quarantine.select(PLACE)])
    assert len(both.unique(["source_file", "row"])) == len(both) == outcome.facts["records_read"]
    for name, counts in outcome.facts["files"].items():
        assert counts["records"] == counts["accepted"] + counts["quarantined"]
        assert counts["accepted"] == (outcome.documents["source_file"] == name).sum()
    check(Documents, outcome.documents)
    check(Quarantine, outcome.quarantine)


# rule, minimal bad line, its near miss (id_key id, max_chars 10, max_record_bytes 1024)
LINES = [
    ("broken_json", b'{"id":"a","text":"x"', b'{"id":"a","text":"x"}'),
    ("not_an_object", b'["id"]', b'{"id":"a","text":"[]"}'),
    ("wrong_type", b'{"id":"a","text":1}', b'{"id":"a","text":"1"}'),
    ("missing_column", b'{"id":"a","Text":"x"}', b'{"id":"a","text":"x"}'),
    ("missing_text", b'{"id":"a","text":null}', b'{"id":"a","text":"null"}'),
    ("blank_text", b'{"id":"a","text":" "}', b'{"id":"a","text":" ."}'),
    ("too_long", b'{"id":"a","text":"12345678901"}', b'{"id":"a","text":"1234567890 "}'),
    ("invalid_utf8", b'{"id":"a","text":"\xe9"}', b'{"id":"a","text":"\xc3\xa9"}'),
    ("invalid_unicode", b'{"id":"a","text":"\\ud800"}', b'{"id":"a","text":"\\ud800\\udc00"}'),
    ("missing_id", b'{"id":null,"text":"x"}', b'{"id":0,"text":"x"}'),
    ("bad_id", b'{"id":0.0,"text":"x"}', b'{"id":"0.0","text":"x"}'),
    ("conflicting_id", b'{"id":"good","text":"x"}', b'{"id":"good","text":"A good."}'),
    (
        "record_too_large",
        b'{"id":"a","text":"x"}' + b" " * 1024,
        b'{"id":"a","text":"x"}' + b" " * 1003,
    ),
]
