"""Local sources: patterns to files, each with its size and hash."""

import glob
import hashlib
import os
import stat
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from schemas.errors import SourceError
from schemas.manifest import file_digest
from schemas.plain import plain
from tasks.readers.files import KINDS, SourceFile, known_kind

NOTHING_SHA256: Final = hashlib.sha256().hexdigest()


def local_sources(
    patterns: list[str], root: Path, setting: str = "ingest.sources", hashed: bool = True
) -> list[SourceFile]:
    """Expand patterns (relative to `root`; `**` crosses folders) to files, hashed or only listed.

    A file named twice, also through a link, counts once. Errors name `setting`.
    """
    found: dict[str, SourceFile] = {}
    places: dict[str, str] = {}
    for pattern in patterns:
        for match in _matches(pattern, root, setting):
            places.setdefault(_name(match, root), pattern)
    for name in sorted(places):
        real = os.path.realpath(root / name)
        if real not in found:
            asked = f"{places[name]!r} in {setting}"
            found[real] = _describe(name, root / name, asked, hashed)
    return list(found.values())


def _matches(pattern: str, root: Path, setting: str) -> list[str]:
    """Files that a pattern means: itself, or all that it matches as a glob."""
    wanted = str(Path(pattern).expanduser()) if pattern.startswith("~") else pattern
    if os.path.lexists(root / wanted):
        return [wanted]
    matches = glob.glob(wanted, root_dir=root, recursive=True)  # noqa: PTH207 - as a shell does
    files = [match for match in matches if not (root / match).is_dir()]
    if not files:
        folders = f"; it matches {len(matches)} folders only" if matches else ""
        raise SourceError(
            f"no file matches {pattern!r}{folders}",
            expected=f"files of kind {KINDS}",
            where=_nearby(_plain(root / wanted)),
            remedy=f"correct {setting} in params.yaml (paths count from the checkout's root)",
        )
    return files


def _nearby(path: Path) -> str:
    """Name what exists near a path that does not: its last folder and similar names there."""
    missing = path.name
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        missing, folder = folder.name, folder.parent
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        return f"{folder} ({error.strerror})"
    near = get_close_matches(missing, names, n=3, cutoff=0.5) or names[:5]
    return f"{folder} has " + (", ".join(near) if near else "nothing in it")


def _name(match: str, root: Path) -> str:
    """Path relative to the checkout where it lies inside, else as given."""
    full, base = _plain(root / match), _plain(root)
    return full.relative_to(base).as_posix() if full.is_relative_to(base) else match


def _plain(path: Path) -> Path:
    """Absolute, without `..`; links stay what they are."""
    return Path(os.path.normpath(path.absolute()))


def _describe(name: str, path: Path, asked: str, hashed: bool) -> SourceFile:
    where = f"{plain(name)} (from {asked})"
    try:
        name.encode()
        state = path.stat()
        if stat.S_ISDIR(state.st_mode):
            remedy = f"name its files, for example {name.rstrip('/')}/*.jsonl"
            raise SourceError("a source is a folder", where=where, remedy=remedy)
        if not stat.S_ISREG(state.st_mode):
            raise SourceError("a source is not a regular file", where=where)
        kind, compression = known_kind(path.name, where)
        # not read where empty: files of the kernel say so too, and some of them never end
        digest = file_digest(path) if hashed and state.st_size else NOTHING_SHA256
        return SourceFile(name, kind, compression, state.st_size, digest)
    except OSError as error:
        remedy = "check that it exists and that you may read it"
        problem = f"a source cannot be read: {error.strerror}"
        raise SourceError(problem, where=where, remedy=remedy) from None
    except UnicodeEncodeError:
        remedy = "rename it"
        raise SourceError("a file name is not UTF-8", where=ascii(name), remedy=remedy) from None
