"""The reference a language model may learn from: a text file, one document per line, or JSONL."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson

from schemas.errors import SourceChangedError, SourceError
from schemas.manifest import file_digest
from tasks.paths import Paths
from tasks.scorers.contract import Texts
from tasks.storage.places import Places, is_remote

LINE_BYTES: Final = 4 * 2**20  # longest line held in memory
CHUNK_BYTES: Final = 4 * 2**20


@contextmanager
def local_reference(name: str, paths: Paths) -> Iterator[Path | None]:
    """The file that `score.reference` names, None if it names none; an object is copied meanwhile.

    Raises `SourceChangedError` if an object is not the one that stage `sources` hashed.
    """
    if not is_remote(name):
        yield paths.root / name if name else None
        return
    folder = paths.progress("score")
    copy = folder / name.rpartition("/")[2]
    try:
        _copy(name, Places(paths.root), copy)
        listed = json.loads(paths.json("sources").read_text(encoding="utf-8"))
        if file_digest(copy) != listed["reference"]["sha256"]:
            raise SourceChangedError(
                f"the reference changed after it was looked at: {name!r}",
                expected=f"SHA-256 {listed['reference']['sha256'][:16]}…",
                where="score.reference",
                remedy="run again; it starts by looking at the files anew",
            )
        yield copy
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(name: str, places: Places, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with places.open(name) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, CHUNK_BYTES)


def read_reference(path: Path) -> Iterator[Texts]:
    """Yield the documents in chunks; of a `.jsonl` file, each line's field `text`.

    Blank lines are skipped. Raises `SourceError` naming the line if the file cannot be opened, a
    line is longer than LINE_BYTES or not UTF-8, or a JSON line has no string `text`.
    """
    waiting: list[str] = []
    held = 0
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LINE_BYTES + 1):
                number += 1
                if text := _document(line, path, number):
                    waiting.append(text)
                    held += len(line)
                if held >= CHUNK_BYTES:
                    yield waiting
                    waiting, held = [], 0
    except OSError as error:
        raise SourceError(
            f"the reference cannot be read: {error.strerror}",
            where=f"score.reference = {path}",
            remedy="name a text file (one document per line) or a .jsonl file, or leave it empty",
        ) from None
    if waiting:
        yield waiting


def _document(line: bytes, path: Path, number: int) -> str:
    if len(line) > LINE_BYTES:
        raise _refused(f"a line of more than {LINE_BYTES:,} bytes", path, number)
    try:
        text = line.decode().strip()
        if path.suffix != ".jsonl" or not text:
            return text
        record = orjson.loads(text)
    except ValueError as error:  # also UnicodeDecodeError and JSONDecodeError
        raise _refused(f"{error}"[:200], path, number) from None
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        raise _refused("no field `text` with a string", path, number)
    return str(record["text"]).strip()


def _refused(found: str, path: Path, number: int) -> SourceError:
    return SourceError(
        f"the reference has a line that cannot be used: {found}",
        expected='UTF-8 text, or in a .jsonl file an object like {"text": "..."} on each line',
        where=f"{path}, line {number}",
    )
