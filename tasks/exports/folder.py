"""A folder that is written whole or not at all: filled beside its place, then renamed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from schemas.errors import WinnowError

PAPERS: Final = ("README.md", "croissant.json", "prov.json")  # by which an export is known


@contextmanager
def filled(target: Path, force: bool) -> Iterator[Path]:
    """Yield an empty folder; on success it is synced to disk and takes the place of `target`.

    Raises `WinnowError` if `target` is not an empty folder: with `force`, only if it is not an
    earlier export either. A process that is killed leaves `target` as it was, and a folder
    `.NAME.partial` beside it which the next export removes; at the last moment, between two
    renamings, the earlier export may be found as `.NAME.replaced`.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100  # a link as last part is not followed
    _ensure_free(target, force)
    new, old = (target.with_name(f".{target.name}.{what}") for what in ("partial", "replaced"))
    _remove(new)
    new.mkdir(parents=True)
    try:
        yield new
        _sync(new)
        if target.exists() and any(target.iterdir()):
            _remove(old)
            target.rename(old)
        new.rename(target)
        _sync_entry(target.parent)
        _remove(old)
    finally:
        _remove(new)


def _ensure_free(target: Path, force: bool) -> None:
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise WinnowError(
            "an export is a folder, and something else is there",
            where=str(target),
            remedy="name a folder that does not exist yet",
        )
    if not target.exists() or not any(target.iterdir()):
        return
    if not force:
        raise WinnowError(
            "the folder is not empty",
            expected="a new or an empty folder",
            where=str(target),
            remedy="name another one; --force replaces an earlier export",
        )
    if not all((target / name).is_file() for name in PAPERS):
        raise WinnowError(
            "the folder is not an earlier export: --force does not replace it",
            expected=f"files {', '.join(PAPERS)} in it",
            where=str(target),
            remedy="name another folder, or empty this one yourself",
        )


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _sync(folder: Path) -> None:
    """Have all files of a folder on the disk itself, and the folders that name them."""
    for path in sorted(folder.rglob("*"), reverse=True):
        _sync_entry(path)
    _sync_entry(folder)


def _sync_entry(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
