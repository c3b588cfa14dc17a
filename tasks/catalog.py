"""The searchable table of rows: built from Parquet artifacts, joined with what was decided."""

from collections.abc import Iterator
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import WinnowError
from schemas.manifest import file_digest
from schemas.params import Params
from tasks.documents import document_batches
from tasks.stage import Paths
from tasks.storage.rows import ROW_GROUP_ROWS, read_rows
from tasks.storage.vectors import VectorStore

DECIDED: Final = ["id", "verdict", "stage", "rule", "quality", "rank"]


def tag_of(paths: Paths, table: str, prefix: str) -> str:
    """The tag that names the content of an artifact: `<prefix>-<12 hex digits of its SHA-256>`."""
    path = paths.table(table)
    if not path.exists():
        raise WinnowError(
            f"{path} is not there",
            remedy="run `dvc repro` (or `dvc pull` if it was made elsewhere)",
        )
    return f"{prefix}-{file_digest(path)[:12]}"


def publish_vectors(params: Params, paths: Paths) -> str:
    """Make sure the store holds the rows of vectors.parquet; returns their tag."""
    tag = tag_of(paths, "vectors", "emb")
    store = VectorStore(paths.store(params.store))
    if not store.has(tag):
        file = pq.ParquetFile(paths.table("vectors"))
        vector = file.schema_arrow.field("vector")
        fields = [pa.field(name, pa.string()) for name in ("id", "source", "text")]
        schema = pa.schema([*fields, pa.field("vector", vector.type)])
        store.publish(_rows(paths, schema), schema, tag)
    return tag


def _rows(paths: Paths, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Rows of vectors.parquet with source and text: both files are sorted by id."""
    ids = read_rows(paths.table("vectors"), ["id"])["id"]
    texts = document_batches(paths.table("documents"), ["id", "source", "text"], ids)
    waiting = pl.DataFrame(schema=dict.fromkeys(("id", "source", "text"), pl.String))
    vectors = pq.ParquetFile(paths.table("vectors"))
    for batch in vectors.iter_batches(ROW_GROUP_ROWS, columns=["id", "vector"]):
        while len(waiting) < len(batch):
            waiting = pl.concat([waiting, next(texts)])
        part, waiting = waiting.head(len(batch)), waiting.slice(len(batch))
        columns = [part[name].to_arrow().cast(pa.string()) for name in ("id", "source", "text")]
        yield pa.RecordBatch.from_arrays([*columns, batch.column("vector")], schema=schema)


def publish_decisions(params: Params, paths: Paths) -> str:
    """Join verdict, rank and quality to the published rows; returns the tag to read them by."""
    base = publish_vectors(params, paths)
    tag = f"{tag_of(paths, 'decisions', 'run')}-{base.removeprefix('emb-')}"
    store = VectorStore(paths.store(params.store))
    if not store.has(tag):
        ids = read_rows(paths.table("vectors"), ["id"])
        decided = read_rows(paths.table("decisions"), DECIDED)
        own = decided.filter(pl.col("rule") != "exact_duplicate").unique("id", keep="first")
        joined = ids.join(own, on="id", how="left", maintain_order="left")
        store.join(base, joined.to_arrow(compat_level=pl.CompatLevel.oldest()), tag)
    return tag
