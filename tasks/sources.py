"""Stage `sources`: the settings' files and globs -> sources.json, every input file with its hash.

DVC runs it always; `ingest` runs again only if what it finds has changed.
"""

import glob
import json
import os
import stat
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from schemas.errors import SourceError
from schemas.manifest import Manifest, file_digest
from schemas.params import Params
from tasks.readers.files import COMPRESSIONS, FORMATS, SourceFile, split_name
from tasks.stage import Paths, run_stage
from tasks.storage.rows import write_text

VERSION: Final = "1.0.0"  # DVC reads this line; raise it when equal input may give other output
_KINDS: Final = ", ".join(FORMATS) + "; plain, " + " or ".join(COMPRESSIONS)


def run(params: Params, paths: Paths) -> Manifest:
    """Find, check and hash every input file; raises `SourceError` naming the pattern at fault."""
    files = find_sources(params.ingest.sources, paths.root)
    listing: dict[str, Any] = {"version": VERSION, "files": [asdict(file) for file in files]}
    if params.score.reference:  # read by `score`, which runs again when this file changes
        digest = file_digest(_readable(paths.root / params.score.reference))
        listing["reference"] = {"path": params.score.reference, "sha256": digest}
    text = json.dumps(listing, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    write_text(paths.json("sources"), text)
    return Manifest(
        "sources", VERSION, {"sources": params.ingest.sources}, rows={"files": len(files)}
    )


def _readable(path: Path) -> Path:
    """The path, if a file is there; raises `SourceError` otherwise."""
    if path.is_file():
        return path
    raise SourceError(
        f"no file {path.as_posix()!r}",
        expected="a text file, one document per line, or JSONL",
        where="score.reference",
        remedy="correct score.reference in params.yaml (paths count from the checkout's root)",
    )


def read_sources(path: Path) -> list[SourceFile]:
    """Load what `run` wrote."""
    listing = json.loads(path.read_text(encoding="utf-8"))
    return [SourceFile(**file) for file in listing["files"]]


def find_sources(patterns: list[str], root: Path) -> list[SourceFile]:
    """Expand patterns (relative to `root`; `**` crosses folders) to files sorted by path.

    A file named twice, also through a link, counts once.
    """
    found: dict[str, SourceFile] = {}
    places: dict[str, str] = {}
    for pattern in patterns:
        for match in _matches(pattern, root):
            name = _name(match, root)
            places.setdefault(name, pattern)
    for name in sorted(places):
        real = os.path.realpath(root / name)
        if real not in found:
            found[real] = _describe(name, root / name, places[name])
    return sorted(found.values(), key=lambda file: file.path)


def _matches(pattern: str, root: Path) -> list[str]:
    """Files that a pattern means: itself, or all that it matches as a glob."""
    if "://" in pattern:
        remedy = "fetch it first (dvc import-url keeps track of it) and name the local copy"
        raise SourceError(f"cannot read {pattern} directly", where="ingest.sources", remedy=remedy)
    wanted = str(Path(pattern).expanduser()) if pattern.startswith("~") else pattern
    if os.path.lexists(root / wanted):
        return [wanted]
    matches = glob.glob(wanted, root_dir=root, recursive=True)  # noqa: PTH207 - as a shell does
    files = [match for match in matches if not (root / match).is_dir()]
    if not files:
        folders = f"; it matches {len(matches)} folders only" if matches else ""
        raise SourceError(
            f"no file matches {pattern!r}{folders}",
            expected=f"files of kind {_KINDS}",
            where=_nearby(_plain(root / wanted)),
            remedy="correct ingest.sources in params.yaml (paths count from the checkout's root)",
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


def _describe(name: str, path: Path, pattern: str) -> SourceFile:
    where = f"{name} (from {pattern!r} in ingest.sources)"
    try:
        name.encode()
        state = path.stat()
        if stat.S_ISDIR(state.st_mode):
            remedy = f"name its files, for example {name.rstrip('/')}/*.jsonl"
            raise SourceError("a source is a folder", where=where, remedy=remedy)
        if not stat.S_ISREG(state.st_mode):
            raise SourceError("a source is not a regular file", where=where)
        _, kind, compression = split_name(path.name)
        if not kind:
            raise _unknown(path.name, where)
        return SourceFile(name, kind, compression, path.stat().st_size, file_digest(path))
    except OSError as error:
        remedy = "check that it exists and that you may read it"
        problem = f"a source cannot be read: {error.strerror}"
        raise SourceError(problem, where=where, remedy=remedy) from None
    except UnicodeEncodeError:
        remedy = "rename it"
        raise SourceError("a file name is not UTF-8", where=ascii(name), remedy=remedy) from None


def _unknown(name: str, where: str) -> SourceError:
    suffix = Path(split_name(name)[0]).suffix or "none"
    near = get_close_matches(suffix.lower(), FORMATS, n=1)
    guess = f"; did you mean {near[0]}?" if near else ""
    return SourceError(
        f"a source has a suffix that is not known: {suffix}{guess}",
        expected=_KINDS,
        where=where,
        remedy="rename or convert the file, or narrow the pattern, for example data/*.jsonl",
    )


if __name__ == "__main__":
    run_stage("sources", run)
