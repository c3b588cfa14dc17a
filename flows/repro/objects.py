"""DVC's cache on this machine: its objects, its cache of runs, and what no revision needs."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import yaml

from flows.git import line
from flows.repro import repository


def all_objects() -> dict[str, Path]:
    """Every object of the cache by its MD5, folders' listings (`.dir`) included."""
    with repository() as repo:
        store = repo.cache.local
        return {oid: Path(store.oid_to_path(oid)) for oid in store.all()}


def is_own() -> bool:
    """Whether the cache lies in this checkout, so that no other one can need what it holds."""
    with repository() as repo:
        return Path(repo.cache.local.path).resolve().is_relative_to(Path(repo.root_dir).resolve())


def run_entries() -> list[Path]:
    """Files of the run cache: what a stage once made of which settings and inputs."""
    with repository() as repo:
        return sorted(path for path in Path(repo.stage_cache.cache_dir).glob("*/*/*"))


def outputs_of(entry: Path) -> set[str]:
    """MD5s of the outputs that an entry of the run cache names; none if it cannot be read."""
    try:
        loaded = yaml.safe_load(entry.read_text(encoding="utf-8"))
        return {out["md5"] for out in loaded["outs"]}
    except (yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError):
        return set()  # DVC itself drops such an entry when it meets it


def dangling(entries: Iterable[Path], held: Collection[str]) -> list[Path]:
    """Entries of the run cache that DVC can restore nothing from: the cache lacks an output."""
    return [entry for entry in entries if not (outputs_of(entry) or {""}) <= set(held)]


def needed(commits: Sequence[str]) -> set[str]:
    """MD5s that the workspace, HEAD, the tips of branches and tags, or these commits need."""
    head = ["HEAD"] if line("rev-parse", "--verify", "--quiet", "HEAD^{commit}") else []
    with repository() as repo:
        used = repo.used_objs(all_branches=True, all_tags=True, revs=[*head, *commits])
    return {info.value for found in used.values() for info in found}


def collect(needed_objects: Collection[str]) -> None:
    """Remove every other object, as `dvc gc` does."""
    from dvc_data.hashfile.gc import gc
    from dvc_data.hashfile.hash_info import HashInfo

    with repository() as repo:
        gc(repo.cache.local, [HashInfo("md5", value) for value in needed_objects])


def remove(objects: Iterable[str]) -> None:
    """Remove objects by their MD5, whatever needs them."""
    with repository() as repo:
        for oid in objects:
            if repo.cache.local.exists(oid):
                repo.cache.local.delete(oid)


def remove_remotely(objects: Sequence[str]) -> int:
    """Remove objects from the default remote; returns how many were there."""
    from flows.repro.remotes import storage_errors

    with repository() as repo, storage_errors("the default DVC remote"):
        store = repo.cloud.get_remote_odb()
        there = [oid for oid in objects if store.exists(oid)]
        for oid in there:
            store.delete(oid)
    return len(there)
