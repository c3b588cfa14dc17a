"""Reading all sources: every record is spooled to disk as accepted or as refused."""

import logging
from pathlib import Path

import numpy as np

from schemas.errors import SourceError
from schemas.params import IngestParams
from schemas.plain import plain
from tasks.readers import read_records
from tasks.readers.fields import Document, Mapping
from tasks.readers.files import OpenedFile, SourceFile
from tasks.readers.layout import ACCEPTED, REFUSED
from tasks.readers.progress import Progress
from tasks.readers.records import Fault, Record, Refused, digest
from tasks.readers.spool import Spool
from tasks.storage.places import Places
from tasks.takedowns import Forgotten

_LOSSES = ("truncated_file", "unreadable_file")
HINT = "remove it from the file too; takedowns/{}.json tells of it"
_ROW_BYTES = 600  # what the columns of fixed width take, about

log = logging.getLogger("winnow")


class Intake:
    """Maps records and puts each into one of two spools in `folder`: `accepted`, `refused`."""

    def __init__(self, settings: IngestParams, folder: Path, forgotten: Forgotten | None = None):
        self.accepted_path, self.refused_path = folder / "accepted", folder / "refused"
        self._settings, self._folder = settings, folder
        self._mapping = Mapping(settings)
        self._forgotten = forgotten or Forgotten()

    def read(self, files: list[SourceFile], root: Path) -> np.ndarray:
        """Read all files; returns the number of records of each, shape (files,).

        Raises `SourceError` if a file's bytes are not those `sources` saw, or there is no record.
        """
        records = np.zeros(len(files), dtype=np.int64)
        progress, places = Progress("ingest"), Places(root)
        with (
            Spool(self.accepted_path, ACCEPTED) as self._accepted,
            Spool(self.refused_path, REFUSED) as self._refused,
        ):
            for number, source in enumerate(files):
                records[number] = self._read_file(places, source, number, progress)
        if not records.sum():
            raise SourceError(
                "the sources hold no record at all",
                where=", ".join(source.path for source in files[:5]),
                remedy="correct ingest.sources in params.yaml",
            )
        return records

    def _read_file(
        self, places: Places, source: SourceFile, number: int, progress: Progress
    ) -> int:
        count, cut, stem = 0, 0, source.stem
        with OpenedFile(places, source) as opened:
            for record in read_records(opened, self._settings.max_record_bytes, self._folder):
                self._take(record, number, stem)
                progress.step(source.path)
                count += 1
                if record.fault and record.fault.rule in _LOSSES:
                    cut += 1
                    if cut == 1:  # a share of records cannot show how much of a file was lost
                        log.warning(
                            f"{record.fault.rule} {plain(source.path)}: {record.fault.hint}"
                        )
            opened.confirm()
        return count

    def _take(self, record: Record, file: int, stem: str) -> None:
        if record.fault:
            self._refuse(record, file, record.fault)
            return
        try:
            document = self._mapping.document(record.value or {}, stem)
        except Refused as refusal:
            self._refuse(record, file, refusal.fault)
            return
        if self._forgotten.known and self._forget(record, file, document):
            return
        twin = digest(f"{document.raw_sha256}\0{document.source}\0{document.metadata}".encode())
        row = (*document, twin, record.sha256, file, record.row, record.line)
        self._accepted.add(row, _ROW_BYTES + len(document.text) + len(document.metadata))

    def _forget(self, record: Record, file: int, document: Document) -> bool:
        """Set a record aside that was taken down by id, content or source; False if it was not."""
        taken, sign = self._forgotten.record_of(
            ids=document.id, contents=document.content_sha256, sources=document.source
        )
        if taken:
            self._set_aside(record, file, taken, sign)
        return bool(taken)

    def _set_aside(self, record: Record, file: int, taken: str, sign: str) -> None:
        """Tell of a record that was taken down no more than where it stands in its file."""
        fault = Fault("forgotten", "", "no record that was taken down", "one", HINT.format(taken))
        row = (f"forgotten:{sign[:32]}", file, record.row, record.line, *fault, sign)
        self._refused.add(row, _ROW_BYTES)

    def _refuse(self, record: Record, file: int, fault: Fault) -> None:
        name = self._mapping.readable_id(record.value) or f"sha256:{record.sha256[:32]}"
        taken, sign = self._forgotten.record_of(ids=name)
        if taken:  # what is wrong with it would quote it
            self._set_aside(record, file, taken, sign)
            return
        row = (name, file, record.row, record.line, *fault, record.sha256)
        self._refused.add(row, _ROW_BYTES + len(fault.found) + len(fault.hint))
