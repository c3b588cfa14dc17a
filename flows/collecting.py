"""`winnow gc`: what no kept or promoted run, branch, tag or the workspace needs, told and removed.

Kept: every run unless --keep-runs says how many, promoted ones always; of DVC's cache what they,
the workspace, HEAD, and the tips of branches and tags name; LanceDB's versions of the same runs.
"""

import json
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import polars as pl

from flows import repro
from flows.console import columns
from flows.git import git
from flows.lock import run_lock
from flows.repro import objects
from flows.repro.cached import output
from flows.repro.experiments import Kept, kept_by_age, locked_outs, reference
from schemas.params import Params
from tasks.stage import Paths, load_params
from tasks.storage.vectors.upkeep import Upkeep

STORE_TABLES: Final = {"artifacts/embed.json": "vectors", "artifacts/validation.json": "decisions"}
UNFINISHED_DAYS: Final = 7  # what an interrupted stage left is waited for so long
DAY_SECONDS: Final = 86_400


@dataclass(frozen=True)
class Part:
    """One kind of thing that can go: how many, how large; `kept` says why the rest of it stays."""

    what: str
    count: int
    bytes: int
    kept: str = ""


@dataclass(frozen=True)
class Step:
    """A part and how it is removed."""

    part: Part
    remove: Callable[[], object]


def collect(
    dry_run: bool, keep_runs: int | None, embeddings: bool, grace_minutes: float, as_json: bool
) -> str:
    """Find what can go and, unless `dry_run`, remove it; raises `BusyError` while a run is on."""
    with run_lock("winnow gc"):
        paths = Paths()
        params = load_params(paths.params)
        repro.ensure_free(paths.params)
        runs = kept_by_age()
        stale = stale_runs(runs, keep_runs, promoted_names(paths))
        left = [run for run in runs if run not in stale]
        steps = [_runs(stale), *_cache(left), *_store(params, paths, left, embeddings,
                 60 * grace_minutes), _unfinished(paths)]  # fmt: skip
        if not dry_run:
            for step in steps:
                step.remove()
            git("gc", "--auto", "--quiet")
    parts = [step.part for step in steps]
    if as_json:
        listed = [asdict(part) for part in parts]
        total = sum(part.bytes for part in parts)
        return json.dumps({"dry_run": dry_run, "bytes": total, "parts": listed}, indent=2)
    return _words(parts, [run.name for run in stale], dry_run)


def promoted_names(paths: Paths) -> set[str]:
    """Names of the promoted runs: they are never removed."""
    return {path.name for path in paths.promoted.glob("*") if not path.is_symlink()}


def stale_runs(runs: Sequence[Kept], keep: int | None, promoted: Collection[str]) -> list[Kept]:
    """Runs beyond the `keep` newest that are not promoted; none where `keep` is None."""
    return [] if keep is None else [run for run in runs[keep:] if run.name not in promoted]


def _runs(stale: Sequence[Kept]) -> Step:
    def remove() -> None:
        for run in stale:
            git("update-ref", "-d", reference(run.baseline, run.name), run.commit)

    return Step(Part("runs beyond --keep-runs", len(stale), 0), remove)


def _cache(left: Sequence[Kept]) -> list[Step]:
    """Objects of DVC's cache, and entries of its run cache that nothing can be restored from."""
    if not objects.is_own():
        why = "the cache lies outside this checkout, others may share it: dvc gc --projects"
        return [Step(Part("objects of DVC's cache", 0, 0, why), lambda: None)]
    held, needed = objects.all_objects(), objects.needed([run.commit for run in left])
    gone = {md5: path for md5, path in held.items() if md5 not in needed}
    entries = objects.dangling(objects.run_entries(), set(held) - set(gone))
    return [
        Step(
            Part("objects of DVC's cache", len(gone), _size(gone.values())),
            lambda: objects.collect(needed),
        ),
        Step(Part("entries of DVC's run cache", len(entries), _size(entries)), _unlinker(entries)),
    ]


