"""The target of `measure`: rows that the selection should be like, by the run's own model."""

import heapq
import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from schemas.errors import SourceError
from schemas.params import Params
from tasks.engine.neighbours import nearest_in
from tasks.items import COLUMNS, ItemKind, each_item, item_vectors
from tasks.metrics.rows import SAMPLE_ROWS, Rows, Target
from tasks.paths import Paths
from tasks.sources import read_sources

HASH: Final = list(COLUMNS).index("content_sha256")
TEXT: Final = list(COLUMNS).index("text")
log = logging.getLogger("winnow")


def read_target(params: Params, paths: Paths, rows: Rows) -> tuple[Target, dict[str, Any]]:
    """Read and embed the files that stage `sources` listed, and lay their rows into the clusters.

    At most `SAMPLE_ROWS` are taken, those of smallest hash of content: neither the order of the
    rows nor the names of the files have a say. The second part of the answer counts, for the
    record. Raises `SourceError` for a record that cannot be used, and if no row has a direction.
    """
    files = read_sources(paths.json("target"))
    kind = ItemKind("a row of the target", "measure", "measure.target_text_key",
                    params.measure.target_text_key)  # fmt: skip
    counts: Counter[str] = Counter(rows=0, blank_rows=0)
    found = each_item(files, kind, params.ingest.max_record_bytes, paths)
    taken = heapq.nsmallest(SAMPLE_ROWS, _counted(found, counts), key=lambda item: item[HASH])
    vectors = np.empty((0, rows.vectors.shape[1]), dtype=np.float32)
    if taken:
        vectors = item_vectors(pl.DataFrame(taken, schema=COLUMNS, orient="row"), params, paths)
    known = vectors[vectors.any(axis=1)]
    if not len(known):
        raise SourceError(
            "the target has no row that can be compared",
            expected="at least one text with a word that the model knows",
            where=", ".join(params.measure.target),
            remedy="correct measure.target or measure.target_text_key in params.yaml",
        )
    log.info(f"target: {len(known):,} of {counts['rows']:,} rows are compared with")
    facts = {
        "files": [{"path": file.path, "sha256": file.sha256} for file in files],
        **counts,
        "rows_without_direction": len(vectors) - len(known),
        "rows_compared": len(known),
    }
    return Target(known, nearest_clusters(known, rows)), facts


def _counted(items: Iterator[tuple[Any, ...]], counts: Counter[str]) -> Iterator[tuple[Any, ...]]:
    """Yield items that have a text, and count all."""
    for item in items:
        counts["rows"] += 1
        counts["blank_rows"] += not item[TEXT]
        if item[TEXT]:
            yield item


def nearest_clusters(vectors: Float[np.ndarray, "t d"], rows: Rows) -> Int[np.ndarray, " t"]:
    """The pool's cluster for each vector: the one whose mean has the largest cosine to it."""
    order = np.argsort(rows.clusters, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(rows.clusters[order])) + 1)
    means = np.stack([rows.vectors[part].mean(axis=0, dtype=np.float64) for part in parts])
    length = np.linalg.norm(means, axis=1, keepdims=True)
    centres = np.divide(means, length, out=np.zeros_like(means), where=length > 1e-6)
    nearest, _ = nearest_in(vectors, centres.astype(np.float32))
    names: np.ndarray = rows.clusters[[part[0] for part in parts]]
    found: np.ndarray = names[nearest]
    return found
