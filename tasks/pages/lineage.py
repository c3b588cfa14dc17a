"""The page lineage.html: the chain of stages, and every row's story packed for the browser.

Stories are told here, in the words of `winnow why`, and packed in chunks: the browser inflates an
index of ids when it opens and one chunk when it is asked for a row, so size does not slow it.
"""

import base64
import json
import zlib
from typing import Any, Final

import numpy as np
import polars as pl

from schemas.manifest import Manifest
from tasks.pages import content
from tasks.pages.graph import graph
from tasks.pages.stories import for_page, gather, told_ids
from tasks.paths import Paths

CHUNK_ROWS: Final = 256  # about 100 kB inflated: a few milliseconds
STEPS: Final = 1000  # of a coordinate's unit: places have three decimals
MARKS: Final = {"kept": "k", "dropped": "d", "duplicate": "u", "quarantined": "q"}


def lineage(
    rows: pl.DataFrame,
    points: pl.DataFrame,
    manifests: dict[str, Manifest],
    limit: int,
    paths: Paths,
) -> dict[str, Any]:
    """Everything the page shows: `rows` is the ledger with kind, `points` its rows on the map."""
    ids = told_ids(rows, points["id"].to_list(), limit)
    kept, total = int((rows["verdict"] == "kept").sum()), rows["id"].n_unique()
    stories = [[for_page(row) for row in records] for _, records in gather(rows, ids, paths)]
    parts = [stories[start : start + CHUNK_ROWS] for start in range(0, len(ids), CHUNK_ROWS)]
    return {
        "title": f"Winnow: the lineage of {kept:,} rows",
        "kept": kept,
        "told": len(ids),
        "total": total,
        "index": packed(index(ids, rows, points)),
        "chunks": [packed(part) for part in parts],
        "graph": graph(manifests),
        "stages": content.stage_table(list(manifests.values())),
        "model": str(manifests["embed"].params.get("model", "")),
        "identity": str(manifests["embed"].facts.get("model_identity", "")),
    }


def index(ids: list[str], rows: pl.DataFrame, points: pl.DataFrame) -> dict[str, Any]:
    """Ids in order, a letter for what became of each, and the map: places and whose they are."""
    best = {MARKS[kind]: place for place, kind in enumerate(MARKS)}
    letters = rows.select("id", mark=pl.col("kind").replace_strict(MARKS, return_dtype=pl.String))
    first = letters.sort(pl.col("mark").replace_strict(best)).unique("id", keep="first")
    marks = dict(first.iter_rows())
    at = {name: place for place, name in enumerate(ids)}
    shown = points.filter(pl.col("id").is_in(ids))
    return {
        "ids": ids,
        "marks": "".join(marks[name] for name in ids),
        "chunk_rows": CHUNK_ROWS,
        "points": {
            "at": [at[name] for name in shown["id"]],
            "marks": "".join(MARKS[kind] for kind in shown["kind"]),
            **{axis: np.rint(shown[axis].to_numpy() * STEPS).astype(int).tolist() for axis in "xy"},
        },
    }


def packed(value: Any) -> str:
    """JSON, deflated, in base64: no character of the corpus stands in the page as it is."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode("utf-8"), 6)).decode("ascii")
