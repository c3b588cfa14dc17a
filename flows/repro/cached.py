"""Past outputs: from the workspace if they are still there, else from DVC's cache."""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from flows.repro import LockedOut, lock_entries
from schemas.errors import WinnowError


def output(path: str, md5: str) -> bytes | None:
    """The bytes that dvc.lock recorded as `md5`; None where this machine has them no more."""
    found = file(path, md5)
    return None if found is None else found.read_bytes()


def file(path: str, md5: str) -> Path | None:
    """A file with the bytes that dvc.lock recorded as `md5`, read to be sure; None without one."""
    for place in (Path(path), _cached(md5)):
        if place is not None and place.is_file() and md5_of(place) == md5:
            return place
    return None


def is_locked(path: str) -> bool:
    """Whether a file of the workspace has the bytes that dvc.lock names for it."""
    known = {out.path: out.md5 for out in lock_entries()}
    return path in known and Path(path).is_file() and md5_of(Path(path)) == known[path]


def md5_of(place: Path) -> str:
    """MD5 of a file's bytes, by which dvc.lock and the cache know it."""
    with place.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _cached(md5: str) -> Path | None:
    store = _cache()
    return None if store is None else Path(store.oid_to_path(md5))


@cache
def _cache():  # type: ignore[no-untyped-def]  # DVC has no types
    """DVC's local cache; None where this is no DVC checkout."""
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            return repo.cache.local
    except NotDvcRepoError:
        return None


def lay_out(outs: Iterable[LockedOut], folder: Path) -> None:
    """Lay outputs below `folder` under their own paths; raises `WinnowError` for damaged ones.

    Manifests are copied and their MD5 compared; tables, whose SHA-256 the manifests hold, are links
    to the cache.
    """
    for out in outs:
        place = folder / out.path
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.suffix == ".parquet":
            place.symlink_to(_cached(out.md5) or "")
            continue
        content = output(out.path, out.md5)
        if content is None:
            raise WinnowError(
                f"{out.path} of that run is damaged in the cache",
                expected=f"MD5 {out.md5}",
                where=str(_cached(out.md5)),
                remedy="delete this file and fetch it again: `winnow checkout RUN`",
            )
        place.write_bytes(content)
