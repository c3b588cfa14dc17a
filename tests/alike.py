"""Whether the page tells what `winnow why` tells: read from lineage.html itself."""

import base64
import json
import re
import zlib
from typing import Any

import polars as pl

from flows.reasons import explain
from tasks.pages.stories import related
from tasks.paths import Paths
from tasks.telling import story, told_scores


def untold(paths: Paths) -> list[str]:
    """Ids whose stories on the page differ from the terminal's, or are missing there."""
    page = stories(paths)
    ids = pl.read_parquet(paths.table("decisions"))["id"].unique().sort().to_list()
    return [name for name in ids if page.get(name) != _by_terminal(name, paths)]


def stories(paths: Paths) -> dict[str, list[Any]]:
    """Every id of lineage.html with its records, unpacked."""
    text = (paths.artifacts / "lineage.html").read_text(encoding="utf-8")
    packed = re.findall(r'<script type="text/plain" id="[\w-]+">([^<]*)</script>', text)
    index, *chunks = (json.loads(zlib.decompress(base64.b64decode(part))) for part in packed)
    return dict(zip(index["ids"], (each for chunk in chunks for each in chunk), strict=True))


def _by_terminal(name: str, paths: Paths) -> list[Any]:
    found = []
    for record in explain(name, paths):
        marks = [score["percentile"] for score in told_scores(record.get("scores") or [])]
        told = [record["verdict"], *story(record), marks, related(record)]
        found.append(json.loads(json.dumps(told)))
    return found
