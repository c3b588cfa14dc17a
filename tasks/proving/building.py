"""From the file named to the task: read, embed, hold out, and keep copies off the test rows."""

import logging
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from schemas.errors import SourceError
from schemas.params import Params
from schemas.proof import ProveParams
from tasks.embed import embed_missing, sound
from tasks.encoders import load_encoder
from tasks.paths import Paths
from tasks.proving.reading import read
from tasks.proving.splitting import by_column, by_hash, copies
from tasks.proving.task import Others, Task
from tasks.readers.files import split_name
from tasks.readers.records import digest
from tasks.storage.vectors import VectorStore

log = logging.getLogger("winnow")


@dataclass(frozen=True)
class Built:
    """A task, and what became of the records that are not in it."""

    task: Task
    facts: dict[str, object] = field(default_factory=dict)


def build(asked: ProveParams, params: Params, paths: Paths) -> Built:
    """Make the task; raises `SettingsError` for wrong columns, `SourceError` for too few rows."""
    readings = read(asked, paths)
    vectors, tokens = embed(readings.rows, params, paths)
    other_vectors = embed(_others(readings.rows), params, paths)[0] if asked.against else vectors
    sound_rows = (vectors != 0).any(axis=1) & (other_vectors != 0).any(axis=1)
    rows = readings.rows.filter(pl.Series(sound_rows))
    vectors, tokens = vectors[sound_rows], np.maximum(tokens[sound_rows], 1)
    train, test = _split(rows, asked, params.seed)
    doubles = copies(rows["text"], train, test, params.deduplicate, params.seed)
    test[doubles] = False
    for side, found in (("train", train), ("test", test)):
        if found.sum() < 2:
            raise SourceError(
                f"{int(found.sum())} {side} rows are left",
                expected="at least 2",
                where=f"{len(rows):,} usable rows, {len(doubles):,} test rows near a train row; "
                f"not usable: {readings.unused or 'none'}",
            )
    task = Task(
        name=asked.name or name_of(asked.source[0]),
        ids=tuple(rows["id"]),
        texts=tuple(rows["text"]),
        vectors=vectors,
        tokens=tokens,
        labels=_codes(rows["label"]) if asked.label else None,
        ratings=rows["rating"].to_numpy() if asked.rating else None,
        train=np.flatnonzero(train),
        test=np.flatnonzero(test),
        others=Others(tuple(rows["other"]), other_vectors[sound_rows]) if asked.against else None,
    )
    facts = {
        "rows": len(rows),
        "train": len(task.train),
        "test": len(task.test),
        "classes": task.classes,
        "copies_removed_from_test": len(doubles),
        "neither_train_nor_test": int((~train & ~test).sum()) - len(doubles),
        "without_a_vector": int((~sound_rows).sum()),
        "not_usable": readings.unused,
    }
    return Built(task, facts)


def name_of(source: str) -> str:
    """A name for a file's result: the file's own, of letters, digits and _ . - alone."""
    stem = split_name(Path(source).name)[0]
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-.") or "proof"


def embed(
    rows: pl.DataFrame, params: Params, paths: Paths
) -> tuple[Float[np.ndarray, "n d"], Int[np.ndarray, " n"]]:
    """Vectors and tokens of the rows, through the embedding cache; zeros where a text has none."""
    encoder = load_encoder(params.embed)
    cache = VectorStore(paths.store(params.store)).cache(encoder.identity, encoder.width)
    keys = rows.unique("content_sha256", keep="first", maintain_order=True)
    keys = keys.select("content_sha256", "text")
    missing = keys.join(
        sound(cache, keys.select("content_sha256")), on="content_sha256", how="anti"
    )
    log.info(f"{len(missing):,} texts to encode, {len(keys) - len(missing):,} known")
    embed_missing(encoder, cache, [missing], len(missing))
    placed = rows.select("content_sha256").join(
        cache.places(), on="content_sha256", how="left", maintain_order="left"
    )
    found = cache.take(placed["place"].to_numpy())
    flat = found["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(-1, cache.width), found["tokens"].to_numpy().copy()


def _others(rows: pl.DataFrame) -> pl.DataFrame:
    """The other texts as rows to be encoded."""
    digests = [digest(text.encode()) for text in rows["other"]]
    return rows.select(text="other", content_sha256=pl.Series(digests, dtype=pl.String))


def _split(rows: pl.DataFrame, asked: ProveParams, seed: int) -> tuple[np.ndarray, np.ndarray]:
    if asked.split:
        train, test = by_column(rows["split"])
        return train.copy(), test.copy()
    test = by_hash(rows["content_sha256"], rows["label"], asked.holdout_share, seed)
    return ~test, test


def _codes(labels: pl.Series) -> Int[np.ndarray, " n"]:
    _, codes = np.unique(labels.to_numpy().astype(str), return_inverse=True)
    return codes.astype(np.int64)
