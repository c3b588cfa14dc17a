"""Tables as `choose` finds them: thirty rows in three sources, of rising quality."""

import json

import numpy as np
import polars as pl

from schemas.tables import Contaminated
from tasks.stage import Paths
from tasks.storage.rows import write_rows

COUNT = 30
SOURCES = ["books"] * 15 + ["code"] * 10 + ["web"] * 5
LICENCES = ["free", "paid", None]


def fill(paths: Paths, quality: np.ndarray | None = None) -> list[str]:
    """Write documents, vectors and scores; returns the ids, in order."""
    random = np.random.default_rng(7)
    ids, sha = [f"row-{i:02d}" for i in range(COUNT)], "a" * 64
    metadata = [{} if (key := LICENCES[i % 3]) is None else {"my licence": key} for i in range(30)]
    documents = pl.DataFrame(
        {
            "id": [*ids, "row-00"],
            "source": [*SOURCES, "books"],
            "metadata": [json.dumps(fields) for fields in [*metadata, {}]],
            "duplicate_of": [*[None] * COUNT, "row-00"],
        }
    )
    write_rows(paths.table("documents"), documents)
    vectors = random.normal(size=(COUNT, 5))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    series = pl.Series(vectors.astype(np.float32), dtype=pl.Array(pl.Float32, 5))
    frame = pl.DataFrame({"id": ids, "tokens": [10 * i for i in range(COUNT)], "vector": series})
    frame = frame.select("id", "tokens", pl.lit(sha).alias("content_sha256"), "vector")
    write_rows(paths.table("vectors"), frame)
    scores = {
        "id": ids,
        "quality": np.arange(COUNT) / COUNT if quality is None else quality,
        "cluster": [i % 4 for i in range(COUNT)],
        "semantic_keeper_id": None,
        "semantic_similarity": None,
    }
    write_rows(paths.table("contaminated"), Contaminated.empty())
    kinds = {"semantic_keeper_id": pl.String, "semantic_similarity": pl.Float64}
    write_rows(paths.table("scores"), pl.DataFrame(scores, schema_overrides=kinds))
    return ids
