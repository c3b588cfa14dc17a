"""The small JSON file each stage leaves beside its tables: what ran, on what, with what result."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 1


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Manifest:
    """Deterministic facts of one stage run: equal inputs give equal bytes (no times, no hosts).

    `rows` counts the rows of each output table; `inputs` and `outputs` map file names to SHA-256;
    `facts` holds what the stage itself wants to state (totals, methods, scales).
    """

    stage: str
    version: str
    params: dict[str, Any]
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> str:
        """Render with sorted keys and a final newline, so that equal manifests are equal files."""
        return json.dumps(asdict(self), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, path: Path) -> "Manifest":
        """Load what `to_json` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))
