"""Parquet on disk: one writer, so that equal tables are equal bytes, and the readers beside it.

Nothing is written in place: a temporary file beside the target, fsync, rename.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float

FORMAT_VERSION: Final = "1.0.0"  # DVC reads this line; raise it when equal tables give other bytes
ROW_GROUP_ROWS: Final = 16_384


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path; on success fsync it and rename it over `path`, else remove it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_rows(path: Path, frame: pl.DataFrame) -> None:
    """Write a table with fixed compression and row groups of `ROW_GROUP_ROWS`."""
    table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    write_batches(path, table.schema, (table,))


def write_batches(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    """Write tables of one schema in order as one file, holding one row group at a time.

    The row groups, and so the bytes, do not depend on how the rows arrive in `tables`.
    """
    with (
        replacing(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd", write_statistics=True) as writer,
    ):
        waiting: list[pa.Table] = []
        held = 0
        for table in tables:
            waiting.append(table.cast(schema))
            held += len(table)
            if held >= ROW_GROUP_ROWS:
                joined = pa.concat_tables(waiting)
                whole = held - held % ROW_GROUP_ROWS
                for start in range(0, whole, ROW_GROUP_ROWS):
                    writer.write_table(joined.slice(start, ROW_GROUP_ROWS).combine_chunks())
                waiting, held = [joined.slice(whole)], held - whole
        if held:
            writer.write_table(pa.concat_tables(waiting).combine_chunks())


def read_rows(path: Path, columns: list[str] | None = None) -> pl.DataFrame:
    """Read a table, or some of its columns."""
    return pl.read_parquet(path, columns=columns)


def read_vectors(path: Path) -> tuple[pl.DataFrame, Float[np.ndarray, "n d"]]:
    """Read vectors.parquet as (id, tokens, content_sha256) and one float32 array, one copy."""
    file = pq.ParquetFile(path)
    width = file.schema_arrow.field("vector").type.list_size
    vectors = np.empty((file.metadata.num_rows, width), dtype=np.float32)
    start = 0
    for batch in file.iter_batches(ROW_GROUP_ROWS, columns=["vector"]):
        flat = batch.column(0).flatten().to_numpy(zero_copy_only=False)
        vectors[start : start + len(batch)] = flat.reshape(-1, width)
        start += len(batch)
    return pl.read_parquet(path, columns=["id", "tokens", "content_sha256"]), vectors


def vector_batches(path: Path) -> Iterator[tuple[list[str], Float[np.ndarray, "n d"]]]:
    """Stream vectors.parquet as (ids, vectors), one row group or less at a time."""
    with pq.ParquetFile(path) as file:
        width = file.schema_arrow.field("vector").type.list_size
        for batch in file.iter_batches(ROW_GROUP_ROWS, columns=["id", "vector"]):
            flat = batch.column("vector").flatten().to_numpy(zero_copy_only=False)
            yield batch.column("id").to_pylist(), flat.reshape(-1, width)


def read_vectors_at(path: Path, places: np.ndarray) -> Float[np.ndarray, "k d"]:
    """Read the vectors at some rising positions of vectors.parquet, one row group at a time."""
    file = pq.ParquetFile(path)
    width = file.schema_arrow.field("vector").type.list_size
    found, start = [np.empty((0, width), dtype=np.float32)], 0
    for batch in file.iter_batches(ROW_GROUP_ROWS, columns=["vector"]):
        inside = places[(places >= start) & (places < start + len(batch))] - start
        flat = batch.column(0).take(pa.array(inside)).flatten().to_numpy(zero_copy_only=False)
        found.append(flat.reshape(-1, width))
        start += len(batch)
    return np.concatenate(found)
