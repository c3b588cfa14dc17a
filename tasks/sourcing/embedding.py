"""Vectors of texts that are not in the pool, by the pool's model; the cache remembers them."""

import numpy as np
import polars as pl

from schemas.errors import ContractError
from schemas.manifest import Manifest
from schemas.params import Params
from tasks.embed import CHUNK_ROWS, embed_missing, sound
from tasks.encoders import load_encoder
from tasks.paths import Paths
from tasks.sourcing.drawing import Drawn
from tasks.sourcing.nearest import NOWHERE
from tasks.sourcing.pool import Sample
from tasks.storage.vectors import VectorStore


def embed_drawn(drawn: list[Drawn], params: Params, paths: Paths) -> list[Sample]:
    """Embed what was drawn of files; a text in which the model knows no word is left out.

    Raises `ContractError` if the settings name another model than made the pool's vectors.
    """
    if not drawn:
        return []
    encoder = load_encoder(params.embed)
    made_by = Manifest.read(paths.json("embed")).facts["model_identity"]
    if made_by != encoder.identity:
        raise ContractError(
            "the pool's vectors come from another model than embed.model now names",
            expected=f"model {made_by[:12]}",
            where=f"params.yaml: {params.embed.model}",
            remedy="run `winnow run` first, so that pool and candidates are embedded alike",
        )
    cache = VectorStore(paths.store(params.store)).cache(encoder.identity, encoder.width)
    texts = pl.DataFrame(
        {
            "content_sha256": [key for each in drawn for key in each.keys],
            "text": [text for each in drawn for text in each.texts],
        }
    ).unique("content_sha256", keep="first", maintain_order=True)
    missing = texts.join(
        sound(cache, texts), on="content_sha256", how="anti", maintain_order="left"
    )
    embed_missing(encoder, cache, missing.iter_slices(CHUNK_ROWS), len(missing))
    places = dict(cache.places().select("content_sha256", "place").rows())
    return [_sample(each, cache, places) for each in drawn]


def _sample(drawn: Drawn, cache, places: dict[str, int]) -> Sample:  # type: ignore[no-untyped-def]
    found = cache.take(np.array([places[key] for key in drawn.keys]))
    flat = found["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    vectors = flat.reshape(-1, cache.width).astype(np.float32)
    known = np.flatnonzero(np.abs(vectors).max(axis=1) > 0)
    return Sample(
        [drawn.keys[row] for row in known],
        [drawn.texts[row] for row in known],
        vectors[known],
        np.full(len(known), NOWHERE),
    )
