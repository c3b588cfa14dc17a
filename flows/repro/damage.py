"""Bytes that no stage changed: outputs and cached copies unlike the digest they are known by.

DVC looks at a file's time and size before it reads the file again, and trusts its own cache; what a
disk or a hand alters past these is found here, by reading.
"""

from collections.abc import Iterable
from pathlib import Path

from flows.repro import LockedOut, lock_entries, repository
from flows.repro.cached import md5_of
from schemas.errors import WinnowError


def replace_damaged(stage: str) -> list[str]:
    """Remove a stage's outputs that dvc.lock does not know, and damaged cached copies of them.

    What DVC's cache holds comes back from there; the rest is missing, so that DVC makes it anew.
    Returns what was found, in words.
    """
    outs = [out for out in lock_entries() if out.stage == stage]
    altered = [out for out in outs if _exists(out) and md5_of(Path(out.path)) != out.md5]
    for out in altered:
        Path(out.path).unlink()
    gone = [out for out in outs if not _exists(out)]
    damaged = discard_cached(gone)
    told = [f"{out.path} is not what its stage wrote and is replaced" for out in altered]
    told += [f"DVC's cached copy of {name} was damaged" for name in damaged]
    if altered:
        with repository() as repo:
            repo.checkout([out.path for out in altered], force=True, allow_missing=True)
    return told


def _exists(out: LockedOut) -> bool:
    return Path(out.path).is_file()


def discard_cached(outs: Iterable[LockedOut]) -> list[str]:
    """Remove damaged cached copies of outputs, so that they are fetched or made anew."""
    with repository() as repo:
        places = [(out, Path(repo.cache.local.oid_to_path(out.md5))) for out in outs]
    damaged = [(out, path) for out, path in places if path.is_file() and md5_of(path) != out.md5]
    for _, path in damaged:
        path.unlink()
    return [out.path for out, _ in damaged]


def ensure_whole() -> None:
    """Raise `WinnowError` if an output that dvc.lock names has other bytes."""
    outs = [out for out in lock_entries() if _exists(out)]
    if wrong := [out.path for out in outs if md5_of(Path(out.path)) != out.md5]:
        raise WinnowError(
            f"{len(wrong)} outputs are not what their stages wrote",
            expected="the bytes that dvc.lock names",
            where=", ".join(wrong),
            remedy="`winnow run` brings them back or makes them anew",
        )
