"""The measured past: what each run of a stage worked on, how long it took, how much memory it held.

`artifacts/facts/history.jsonl` has one line per stage that ran, oldest first. Nothing depends on
it: it holds times. Lost or cut, it costs the estimates their precision and nothing else.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from schemas.manifest import Manifest
from tasks.paths import Paths
from tasks.storage.rows import write_text

MOST_BYTES: Final = 2**20  # about 6,000 lines; the older half goes
UNITS: Final = {"sources": "bytes", "ingest": "records", "deduplicate": "documents",
                "embed": "encoded_tokens", "validate": "records"}  # fmt: skip
OTHERS: Final = "vectors"  # what the size of every other stage's work is counted in


@dataclass(frozen=True)
class Entry:
    """One run of a stage. `units` is the size of its work, counted in what `UNITS` says.

    `variant` sets apart what cannot be compared: the model of `embed`, the selector of `choose`.
    """

    stage: str
    version: str
    units: float
    seconds: float
    peak_mb: float | None
    cores: int
    variant: str
    sizes: dict[str, float]


def unit(stage: str) -> str:
    """What a stage's work is counted in."""
    return UNITS.get(stage, OTHERS)


def history_path(paths: Paths) -> Path:
    """Where the history lies."""
    return paths.artifacts / "facts" / "history.jsonl"


def remember(paths: Paths, manifest: Manifest, seconds: float, peak_mb: float | None) -> None:
    """Append one run of a stage; a history grown too long loses its older half."""
    sizes = sizes_here(paths)
    if manifest.stage == "embed":
        sizes |= _tokens(paths, manifest, sizes)
    units = sizes.get(unit(manifest.stage), 0.0)
    cores, variant = os.cpu_count() or 1, variant_of(manifest)
    entry = Entry(manifest.stage, manifest.version, units, seconds, peak_mb, cores, variant, sizes)
    path = history_path(paths)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(entry), sort_keys=True) + "\n")
    if path.stat().st_size > MOST_BYTES:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        write_text(path, "".join(lines[len(lines) // 2 :]))


def variant_of(manifest: Manifest) -> str:
    """What a stage's time depends on beside the size of its work."""
    return str(manifest.facts.get("model_identity") or manifest.params.get("selector") or "")


def read_history(path: Path) -> list[Entry]:
    """All entries, oldest first; a line cut by a crash, or of another version, is passed over."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", errors="replace") as file:
        return [entry for line in file for entry in _entries(line)]


def _entries(line: str) -> Iterator[Entry]:
    try:
        yield Entry(**json.loads(line))
    except (ValueError, TypeError):
        return


def sizes_here(paths: Paths) -> dict[str, float]:
    """What the artifacts hold, as far as the stages have come: of the sources, tables, vectors."""
    sources, ingest = _json(paths.json("sources")), _json(paths.json("ingest"))
    deduplicate, embed = _json(paths.json("deduplicate")), _json(paths.json("embed"))
    cache = _json(paths.artifacts / "facts" / "embed_cache.json")
    found = {
        "bytes": sum(file["bytes"] for file in sources.get("files", [])) or None,
        "records": ingest.get("facts", {}).get("records_read"),
        "documents": ingest.get("rows", {}).get("documents"),
        "kept": deduplicate.get("rows", {}).get("documents"),
        "vectors": embed.get("rows", {}).get("vectors"),
        "encoded_rows": cache.get("encoded_rows"),
        "width": embed.get("facts", {}).get("width"),
    }
    return {name: float(size) for name, size in found.items() if size is not None}


def _tokens(paths: Paths, manifest: Manifest, sizes: dict[str, float]) -> dict[str, float]:
    """Tokens the model read per row, at most its limit, and of the rows that were encoded."""
    import polars as pl

    limit = manifest.params["max_tokens"]
    read = pl.scan_parquet(paths.table("vectors")).select(pl.col("tokens").clip(0, limit).mean())
    mean = float(read.collect().item() or 0.0)
    return {"tokens_per_row": mean, "encoded_tokens": mean * sizes.get("encoded_rows", 0.0)}


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):  # not made yet, or under way
        return {}