def _store(
    params: Params, paths: Paths, left: Sequence[Kept], embeddings: bool, grace_seconds: float
) -> list[Step]:
    """LanceDB's old versions and orphaned files; vectors of contents no run has, if asked for."""
    if params.store:
        why = "store lies outside artifacts/, other checkouts may use it"
        return [Step(Part("LanceDB", 0, 0, why), lambda: None)]
    upkeep = Upkeep(paths.store(""))
    lists = [repro.lock_entries(), *(locked_outs(run) for run in left)]
    found = _forgettable(upkeep, lists) if embeddings else {}
    needed = {tag for outs in lists for tag in store_tags(outs)}
    wastes = [upkeep.wasted(table, needed, grace_seconds) for table in upkeep.tables()]

    def remove() -> None:
        for table, hashes in found.items():
            upkeep.forget(table, hashes)
        for waste in wastes:
            upkeep.reclaim(waste)

    versions = sum(waste.versions for waste in wastes)
    orphans = [path for waste in wastes for path in waste.orphans]
    vectors = sum(len(hashes) for hashes in found.values())
    return [
        Step(Part("vectors no run has", vectors, sum(
            len(hashes) * upkeep.row_bytes(table) for table, hashes in found.items())), remove),
        Step(Part("old versions in LanceDB", versions, sum(w.version_bytes for w in wastes)),
             lambda: None),
        Step(Part("orphaned files of LanceDB", len(orphans), _size(orphans)), lambda: None),
    ]  # fmt: skip


def store_tags(outs: Sequence[repro.LockedOut]) -> set[str]:
    """LanceDB's tags of a run, from its manifests; none where the cache has them no more.

    The store is derived: a version that is missed is made again from Parquet.
    """
    digests = {}
    for out in outs:
        if table := STORE_TABLES.get(out.path):
            content = output(out.path, out.md5)
            if content is not None:
                digests[table] = json.loads(content)["outputs"][f"{table}.parquet"][:12]
    if "vectors" not in digests:
        return set()
    tags = {f"emb-{digests['vectors']}"}
    if "decisions" in digests:
        tags.add(f"run-{digests['decisions']}-{digests['vectors']}")
    return tags


def _forgettable(upkeep: Upkeep, lists: Sequence[Sequence[repro.LockedOut]]) -> dict[str, set[str]]:
    """Contents by embedding cache that no run's vectors have."""
    held, wanted = objects.all_objects(), set()
    for outs in lists:
        for out in outs:
            if out.path == "artifacts/vectors.parquet" and out.md5 in held:
                table = pl.read_parquet(held[out.md5], columns=["content_sha256"])
                wanted |= set(table["content_sha256"])
    found = {table: upkeep.contents(table) - wanted for table in upkeep.caches()}
    return {table: hashes for table, hashes in found.items() if hashes}


def _unfinished(paths: Paths) -> Step:
    """What interrupted stages left behind, once nobody comes back for it."""
    before = time.time() - UNFINISHED_DAYS * DAY_SECONDS
    left = [*paths.progress("").glob("*/"), paths.artifacts / ".ingest.partial"]
    old = [path for path in left if path.is_dir() and _newest(path) < before]
    size = _size(path for folder in old for path in folder.rglob("*") if path.is_file())

    def remove() -> None:
        for path in old:
            shutil.rmtree(path)

    return Step(Part(f"stages unfinished for {UNFINISHED_DAYS} days", len(old), size), remove)


def _newest(folder: Path) -> float:
    return max(path.stat().st_mtime for path in [folder, *folder.rglob("*")])


def _unlinker(paths: Sequence[Path]) -> Callable[[], None]:
    def remove() -> None:
        for path in paths:
            path.unlink(missing_ok=True)

    return remove


def _size(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths)


def _words(parts: Sequence[Part], stale: Sequence[str], dry_run: bool) -> str:
    lines = [("what", "count", "bytes", "")]
    lines += [(part.what, f"{part.count:,}", f"{part.bytes:,}", part.kept) for part in parts]
    total = sum(part.bytes for part in parts)
    done = "would be freed" if dry_run else "freed"
    named = [f"runs: {', '.join(stale)}"] if stale else []
    return "\n".join([columns(lines), *named, f"{total:,} bytes {done}"])
