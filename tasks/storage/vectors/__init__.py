"""LanceDB: the embedding cache, and the table of rows that people search. Derived, never tracked.

Lance folders differ from run to run though their rows are equal, so Parquet is the artifact and
this store is rebuilt from it whenever the tag of the wanted content is missing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
from jaxtyping import Float, Int

from schemas.errors import StorageError
from tasks.storage.places import is_remote

ROWS: Final = "rows"
SAME_DISTANCE: Final = 1e-6
NO_VERSION: Final = "was not found"  # LanceDB's words


def vector_type(width: int) -> pa.DataType:
    """How a vector is stored everywhere: a fixed-size list of float32."""
    return pa.list_(pa.field("item", pa.float32()), width)


def vector_array(vectors: Float[np.ndarray, "n d"]) -> pa.FixedSizeListArray:
    """Wrap an array as an Arrow column of `vector_type`."""
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, type=vector_type(vectors.shape[1]))


def _remote_options(location: str) -> dict[str, str]:
    """How to reach an address; asks once, since LanceDB's own words for a refusal say little."""
    from tasks.storage.objects import ObjectStore
    from tasks.storage.s3_settings import lance_options

    ObjectStore().check(location)
    return lance_options()


@contextmanager
def explained(location: str) -> Iterator[None]:
    """Put LanceDB's failures in words; on S3 it has retried by itself what may succeed later."""
    try:
        yield
    except (RuntimeError, OSError, ValueError) as error:
        if not is_remote(location):
            told = " ".join(str(error).split())[:300]
            raise StorageError(
                f"LanceDB cannot read or write its files: {told}",
                where=location,
                remedy="if they are damaged, remove that folder: all in it is derived and is made "
                "anew, the vectors too",
            ) from error
        from tasks.storage.s3_errors import words_of

        found = words_of(str(error).partition("\n")[0])[:300]
        raise StorageError(
            f"LanceDB failed on object storage: {found}",
            where=location,
            remedy="check that the credentials may read, write and list there, then run again: "
            "the store is made anew from the Parquet artifacts",
        ) from error


def _cache_name(identity: str) -> str:
    return f"embeddings_{identity[:32]}"


class VectorStore:
    """One LanceDB folder or `s3://` address.

    Many may read it at once and see a tag's rows, whatever is written meanwhile. Raises
    `StorageError` if the address cannot be used.
    """

    def __init__(self, location: Path | str):
        import lancedb

        self.location = str(location)
        options = _remote_options(self.location) if is_remote(self.location) else None
        self.database = lancedb.connect(self.location, storage_options=options)

    def cache(self, identity: str, width: int) -> "EmbeddingCache":
        """The vectors a model has made so far, opened or created."""
        with explained(self.location):
            return EmbeddingCache(self.database, _cache_name(identity), width, self.location)

    def known(self, identity: str) -> pl.Series:
        """Content hashes that a model's cache holds; makes no cache where there is none."""
        cache = self.opened(_cache_name(identity))
        if cache is None:
            return pl.Series(dtype=pl.String)
        with explained(self.location):
            table = cache.to_lance().to_table(columns=["content_sha256"])
        return pl.Series(table["content_sha256"])

    def opened(self, name: str) -> Any | None:
        """A table; None if it has no version, even where a writer was stopped before its first."""
        with explained(self.location):
            if name not in self.database.list_tables().tables:
                return None
            try:
                return self.database.open_table(name)
            except ValueError as error:  # its folder is there, with files that no version names
                if NO_VERSION not in str(error):
                    raise
                return None

    def has(self, tag: str) -> bool:
        """Whether the rows table holds the content named by a tag."""
        table = self.opened(ROWS)
        return table is not None and tag in table.tags.list()

    def name(self, tag: str, name: str) -> None:
        """Give the content that a tag names one more name, or move that name to it."""
        with explained(self.location):
            table = self.database.open_table(ROWS)
            known = table.tags.list()
            if name not in known:
                table.tags.create(name, known[tag]["version"])
            elif known[name]["version"] != known[tag]["version"]:
                table.tags.update(name, known[tag]["version"])

    def publish(self, batches: Iterator[pa.RecordBatch], schema: pa.Schema, tag: str) -> None:
        """Make `batches` the current rows and name them by a tag."""
        reader = pa.RecordBatchReader.from_batches(schema, batches)
        mode = "create" if self.opened(ROWS) is None else "overwrite"
        with explained(self.location):
            table = self.database.create_table(ROWS, reader, mode=mode)
            table.tags.create(tag, table.version)

    def join(self, base_tag: str, columns: pa.Table, tag: str) -> None:
        """Add columns by id to the rows named `base_tag` and name the result (no vector moves)."""
        narrow = [
            pa.field(
                field.name, pa.string() if pa.types.is_large_string(field.type) else field.type
            )
            for field in columns.schema
        ]
        with explained(self.location):
            table = self.database.open_table(ROWS)
            table.checkout(base_tag)
            table.restore()
            data = table.to_lance()  # this version: a tag never names what others wrote meanwhile
            data.merge(columns.cast(pa.schema(narrow)), left_on="id")
            data.tags.create(tag, data.version)

    def nearest(
        self, tag: str, vector: Float[np.ndarray, " d"], k: int, columns: list[str], where: str = ""
    ) -> pl.DataFrame:
        """The k rows of largest cosine to `vector`, ties by id, with column `similarity`."""
        table = self.database.open_table(ROWS)
        table.checkout(tag)

        def within(limit: int, distance: float | None) -> pl.DataFrame:
            query = table.search(vector).distance_type("cosine").select([*columns, "_distance"])
            query = query.where(where, prefilter=True) if where else query
            query = query.distance_range(upper_bound=distance) if distance else query
            found = pl.from_arrow(query.limit(limit).to_arrow())
            assert isinstance(found, pl.DataFrame)
            return found

        found = within(k, None)
        if len(found) == k:  # which of the rows as near as the last came first is chance
            found = within(table.count_rows(), float(found["_distance"][-1]) + SAME_DISTANCE)
        similarity = (1 - pl.col("_distance").cast(pl.Float64)).round(6).alias("similarity")
        found = found.select(*columns, similarity)
        return found.sort("similarity", "id", descending=[True, False]).head(k)


