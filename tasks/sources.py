"""Stage `sources`: the settings' files and globs -> sources.json, target.json: files and hashes.

DVC runs it always; `ingest` runs again only if what it finds has changed, `measure` if the target
has.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from schemas.errors import SourceError
from schemas.manifest import Manifest, file_digest
from schemas.params import Params
from tasks.readers.files import SourceFile
from tasks.source_files import local_sources
from tasks.source_objects import SeenHashes, remote_sources
from tasks.stage import Paths, run_stage
from tasks.storage.places import Places, is_remote
from tasks.storage.rows import write_text
from tasks.takedowns import Forgotten

VERSION: Final = "1.0.0"  # DVC reads this line; raise it when equal input may give other output


def run(params: Params, paths: Paths) -> Manifest:
    """Find, check and hash every input file; raises `SourceError` naming the pattern at fault."""
    files = find_sources(params.ingest.sources, paths)
    listing: dict[str, Any] = {"version": VERSION, "files": [asdict(file) for file in files]}
    if params.score.reference:  # read by `score`, which runs again when this file changes
        digest = _reference_digest(params.score.reference, paths)
        listing["reference"] = {"path": params.score.reference, "sha256": digest}
    if forgotten := Forgotten.load(paths.takedowns).digest:  # `ingest` runs again when it changes
        listing["takedowns"] = forgotten
    if evaluations := params.decontaminate.evaluations:  # read by `decontaminate`
        found = find_sources(evaluations, paths, "decontaminate.evaluations")
        listing["evaluations"] = [asdict(file) for file in found]
    if holdout := params.gate.holdout_file:  # read by `gate`
        found = find_sources([holdout], paths, "gate.holdout_file")
        listing["holdout"] = [asdict(file) for file in found]
    _write(paths.json("sources"), listing)
    target = find_sources(params.measure.target, paths, "measure.target")  # read by `measure`
    _write(paths.json("target"), {"files": [asdict(file) for file in target]})
    return Manifest(
        "sources", VERSION, {"sources": params.ingest.sources}, rows={"files": len(files)}
    )


def _write(path: Path, listing: dict[str, Any]) -> None:
    write_text(path, json.dumps(listing, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def _reference_digest(name: str, paths: Paths) -> str:
    """Hash of the file or object; raises `SourceError` if it is not there."""
    if not is_remote(name):
        return file_digest(_readable(paths.root / name))
    places = Places(paths.root)
    found = places.objects.head(name)
    if not found:
        raise _missing(name)
    with SeenHashes(paths.seen_objects) as seen:
        return seen.of(found, places)


def _readable(path: Path) -> Path:
    """The path, if a file is there; raises `SourceError` otherwise."""
    if path.is_file():
        return path
    raise _missing(path.as_posix())


def _missing(name: str) -> SourceError:
    return SourceError(
        f"no file {name!r}",
        expected="a text file, one document per line, or JSONL",
        where="score.reference",
        remedy="correct score.reference in params.yaml (paths count from the checkout's root)",
    )


def read_sources(path: Path, part: str = "files") -> list[SourceFile]:
    """Load what `run` wrote: the sources, or another part of the listing, empty if not there."""
    listing = json.loads(path.read_text(encoding="utf-8"))
    return [SourceFile(**file) for file in listing.get(part, [])]


def find_sources(
    patterns: list[str], paths: Paths, setting: str = "ingest.sources"
) -> list[SourceFile]:
    """Expand patterns, local and `s3://`, to files with their hashes, sorted by path.

    Raises `SourceError`, which names `setting`, for a pattern that means no file.
    """
    remote = [pattern for pattern in patterns if is_remote(pattern)]
    local = [pattern for pattern in patterns if not is_remote(pattern)]
    if unknown := [pattern for pattern in local if "://" in pattern]:
        raise SourceError(
            f"cannot read {unknown[0]!r} directly",
            expected="a local path or s3://bucket/key",
            where=setting,
            remedy="fetch it first (dvc import-url keeps track of it) and name the local copy",
        )
    found = local_sources(local, paths.root, setting)
    if remote:
        with SeenHashes(paths.seen_objects) as seen:
            found += remote_sources(remote, Places(paths.root), seen, setting)
    return sorted(found, key=lambda file: file.path)


if __name__ == "__main__":
    run_stage("sources", run)
