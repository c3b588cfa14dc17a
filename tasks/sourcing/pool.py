"""The current pool: its rows by source, in the order of drawing, and what other sources share."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from schemas.errors import SourceError
from tasks.documents import document_batches
from tasks.paths import Paths
from tasks.sourcing.drawing import priority
from tasks.storage.rows import read_rows, read_vectors_at

MOST_SOURCES: Final = 30  # judged; the largest by rows, ties by name
NEEDED: Final = ("documents", "duplicates", "vectors")


@dataclass(frozen=True)
class Sample:
    """Rows in order of priority: content hashes, texts, unit vectors, places in the pool."""

    keys: list[str]
    texts: list[str]
    vectors: Float[np.ndarray, "n d"]
    place: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True)
class Pool:
    """Rows with a vector, in order of id. `source` numbers `names`; the last may be all others.

    `order`: places by rising priority. `documents`: rows per source before duplicates were set
    aside; `shared`: those of them that have a twin in another source.
    """

    paths: Paths
    ids: pl.Series
    keys: pl.Series
    source: Int[np.ndarray, " n"]
    names: list[str]
    documents: dict[str, int]
    shared: dict[str, int]
    order: Int[np.ndarray, " n"]
    seed: int

    def draw(self, places: Int[np.ndarray, " n"]) -> Sample:
        """Read the rows at some places; the sample keeps their order."""
        rising = np.unique(places)
        ids = self.ids.gather(rising)
        batches = document_batches(self.paths.table("documents"), ["id", "text"], ids)
        none = pl.DataFrame(schema={"id": pl.String, "text": pl.String})
        texts = pl.concat([none, *batches])
        back = np.searchsorted(rising, places)
        found = ids.to_frame().join(texts, on="id", how="left", maintain_order="left")
        vectors = read_vectors_at(self.paths.table("vectors"), rising)[back]
        return Sample(
            self.keys.gather(places).to_list(),
            found["text"].gather(back).to_list(),
            vectors,
            np.asarray(places, dtype=np.int64),
        )


def load_pool(paths: Paths, seed: int) -> Pool:
    """Read the keys of the pool; raises `SourceError` where no run has left one."""
    if missing := [name for name in NEEDED if not paths.table(name).exists()]:
        raise SourceError(
            f"there is no pool yet: {paths.table(missing[0]).name} is missing",
            where=str(paths.artifacts),
            remedy="run `winnow run` (or dvc pull) first",
        )
    rows = read_rows(paths.table("vectors"), ["id", "content_sha256"])
    documents = read_rows(paths.table("documents"), ["id", "source", "duplicate_of"])
    first = documents.filter(pl.col("duplicate_of").is_null()).select("id", "source")
    named = rows.join(first, on="id", how="left", maintain_order="left")["source"]
    sizes = named.value_counts(name="rows").sort(["rows", "source"], descending=[True, False])
    names = sizes["source"].to_list()[:MOST_SOURCES]
    codes = pl.DataFrame({"source": names, "code": np.arange(len(names))})
    source = named.to_frame().join(codes, on="source", how="left", maintain_order="left")["code"]
    keys = rows["content_sha256"]
    priorities = np.array([priority(seed, key) for key in keys.to_list()], dtype=np.uint64)
    return Pool(
        paths,
        rows["id"],
        keys,
        source.fill_null(len(names)).to_numpy().astype(np.int64),
        names,
        dict(documents["source"].value_counts(name="rows").rows()),
        _shared(documents, read_rows(paths.table("duplicates"), ["id", "keeper_id"])),
        np.argsort(priorities, kind="stable"),
        seed,
    )


def _shared(documents: pl.DataFrame, duplicates: pl.DataFrame) -> dict[str, int]:
    """Documents per source that have a twin, by stage `deduplicate`, in another source."""
    source_of = documents.select("id", "source").unique("id", keep="first", maintain_order=True)
    pairs = (
        duplicates.join(source_of, on="id", how="inner")
        .join(source_of, left_on="keeper_id", right_on="id", how="inner", suffix="_keeper")
        .filter(pl.col("source") != pl.col("source_keeper"))
    )
    both = pl.concat([
        pairs.select("id", "source"),
        pairs.select(id=pl.col("keeper_id"), source=pl.col("source_keeper")),
    ]).unique()  # fmt: skip
    return dict(both["source"].value_counts(name="rows").rows())
