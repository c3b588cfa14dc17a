"""A look at the sources before a run: how many records, how long, how many the cache knows.

The sample: at most `MOST_FILES` files evenly spaced in the listing; of each the first
`GLANCE_BYTES` as stored, of a long plain JSONL file also as many at one and two thirds; of a
Parquet file its footer and first rows. A file read to its end is counted, the rest is in
proportion to its bytes. Nothing is hashed, and reading stops after `MOST_SECONDS`.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from schemas.params import IngestParams
from tasks.readers import read_records
from tasks.readers.fields import Mapping
from tasks.readers.files import OpenedFile, SourceFile
from tasks.readers.records import Record, Refused
from tasks.source_files import local_sources
from tasks.storage.places import LocalFile, Places, is_remote

MOST_FILES: Final = 16
GLANCE_BYTES: Final = 2**18
MOST_SECONDS: Final = 1.5
PARQUET_ROWS: Final = 200
MOST_TEXTS: Final = 400  # kept for counting tokens and for a try of the model


@dataclass
class Sample:
    """What was seen: `ratios` are records per stored byte, one per place looked at."""

    files: int = 0
    bytes: int = 0
    whole_bytes: int = 0  # of files that were read to their end
    whole_records: int = 0
    ratios: list[float] = field(default_factory=list)
    records: int = 0
    accepted: int = 0
    chars: int = 0
    texts: list[str] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)

    @property
    def total_records(self) -> float:
        """Records of all sources, estimated where not counted."""
        rest = self.bytes - self.whole_bytes
        return self.whole_records + (rest * float(np.mean(self.ratios)) if self.ratios else 0.0)

    @property
    def spread(self) -> float:
        """Standard deviation of log(total records): none where all was counted."""
        rest = (self.bytes - self.whole_bytes) / max(self.bytes, 1)
        if len(self.ratios) < 2:
            return 0.4 * rest  # one place says little about the others
        logs = np.log(self.ratios)
        return float(rest * logs.std(ddof=1) / np.sqrt(len(logs)))

    @property
    def accepted_share(self) -> float:
        """Share of the records seen that become documents."""
        return self.accepted / self.records if self.records else 1.0


class _Glimpse(OpenedFile):
    """A file of which only some bytes from a place on are read."""

    def __init__(self, places: Places, source: SourceFile, start: int = 0):
        super().__init__(places, source)
        self._start, self.read_bytes = start, 0

    def __enter__(self) -> "_Glimpse":
        super().__enter__()
        if self._start:
            self._file.seek(self._start)
        return self

    def _read(self, size: int) -> bytes:
        block = super()._read(min(size, GLANCE_BYTES - self.read_bytes))
        self.read_bytes += len(block)
        return block

    def _drain(self) -> None:
        """Hash nothing: what is looked at is not confirmed."""


class _Unhashed:
    """Stands where hashes of objects are remembered; looks at none."""

    def of(self, *_: object) -> str:
        """No hash."""
        return ""


def glance(params: IngestParams, root: Path) -> Sample:
    """Sample the sources; raises `SourceError` if a pattern names nothing that can be read."""
    places, end = Places(root), time.monotonic() + MOST_SECONDS
    files = listed(params.sources, places)
    sample = Sample(len(files), sum(file.bytes for file in files))
    mapping = Mapping(params)
    step = max(len(files) / MOST_FILES, 1)
    for place in range(min(len(files), MOST_FILES)):
        if time.monotonic() < end:
            _look(sample, mapping, places, files[int(place * step)], end)
    return sample


def listed(patterns: list[str], places: Places) -> list[SourceFile]:
    """The files and objects that patterns name, without their hashes."""
    remote = [pattern for pattern in patterns if is_remote(pattern)]
    local = [pattern for pattern in patterns if not is_remote(pattern)]
    found = local_sources(local, places.root, hashed=False)
    if remote:
        from tasks.source_objects import remote_sources

        found += remote_sources(remote, places, _Unhashed())
    return sorted(found, key=lambda file: file.path)


def _look(sample: Sample, mapping: Mapping, places: Places, source: SourceFile, end: float) -> None:
    if source.format == "parquet":
        if not source.compression and not is_remote(source.path):
            _look_at_parquet(sample, mapping, places, source)
        return
    for start in _starts(source):
        with _Glimpse(places, source, start) as opened, TemporaryDirectory() as scratch:
            records: Iterator[Record] = read_records(
                opened, mapping.params.max_record_bytes, Path(scratch)
            )
            seen = list(_until(records, end))
            whole = not start and opened.read_bytes >= source.bytes
        if start:
            seen = seen[1:]  # most likely half a record
        if not whole:
            seen = seen[:-1]
        _count(sample, mapping, seen, source.stem)
        if whole and time.monotonic() < end:
            sample.whole_bytes += source.bytes
            sample.whole_records += len(seen)
        if opened.read_bytes and seen:
            sample.ratios.append(len(seen) / opened.read_bytes)


def _starts(source: SourceFile) -> list[int]:
    """Where to look at a file: its beginning, and further in where lines can be found again."""
    plain = source.format == "jsonl" and not source.compression
    if not plain or source.bytes < 3 * GLANCE_BYTES:
        return [0]
    return [0, source.bytes // 3, 2 * source.bytes // 3]


def _until(records: Iterator[Record], end: float) -> Iterator[Record]:
    for record in records:
        yield record
        if time.monotonic() > end:
            return


def _look_at_parquet(sample: Sample, mapping: Mapping, places: Places, source: SourceFile) -> None:
    """Take the number of rows from the footer and read the first ones."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with LocalFile(places.root / source.path) as file:
            rows = pq.ParquetFile(file).metadata.num_rows
    except (pa.ArrowException, OSError, ValueError):
        return  # damaged: `ingest` will say how
    sample.whole_bytes += source.bytes
    sample.whole_records += rows
    sample.ratios.append(max(rows, 1) / max(source.bytes, 1))
    with _Glimpse(places, source) as opened, TemporaryDirectory() as scratch:
        records = read_records(opened, mapping.params.max_record_bytes, Path(scratch))
        _count(sample, mapping, list(islice(records, PARQUET_ROWS)), source.stem)


def _count(sample: Sample, mapping: Mapping, seen: list[Record], stem: str) -> None:
    for record in seen:
        sample.records += 1
        try:
            document: Any = None if record.fault else mapping.document(record.value or {}, stem)
        except Refused:
            continue
        if document is None:
            continue
        sample.accepted += 1
        sample.chars += len(document.text)
        if len(sample.texts) < MOST_TEXTS:
            sample.texts.append(document.text)
            sample.hashes.append(document.content_sha256)
