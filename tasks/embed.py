"""Stage `embed`: documents that stay -> LanceDB's cache -> vectors.parquet, health.json.

Content whose vector the cache holds (same model, same settings) is not embedded again; which
vectors came from the cache does not show in the output, bit for bit.
"""

import json
import logging
import time
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from schemas.errors import ContractError
from schemas.manifest import Manifest
from schemas.params import Params
from schemas.tables import Vectors, check
from tasks.catalog import publish_vectors
from tasks.documents import document_batches, kept_ids
from tasks.encoders import Encoder, load_encoder
from tasks.health.judged import judge
from tasks.pace import Pace
from tasks.stage import Paths, run_stage, write_manifest
from tasks.storage.rows import ROW_GROUP_ROWS, read_rows, write_batches, write_text
from tasks.storage.vectors import EmbeddingCache, VectorStore, vector_type

VERSION: Final = "1.2.0"  # DVC reads this line; raise it when equal input may give other output
CHUNK_ROWS: Final = 2048  # texts between two writes to the cache: what an interruption can cost
REPORT_SECONDS: Final = 5.0
log = logging.getLogger("winnow")


def run(params: Params, paths: Paths) -> Manifest:
    """Embed every document that is not in the cache and export all vectors, sorted by id."""
    log.info(f"loading the model {params.embed.model}")
    encoder = load_encoder(params.embed)
    cache = VectorStore(paths.store(params.store)).cache(encoder.identity, encoder.width)
    ids = kept_ids(paths)
    keys = read_rows(paths.table("documents"), ["id", "content_sha256", "duplicate_of"])
    keys = keys.filter(pl.col("duplicate_of").is_null()).join(ids.to_frame(), on="id", how="semi")
    missing = keys.join(sound(cache, keys), on="content_sha256", how="anti").sort("id")
    known = len(keys) - len(missing)
    log.info(f"{len(missing):,} rows to encode, {known:,} known, on {encoder.device}")
    texts = document_batches(paths.table("documents"), ["text", "content_sha256"], missing["id"])
    embed_missing(encoder, cache, texts, len(missing))
    empty = export(cache, keys.sort("id"), paths)
    judge(params.embed, paths, encoder.width, encoder)
    facts = {"encoded_rows": len(missing), "cached_rows": len(keys) - len(missing)}
    write_text(paths.artifacts / "facts" / "embed_cache.json", json.dumps(facts) + "\n")
    manifest = Manifest(
        stage="embed",
        version=VERSION,
        params=params.embed.model_dump(),
        rows={"documents": len(keys), "vectors": len(keys) - empty},
        facts={"model_identity": encoder.identity, "width": encoder.width, "zero_vectors": empty},
    )
    inputs = (paths.table("documents"), paths.table("duplicates"))
    outputs = (paths.table("vectors"), paths.json("health"))
    manifest = write_manifest(paths, manifest, inputs, outputs)
    publish_vectors(params, paths)
    return manifest


def sound(cache: EmbeddingCache, keys: pl.DataFrame) -> pl.DataFrame:
    """The content hashes of `keys` whose vectors the cache holds as they were when it got them."""
    placed = keys.join(cache.places(), on="content_sha256", how="inner").sort("place")
    whole = [cache.is_sound(part["place"].to_numpy()) for part in placed.iter_slices(CHUNK_ROWS)]
    found = placed.filter(pl.Series(np.concatenate(whole) if whole else [], dtype=pl.Boolean))
    if damaged := len(placed) - len(found):
        log.warning(
            f"{damaged:,} vectors in the embedding cache were damaged and are made anew; check the "
            f"disk that holds {cache.location}"
        )
    return found.select("content_sha256")


def embed_missing(
    encoder: Encoder, cache: EmbeddingCache, texts: Iterable[pl.DataFrame], total: int
) -> None:
    """Encode texts (columns text, content_sha256) into the cache, by chunks, telling the pace."""
    started = told = time.monotonic()
    done = 0
    for frame in texts:
        for chunk in frame.iter_slices(CHUNK_ROWS):
            vectors = np.zeros((len(chunk), encoder.width), dtype=np.float32)
            tokens = np.zeros(len(chunk), dtype=np.int64)
            for part in encoder.encode(chunk["text"].to_list()):
                vectors[part.positions], tokens[part.positions] = part.vectors, part.tokens
                done += len(part.positions)
                now = time.monotonic()
                if now - told > REPORT_SECONDS:
                    told = now
                    log.info(Pace.after("embedded", done, now - started, total).line())
            cache.add(chunk["content_sha256"], tokens, vectors)


def export(cache: EmbeddingCache, keys: pl.DataFrame, paths: Paths) -> int:
    """Write vectors.parquet from the cache; rows without a direction are left out and counted."""
    placed = keys.join(cache.places(), on="content_sha256", how="left", maintain_order="left")
    if placed["place"].null_count():
        raise ContractError("the embedding cache lost rows it was given", where=cache.location)
    schema = pa.schema(
        [
            pa.field("id", pa.string()),
            pa.field("tokens", pa.int64()),
            pa.field("content_sha256", pa.string()),
            pa.field("vector", vector_type(cache.width)),
        ]
    )
    written = 0

    def tables() -> Iterator[pa.Table]:
        nonlocal written
        for part in placed.iter_slices(ROW_GROUP_ROWS):
            found = cache.take(part["place"].to_numpy())
            vectors = found["vector"].combine_chunks()
            flat = vectors.flatten().to_numpy(zero_copy_only=False).reshape(-1, cache.width)
            whole = pa.array(np.abs(flat).max(axis=1) > 0)
            columns = [part["id"].to_arrow().cast(pa.string()), found["tokens"]]
            columns += [found["content_sha256"], vectors.cast(vector_type(cache.width))]
            table = pa.Table.from_arrays(columns, schema=schema).filter(whole)
            check(Vectors, pl.DataFrame(table))
            written += len(table)
            yield table

    write_batches(paths.table("vectors"), schema, tables())
    return len(keys) - written


if __name__ == "__main__":
    run_stage("embed", run)
