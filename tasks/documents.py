"""Which documents go on, not set aside as a duplicate: one answer for every stage."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from tasks.stage import Paths
from tasks.storage.rows import ROW_GROUP_ROWS, read_rows


def kept_ids(paths: Paths) -> pl.Series:
    """Ids of the documents that have no better twin, ascending."""
    documents = read_rows(paths.table("documents"), ["id", "duplicate_of"])
    near = read_rows(paths.table("duplicates"), ["id", "kind"]).filter(pl.col("kind") == "near")
    first = documents.filter(pl.col("duplicate_of").is_null())
    return first.join(near, on="id", how="anti").sort("id")["id"]


def document_batches(path: Path, columns: list[str], ids: pl.Series) -> Iterator[pl.DataFrame]:
    """Stream some columns of the documents with these ids (each id's keeper only), in id order."""
    wanted = pl.DataFrame({"id": ids})
    read = sorted({*columns, "id", "duplicate_of"})
    for batch in pq.ParquetFile(path).iter_batches(ROW_GROUP_ROWS, columns=read):
        frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)
        first = frame.filter(pl.col("duplicate_of").is_null())
        kept = first.join(wanted, on="id", how="semi", maintain_order="left")
        if len(kept):
            yield kept.select(columns)
