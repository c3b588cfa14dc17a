"""What a run came to: its stages with state, version, rows and seconds."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from schemas.manifest import Manifest
from tasks.sources import read_sources
from tasks.stage import Paths, manifest_path


@dataclass(frozen=True)
class Outcome:
    """One stage of a run: `state` is Completed (it ran) or Cached; `rows` per output table."""

    stage: str
    state: str
    version: str
    rows: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


def row_counts(paths: Paths, stage: str) -> dict[str, int]:
    """Rows of each table a stage wrote, from its manifest; of `sources`, the files it found."""
    if stage == "sources":
        return {"files": len(read_sources(paths.json("sources")))}
    return Manifest.read(manifest_path(paths, stage)).rows


def as_json(outcomes: Iterable[Outcome], report: Path) -> str:
    """Render a finished run as one JSON object: `stages` and the path of the `report`."""
    stages = [outcome.__dict__ for outcome in outcomes]
    return json.dumps({"stages": stages, "report": str(report)}, indent=2)
