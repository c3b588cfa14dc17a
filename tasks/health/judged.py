"""From vectors.parquet to health.json: measured, judged, told, and refused where that is asked."""

import json
import logging
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Int

from schemas.errors import ContractError
from schemas.params import EmbedParams
from tasks.documents import document_batches
from tasks.encoders import Encoder
from tasks.health import examine, rounded
from tasks.health.alignment import CHANGED, alignment
from tasks.health.pooling import Pooled, pool_rows
from tasks.health.words import advice, cone, gate, headline, warnings
from tasks.paths import Paths
from tasks.storage.rows import vector_batches, write_text

log = logging.getLogger("winnow")


def judge(params: EmbedParams, paths: Paths, width: int, encoder: Encoder | None = None) -> None:
    """Write health.json, log it in one line and every warning in another.

    Alignment is measured with an `encoder` only. Raises `ContractError` for vectors beyond a limit
    if `unhealthy` is `fail`.
    """
    pool = pool_rows(vector_batches(paths.table("vectors")), width)
    found = examine(pool, _sources(pool.sample_ids, paths))
    found["alignment"] = _aligned(pool, paths, encoder, found["mean_cosine"])
    lines = gate(found, params)
    verdict, why = advice(found)
    found |= {"gate": lines, "warnings": warnings(lines), "cone": cone(found)}
    found |= {"advice": {"verdict": verdict, "words": why}}
    write_text(paths.json("health"), json.dumps(found, indent=1) + "\n")
    log.info(headline(found))
    for warning in found["warnings"]:
        log.warning(f"embedding health: {warning}")
    if found["warnings"] and params.unhealthy == "fail":
        raise ContractError(
            "the vectors are not fit for distances:\n    " + "\n    ".join(found["warnings"]),
            where=str(paths.json("health")),
            remedy="another embed.model, or other limits in the block embed; embed.unhealthy=warn "
            "goes on with a warning",
        )


def _aligned(
    pool: Pooled, paths: Paths, encoder: Encoder | None, mean_cosine: float | None
) -> dict[str, Any] | None:
    """How near changed texts of the sample stay; None without an encoder or any direction."""
    if encoder is None or mean_cosine is None:
        return None
    wanted = pl.DataFrame({"id": pool.sample_ids[:CHANGED]}, schema={"id": pl.String})
    batches = document_batches(paths.table("documents"), ["id", "text"], wanted["id"])
    texts = pl.concat([pl.DataFrame(schema={"id": pl.String, "text": pl.String}), *batches])
    rows = wanted.join(texts, on="id", how="left", maintain_order="left")
    found = alignment(encoder, rows["text"].to_list(), pool.sample[: len(rows)], mean_cosine)
    plain: dict[str, Any] = rounded(found)
    return plain


def _sources(ids: list[str], paths: Paths) -> Int[np.ndarray, " m"]:
    """A number for the source of each of these documents."""
    wanted = pl.DataFrame({"id": ids}, schema={"id": pl.String})
    rows = (
        pl.scan_parquet(paths.table("documents"))
        .filter(pl.col("duplicate_of").is_null())
        .select("id", "source")
        .join(wanted.lazy(), on="id", how="semi")
        .collect()
    )
    found = wanted.join(rows, on="id", how="left", maintain_order="left")
    return found["source"].rank("dense").to_numpy().astype(np.int64)
