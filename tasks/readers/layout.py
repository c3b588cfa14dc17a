"""Columns of the two spools and of the two tables they become."""

from typing import Final

import numpy as np
import pyarrow as pa

_TEXT: Final = pa.large_string()
_PLACE: Final = [("file", pa.uint32()), ("row", pa.int64()), ("line", pa.int64())]
_DOCUMENT: Final = ["id", "text", "source", "metadata", "content_sha256", "raw_sha256"]
_REASON: Final = ["rule", "column", "expected", "found", "hint", "raw_sha256"]

# `twin_sha256` orders records of one id; `record_sha256` is what quarantine shows as raw_sha256.
ACCEPTED: Final = pa.schema(
    [(name, _TEXT) for name in (*_DOCUMENT, "twin_sha256", "record_sha256")]
    + [*_PLACE, ("size", pa.int64())]
)
REFUSED: Final = pa.schema(
    [("id", _TEXT), *_PLACE, *((name, _TEXT) for name in _REASON), ("size", pa.int64())]
)
DOCUMENTS: Final = pa.schema(
    [(name, _TEXT) for name in (*_DOCUMENT, "source_file")]
    + [("row", pa.int64()), ("line", pa.int64()), ("duplicate_of", _TEXT)]
)
QUARANTINE: Final = pa.schema(
    [("id", _TEXT), ("source_file", _TEXT), ("row", pa.int64()), ("line", pa.int64())]
    + [(name, _TEXT) for name in _REASON]
)


def with_names(table: pa.Table, files: list[str], schema: pa.Schema) -> pa.Table:
    """Give spooled rows their final columns: the file's name in place of its number."""
    named = pa.array(files, _TEXT).take(table["file"].combine_chunks())
    return table.append_column("source_file", named).select(schema.names).cast(schema)


def per_file(table: pa.Table, files: int) -> np.ndarray:
    """Rows of each file in a spooled table, shape (files,)."""
    return np.bincount(table["file"].to_numpy(), minlength=files)
