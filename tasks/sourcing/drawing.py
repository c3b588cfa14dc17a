"""Samples: the rows of a file or table whose content hashes smallest, so order never matters.

A content that comes twice hashes the same and is drawn once. Memory is the sample, however long
the file.
"""

import heapq
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from schemas.errors import SourceError
from schemas.params import Params
from tasks.paths import Paths
from tasks.readers import read_records
from tasks.readers.fields import Mapping
from tasks.readers.files import OpenedFile, SourceFile
from tasks.readers.records import Fault, Refused
from tasks.storage.places import Places
from tasks.takedowns import Forgotten

PRIORITY_BYTES: Final = 8
_ALL: Final = 2 ** (8 * PRIORITY_BYTES)


def priority(seed: int, content_sha256: str) -> int:
    """Place of a content in the order of drawing: uniform in [0, 2^64)."""
    digest = blake2b(f"{seed}\0{content_sha256}".encode(), digest_size=PRIORITY_BYTES).digest()
    return int.from_bytes(digest)


@dataclass(frozen=True)
class Drawn:
    """What was drawn of a file, in order of priority.

    `records` counts its records, `refused` those that are no document and those taken down;
    `distinct` its different contents: exact where all were drawn, else (k - 1) / u, u the largest
    priority drawn as a share of all (Bar-Yossef et al., 2002: within about 1 / sqrt(k)).
    """

    name: str
    records: int
    refused: int
    distinct: int
    keys: list[str]
    texts: list[str]


def smallest(
    rows: Iterable[tuple[str, str]], wanted: int, seed: int
) -> tuple[list[str], list[str]]:
    """Draw `wanted` distinct rows of (content hash, text): those of smallest priority, in order."""
    heap: list[tuple[int, str]] = []  # of negated priorities: the worst drawn so far comes first
    held: dict[str, str] = {}
    for key, text in rows:
        order = -priority(seed, key)
        if key in held or (len(heap) == wanted and order <= heap[0][0]):
            continue
        held[key] = text
        out = (heapq.heappushpop if len(heap) == wanted else heapq.heappush)(heap, (order, key))
        if out is not None:
            del held[out[1]]
    keys = [key for _, key in sorted(heap, reverse=True)]
    return keys, [held[key] for key in keys]


def draw_file(file: SourceFile, params: Params, paths: Paths, wanted: int, seed: int) -> Drawn:
    """Draw rows of a file, mapped by the run's settings; ids are those of the content.

    Raises `SourceError` if no record is a document, with what is wrong with the first.
    """
    reading = _Reading(file, params, paths)
    try:
        keys, texts = smallest(reading.documents(), wanted, seed)
    finally:
        shutil.rmtree(paths.progress("sourcing"), ignore_errors=True)
    if not keys:
        raise reading.empty()
    distinct = len(keys)
    if distinct == wanted and wanted > 1:
        distinct = min(
            reading.records - reading.refused,
            max(wanted, round((wanted - 1) * _ALL / (priority(seed, keys[-1]) + 1))),
        )
    return Drawn(file.stem, reading.records, reading.refused, distinct, keys, texts)


class _Reading:
    """One pass over a file: documents out, refusals counted, the first of them remembered."""

    def __init__(self, file: SourceFile, params: Params, paths: Paths):
        self.file, self.paths, self.settings = file, paths, params.ingest
        self.records = self.refused = 0
        self.first: Fault | None = None
        self._mapping = Mapping(params.ingest.model_copy(update={"id_key": ""}))
        self._forgotten = Forgotten.load(paths.takedowns)

    def documents(self) -> Iterator[tuple[str, str]]:
        """Yield (content hash, text) of every record that is a document and was not taken down."""
        scratch, limit = self.paths.progress("sourcing"), self.settings.max_record_bytes
        with OpenedFile(Places(self.paths.root), self.file) as opened:
            for record in read_records(opened, limit, scratch):
                self.records += 1
                if record.fault:
                    self._refuse(record.fault)
                    continue
                try:
                    found = self._mapping.document(record.value or {}, self.file.stem)
                except Refused as refusal:
                    self._refuse(refusal.fault)
                    continue
                taken, _ = self._forgotten.record_of(
                    contents=found.content_sha256, sources=found.source
                )
                if taken:
                    self.refused += 1
                else:
                    yield found.content_sha256, found.text
            opened.confirm()

    def _refuse(self, fault: Fault) -> None:
        self.refused += 1
        self.first = self.first or fault

    def empty(self) -> SourceError:
        """The error for a file without a single document."""
        fault = self.first
        found = f"; the first is refused: {fault.rule}, {fault.found}" if fault else ""
        return SourceError(
            f"none of {self.records:,} records is a document{found}",
            expected=fault.expected if fault else "at least one record",
            where=self.file.path,
            remedy=fault.hint if fault else "name a file that holds records",
        )
