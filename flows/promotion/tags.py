"""The searchable table's tags: `promoted-<run>` on the version of each promoted run, and `current`.

The tags follow promoted/current: whoever must never see a mixture asks that link for the name.
"""

import tempfile
from pathlib import Path
from typing import Final

import yaml

from flows.promotion.files import RunFiles
from schemas.params import Params
from tasks.catalog import publish_decisions
from tasks.paths import Paths
from tasks.storage.places import is_remote
from tasks.storage.vectors import VectorStore

CURRENT: Final = "current"
SEARCHED: Final = ("documents.parquet", "vectors.parquet", "decisions.parquet")


def tag_of_run(name: str) -> str:
    """The tag of a promoted run."""
    return f"promoted-{name}"


def tag_run(paths: Paths, run: RunFiles) -> None:
    """Tag the run's version of the table, which is made anew from its artifacts if it is gone."""
    location = store_of(paths, run)
    store = VectorStore(location)
    if store.has(tag_of_run(run.name)):
        return
    with tempfile.TemporaryDirectory(prefix="winnow-promote-") as temporary:
        seen = Paths(Path(temporary))
        seen.artifacts.mkdir()
        for name, place in run.paths(SEARCHED).items():
            (seen.artifacts / name).symlink_to(place.resolve())
        version = publish_decisions(Params(store=str(location)), seen)
    store.name(version, tag_of_run(run.name))


def tag_current(paths: Paths, run: RunFiles) -> None:
    """Move the tag `current` to the run's version."""
    VectorStore(store_of(paths, run)).name(tag_of_run(run.name), CURRENT)


def store_of(paths: Paths, run: RunFiles) -> Path | str:
    """The store that the run's own settings name; a folder as an absolute path."""
    found = paths.store((yaml.safe_load(run.params) or {}).get("store") or "")
    return found if is_remote(str(found)) else Path(found).resolve()
