"""Documents as every stage sees them: which ones go on, and what their metadata says."""

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from schemas.errors import SettingsError
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


def metadata_values(metadata: pl.Series, key: str) -> pl.Series:
    """The value of one metadata key, whatever signs it holds, as text; null where there is none."""
    path = f"$[{json.dumps(key, ensure_ascii=False)}]"
    try:
        return metadata.str.json_path_match(path)
    except pl.exceptions.ComputeError:
        raise SettingsError(f"{key!r} cannot be looked up as a metadata key") from None
