"""Sources on S3: patterns to objects, each hashed when it is first seen.

An ETag is no hash of the content (uploads in parts), so `sources.json` holds the content's own.
What was hashed before is remembered under server, address, ETag, size and time of change; the
memory only saves reading, and `ingest` compares the hash again.
"""

import hashlib
import json
import logging
import time
from glob import has_magic
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from schemas.errors import SourceError
from tasks.readers.files import BLOCK_BYTES, KINDS, SourceFile, known_kind
from tasks.storage.places import SCHEME, Places, split_address
from tasks.storage.rows import write_text

if TYPE_CHECKING:
    from tasks.storage.objects import StoredObject

_SAY_SECONDS: Final = 5.0
_NEARBY: Final = 5  # names shown of what exists where nothing matched
log = logging.getLogger("winnow")


class Hashes(Protocol):
    """Where the hash of an object comes from."""

    def of(self, found: "StoredObject", places: Places) -> str:
        """The hash of an object's content."""


class SeenHashes:
    """SHA-256 of objects seen before, in a file that nothing depends on; use it with `with`."""

    def __init__(self, path: Path):
        self._path, self._known, self._used = path, _load(path), dict[str, str]()

    def __enter__(self) -> "SeenHashes":
        return self

    def __exit__(self, *_: object) -> None:
        if self._used:  # also when interrupted: what is hashed by then is kept
            write_text(self._path, json.dumps({**self._known, **self._used}, indent=0) + "\n")

    def of(self, found: "StoredObject", places: Places) -> str:
        """The hash of an object's content, read if this state of it was not seen before."""
        state = [places.objects.endpoint, found.address, found.etag, found.bytes, found.modified]
        key = json.dumps(state)
        digest = self._known.get(key) or self._used.get(key) or _hash(found, places)
        self._used[key] = digest
        return digest


def _load(path: Path) -> dict[str, str]:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none yet, or broken: every object is read again
        return {}
    return known if isinstance(known, dict) else {}


def _hash(found: "StoredObject", places: Places) -> str:
    """Read an object through once; now and then say how far."""
    from tasks.storage.objects import ObjectFile

    digest, done, said = hashlib.sha256(), 0, time.monotonic()
    with ObjectFile(places.objects, found) as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            done += len(block)
            if time.monotonic() - said >= _SAY_SECONDS:
                said = time.monotonic()
                log.info(f"sources hashed {done:,} of {found.bytes:,} bytes of {found.address!r}")
    return digest.hexdigest()


def remote_sources(
    patterns: list[str], places: Places, seen: Hashes, setting: str = "ingest.sources"
) -> list[SourceFile]:
    """Expand addresses and patterns to objects, each once. Errors name `setting`."""
    found: dict[str, tuple[StoredObject, str]] = {}
    for pattern in patterns:
        for one in _matches(pattern, places, setting):
            found.setdefault(one.address, (one, f"{pattern!r} in {setting}"))
    return [_describe(one, asked, places, seen) for one, asked in found.values()]


def _matches(pattern: str, places: Places, setting: str) -> list["StoredObject"]:
    if matches := places.objects.find(pattern):
        return matches
    raise SourceError(
        f"no object matches {pattern!r}",
        expected=f"objects of kind {KINDS}",
        where=_nearby(pattern, places),
        remedy=f"correct {setting} in params.yaml (s3://bucket/folder/*.jsonl.gz), or "
        "AWS_ENDPOINT_URL if it is another server",
    )


def _nearby(pattern: str, places: Places) -> str:
    """Name the first objects in the last folder of a pattern that holds any."""
    bucket, _ = split_address(pattern)
    folder = pattern
    while folder != f"{SCHEME}{bucket}":
        folder = folder.rpartition("/")[0]
        if has_magic(folder):
            continue
        first = islice(places.objects.under(f"{folder}/"), _NEARBY)
        if listed := ", ".join(ascii(one.address) for one in first):
            return f"{folder}/ at {places.objects.endpoint} has {listed}"
    return f"{folder}/ at {places.objects.endpoint} has nothing in it"


def _describe(found: "StoredObject", asked: str, places: Places, seen: Hashes) -> SourceFile:
    where = f"{found.address!r} (from {asked})"
    kind, compression = known_kind(found.address.rpartition("/")[2], where)
    return SourceFile(found.address, kind, compression, found.bytes, seen.of(found, places))
