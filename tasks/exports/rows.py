"""The rows of a subset in the order of the export, in bounded memory: read once, sorted on disk."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa

from schemas.errors import ContractError
from tasks.documents import document_batches
from tasks.exports.choices import Order
from tasks.exports.subset import Subset
from tasks.readers.spool import Spool, in_order, read_columns
from tasks.storage.rows import read_rows

_DOCUMENT: Final = ["id", "text", "source", "metadata", "source_file", "row", "content_sha256"]
_TEXTS: Final = ("id", "text", "source", "metadata", "source_file", "text_sha256")
_NUMBERS: Final = ("source_row", "chosen", "tokens", "place", "size")
_SPOOLED: Final = pa.schema(
    [("weight", pa.float64())]
    + [(name, pa.large_string()) for name in _TEXTS]
    + [(name, pa.int64()) for name in _NUMBERS]
)
_ROW_BYTES: Final = 400  # what the columns of fixed width and the names take, about


@dataclass(frozen=True)
class Row:
    """A selected row with what is known of it; `metadata` are the record's other fields."""

    id: str
    text: str
    source: str
    metadata: dict[str, Any]
    source_file: str
    source_row: int
    text_sha256: str
    rank: int
    weight: float
    tokens: int


class SpooledRows:
    """The rows of a subset on disk; they can be looked through in any order, and read in the one
    that was asked for.
    """

    def __init__(self, path: Path, count: int):
        self.path, self.count = path, count

    def any_order(self) -> Iterator[Row]:
        """Yield the rows as they lie, without their texts."""
        names = [name for name in _SPOOLED.names if name not in ("text", "size", "place")]
        for frame in read_columns(self.path, names):
            yield from map(_row, frame.with_columns(text=pl.lit("")).iter_rows(named=True))

    def in_order(self) -> Iterator[Row]:
        """Yield the rows in the order of the export."""
        parts = list(read_columns(self.path, ["place", "size"]))
        places = pl.concat(parts).rename({"place": "rank"}) if parts else None
        if places is not None:
            for table in in_order(self.path, places, self.path.parent / "buckets"):
                for batch in table.to_batches(max_chunksize=1024):
                    yield from map(_row, batch.to_pylist())


def _row(found: dict[str, Any]) -> Row:
    return Row(
        found["id"],
        found["text"],
        found["source"],
        json.loads(found["metadata"]),
        found["source_file"],
        found["source_row"],
        found["text_sha256"],
        found["chosen"],
        found["weight"],
        found["tokens"],
    )


@contextmanager
def spooled(subset: Subset, order: Order, folder: Path) -> Iterator[SpooledRows]:
    """Spool a subset's rows below `folder`; raises `ContractError` if one has no document."""
    selection = read_rows(subset.table("selection"), ["id", "rank", "weight", "tokens"])
    chosen = selection.rename({"rank": "chosen"}).sort("id" if order == Order.ID else "chosen")
    chosen = chosen.with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
    path, found = folder / "rows", 0
    with Spool(path, _SPOOLED) as spool:
        for batch in document_batches(subset.table("documents"), _DOCUMENT, chosen["id"]):
            found += len(batch)
            joined = batch.join(chosen, on="id", how="left", maintain_order="left")
            renamed = joined.rename({"row": "source_row", "content_sha256": "text_sha256"})
            sizes = renamed["text"].str.len_bytes() + renamed["metadata"].str.len_bytes()
            rows = renamed.select(_SPOOLED.names[:-1]).iter_rows()
            for row, size in zip(rows, sizes, strict=True):
                spool.add(row, _ROW_BYTES + size)
    if found != len(selection):
        raise ContractError(
            "the selection and the documents do not belong together",
            expected=f"a document for each of the {len(selection):,} selected rows",
            where=f"{subset.folder}: {found:,} found",
            remedy="export a run whose tables were made by one run of the pipeline",
        )
    yield SpooledRows(path, found)
