"""Past outputs: from the workspace if they are still there, else from DVC's cache."""

import hashlib
from functools import cache
from pathlib import Path


def output(path: str, md5: str) -> bytes | None:
    """The bytes that dvc.lock recorded as `md5`; None where this machine has them no more."""
    found = file(path, md5)
    return None if found is None else found.read_bytes()


def file(path: str, md5: str) -> Path | None:
    """A file with the bytes that dvc.lock recorded as `md5`, read to be sure; None without one."""
    for place in (Path(path), _cached(md5)):
        if place is not None and place.is_file() and _digest(place) == md5:
            return place
    return None


def _digest(place: Path) -> str:
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
