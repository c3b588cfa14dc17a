"""From vectors.parquet to health.json: measured, judged, told, and refused where that is asked."""

import json
import logging

import numpy as np
import polars as pl
from jaxtyping import Int

from schemas.errors import ContractError
from schemas.params import EmbedParams
from tasks.health import examine
from tasks.health.pooling import pool_rows
from tasks.health.words import advice, cone, gate, headline, warnings
from tasks.paths import Paths
from tasks.storage.rows import vector_batches, write_text

log = logging.getLogger("winnow")


def judge(params: EmbedParams, paths: Paths, width: int) -> None:
    """Write health.json, log it in one line and every warning in another.

    Raises `ContractError` for vectors beyond a limit if `unhealthy` is `fail`.
    """
    pool = pool_rows(vector_batches(paths.table("vectors")), width)
    found = examine(pool, _sources(pool.sample_ids, paths))
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
