"""Where a row is held in a checkout: artifacts, promoted runs, DVC's caches, LanceDB, git."""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from flows.git import git, grep
from flows.lock import LOCK
from flows.repro import objects
from flows.repro.experiments import past_outs
from flows.takedowns import Found
from schemas.params import Params
from tasks.paths import Paths
from tasks.storage.places import is_remote
from tasks.storage.vectors.upkeep import Upkeep
from tasks.traces import MENTIONED_CHARS, Traces

TEXT_BYTES: Final = 200  # of a text, looked for in LanceDB's files as they lie on disk
MOST_SEARCHED: Final = 1000  # values looked for byte by byte; of more, tables and pages tell


@dataclass
class Holders:
    """Everything that holds a trace of the rows; `found` tells it in words."""

    files: list[Path] = field(default_factory=list)  # below artifacts/ and promoted/
    objects: dict[str, Path] = field(default_factory=dict)
    entries: list[Path] = field(default_factory=list)  # of the run cache, of such objects too
    tags: list[str] = field(default_factory=list)
    caches: dict[str, int] = field(default_factory=dict)
    store_files: list[Path] = field(default_factory=list)
    git: list[str] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)


def files_here(paths: Paths) -> Iterator[Path]:
    """Files of artifacts/ and promoted/, LanceDB's and links left out."""
    store = paths.artifacts / "lancedb"
    below = [*paths.artifacts.rglob("*"), *paths.promoted.rglob("*")]
    for path in sorted(below):
        is_own = path != LOCK and store not in path.parents
        if is_own and path.is_file() and not path.is_symlink():
            yield path


def search(traces: Traces, params: Params, paths: Paths) -> Holders:
    """Look everywhere; what is only in git or LanceDB's old files is told too."""
    held = Holders()
    held.files = [path for path in files_here(paths) if traces.in_file(path)]
    held.objects = {
        md5: path for md5, path in objects.all_objects().items() if traces.in_file(path)
    }
    held.entries = [
        entry
        for entry in objects.run_entries()
        if objects.outputs_of(entry) & set(held.objects) or traces.in_file(entry)
    ]
    upkeep = Upkeep(paths.store(params.store))
    held.tags = upkeep.tags_holding(traces.ids)
    held.caches = upkeep.cached(traces.hashes)
    held.store_files = raw_files(traces, paths.store(params.store))
    held.git = in_git(traces, params)
    held.found = list(_told(held))
    return held


def raw_files(traces: Traces, store: Path | str) -> list[Path]:
    """Files of a local LanceDB store with an id, hash or text in them as plain bytes."""
    named = {each for each in traces.ids | traces.hashes if len(each) >= MENTIONED_CHARS}
    sought = [each.encode() for each in named] + [t.encode()[:TEXT_BYTES] for t in traces.texts]
    if is_remote(str(store)) or len(sought) > MOST_SEARCHED:
        return []
    return [
        path for path in sorted(Path(store).rglob("*")) if path.is_file() and _any(path, sought)
    ]


def _any(path: Path, sought: list[bytes]) -> bool:
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(each) >= 0 for each in sought)


def in_git(traces: Traces, params: Params) -> list[str]:
    """`COMMIT:PATH` of settings, lock files and tracked sources in history that name an id."""
    ids = [each for each in traces.ids if len(each) >= MENTIONED_CHARS]
    local = [name for name in params.ingest.sources if not is_remote(name) and ".." not in name]
    paths = ["params.yaml", "dvc.lock", *(name for name in local if not Path(name).is_absolute())]
    commits = git("rev-list", "--all", "--", *paths).decode().split()
    return grep(ids, commits, paths) if ids and commits else []


def _told(held: Holders) -> Iterator[Found]:
    of_runs = past_outs()
    for path in held.files:
        yield Found("promoted run" if path.parts[0] == "promoted" else "artifact", path.as_posix())
    for md5 in held.objects:
        yield Found("DVC cache", md5, of_runs.get(md5, []))
    for entry in held.entries:
        yield Found("DVC run cache", "/".join(entry.parts[-2:]))
    for tag in held.tags:
        yield Found("LanceDB table version", tag)
    for table, count in held.caches.items():
        yield Found("embedding cache", f"{table}: {count} vectors")
    for path in held.store_files:
        yield Found("LanceDB file", path.as_posix())
    for place in held.git:
        yield Found("git history", place)