def checksums(tokens: Int[np.ndarray, " b"], vectors: Float[np.ndarray, "b d"]) -> np.ndarray:
    """One number per row, (b,) int64: tokens and the vector's words times odd numbers, added up.

    Modulo 2^64 an odd factor loses no bit, so a row with one altered word never keeps its number.
    """
    words = np.ascontiguousarray(vectors, dtype=np.float32).view(np.uint32).astype(np.uint64)
    rows = np.concatenate([words, np.asarray(tokens).astype(np.uint64)[:, None]], axis=1)
    factors = np.random.default_rng(0).integers(0, 2**63, rows.shape[1], dtype=np.uint64) * 2 + 1
    summed: np.ndarray = (rows * factors).sum(axis=1, dtype=np.uint64)
    return summed.view(np.int64)


class EmbeddingCache:
    """Vectors by content hash, for one model identity: content met again is not embedded again.

    Every row has a checksum, since nothing else here would notice a byte that a disk flipped.
    """

    def __init__(self, database: Any, name: str, width: int, location: str):
        self.schema = pa.schema(
            [
                pa.field("content_sha256", pa.string()),
                pa.field("tokens", pa.int64()),
                pa.field("vector", vector_type(width)),
                pa.field("checksum", pa.int64()),
            ]
        )
        self.width, self.location = width, location
        with explained(location):
            self.table = database.create_table(name, schema=self.schema, exist_ok=True)

    def places(self) -> pl.DataFrame:
        """Every known content hash and the position of its last row: a damaged one is made anew."""
        with explained(self.location):
            known = pl.from_arrow(self.table.to_lance().to_table(columns=["content_sha256"]))
        assert isinstance(known, pl.DataFrame)
        return known.with_row_index("place").unique("content_sha256", keep="last")

    def add(self, hashes: pl.Series, tokens: np.ndarray, vectors: Float[np.ndarray, "b d"]) -> None:
        """Remember vectors of content not known before."""
        columns = [hashes.to_arrow().cast(pa.string()), pa.array(tokens), vector_array(vectors)]
        columns.append(pa.array(checksums(tokens, vectors)))
        with explained(self.location):
            self.table.add(pa.Table.from_arrays(columns, schema=self.schema))

    def take(self, places: np.ndarray) -> pa.Table:
        """The rows at some positions, in that order."""
        with explained(self.location):
            return self.table.to_lance().take(places.tolist())

    def is_sound(self, places: np.ndarray) -> np.ndarray:
        """Whether each row at some positions is, by its checksum, the one that was added."""
        found = self.take(places)
        flat = found["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        here = checksums(found["tokens"].to_numpy(), flat.reshape(-1, self.width))
        same: np.ndarray = here == found["checksum"].to_numpy()
        return same
