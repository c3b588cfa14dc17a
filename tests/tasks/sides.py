"""Small sides of a comparison, written as a run's own tables."""

import hashlib
from pathlib import Path

import numpy as np
import polars as pl

from schemas.manifest import Manifest
from tasks.comparing.side import LEDGER, Side
from tasks.storage.rows import write_rows, write_text

WIDTH = 8


def content(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def make_side(
    folder: Path,
    texts: dict[str, str],
    chosen: list[str],
    quarantined: tuple[str, ...] = (),
    sources: dict[str, str] | None = None,
    model: str = "m",
) -> Side:
    """Write a run that read `texts` (id -> text) and chose some; the rest is outranked.

    A row's vector depends on its text and the model alone, its cluster on the first letter of it.
    """
    ids = sorted(texts)
    documents = pl.DataFrame(
        {"id": ids, "text": [texts[name] for name in ids],
         "source": [(sources or {}).get(name, "web") for name in ids],
         "content_sha256": [content(texts[name]) for name in ids],
         "duplicate_of": [None] * len(ids)},
        schema_overrides={"id": pl.String, "text": pl.String, "source": pl.String,
                          "content_sha256": pl.String, "duplicate_of": pl.String},
    )  # fmt: skip
    vectors = (
        np.stack([vector(texts[name], model) for name in ids]) if ids else np.empty((0, WIDTH))
    )
    clusters = [ord(texts[name][:1] or "a") % 3 for name in ids]
    tables = {
        "documents": documents,
        "decisions": ledger(ids, chosen, quarantined),
        "scores": pl.DataFrame({"id": ids, "cluster": clusters},
                               schema={"id": pl.String, "cluster": pl.Int64}),
        "vectors": pl.DataFrame({"id": documents["id"], "vector": vectors.astype(np.float32)},
                                schema_overrides={"vector": pl.Array(pl.Float32, WIDTH)}),
        "selection": pl.DataFrame({"id": chosen, "rank": range(1, len(chosen) + 1)},
                                  schema={"id": pl.String, "rank": pl.Int64}),
    }  # fmt: skip
    for name, table in tables.items():
        write_rows(folder / f"{name}.parquet", table)
    manifest = Manifest("embed", "1.0.0", {"model": model}, facts={"model_identity": model * 12})
    write_text(folder / "embed.json", manifest.to_json())
    return Side(folder.name, folder / "selection.parquet", folder)


def vector(text: str, model: str) -> np.ndarray:
    seed = int(content(text[:1])[:8], 16)
    near = np.random.default_rng(int(content(model + text)[:8], 16)).standard_normal(WIDTH)
    found = np.random.default_rng(seed).standard_normal(WIDTH) + 0.05 * near
    return found / np.linalg.norm(found)


def ledger(ids: list[str], chosen: list[str], quarantined: tuple[str, ...]) -> pl.DataFrame:
    rows = [_decision(name, chosen) for name in ids]
    rows += [
        {"id": name, "verdict": "quarantined", "stage": "ingest", "rule": "blank_text",
         "detail": "column text"} for name in quarantined
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=LEDGER)


def _decision(name: str, chosen: list[str]) -> dict:
    if name in chosen:
        return {"id": name, "verdict": "kept", "stage": "choose", "rule": "gain", "detail": ""}
    keeper = {"keeper_id": chosen[0], "similarity": 0.5} if chosen else {}
    return {"id": name, "verdict": "dropped", "stage": "choose", "rule": "outranked",
            "detail": "", **keeper}  # fmt: skip


def comparison(side: Side, value: float, half: float | None) -> None:
    """Give a side one metric with an interval of `half` to either side, and one without."""
    low, high = (None, None) if half is None else (value - half, value + half)
    rows = [("selected", "coverage_mean", value, low, high, "jackknife", 1, "higher"),
            ("selected", "rows", 10.0, None, None, "", 1, "neither")]  # fmt: skip
    names = ("subset", "metric", "value", "low", "high", "interval", "draws", "better")
    kinds = {"low": pl.Float64, "high": pl.Float64}
    table = pl.DataFrame(rows, schema=names, orient="row", schema_overrides=kinds)
    write_rows(side.folder / "comparison.parquet", table)
