"""Upkeep of a LanceDB store: what old versions and killed writers left, and rows taken down.

Lance keeps every version of a table, and a writer that was killed leaves files no version names.
"""

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from tasks.storage.places import is_remote
from tasks.storage.vectors import ROWS, VectorStore, explained

ALL: Final = timedelta(0)
MOST_FILES: Final = 1_000_000
HASHES_AT_ONCE: Final = 1000  # in one filter


@dataclass(frozen=True)
class Waste:
    """What can go of one table: old versions no tag names, and files that no version refers to."""

    table: str
    versions: int
    tags: tuple[str, ...]
    version_bytes: int
    orphans: tuple[Path, ...]
    orphan_bytes: int


class Upkeep:
    """The tables of one store. Only while nobody writes to it."""

    def __init__(self, location: Path | str):
        self.location = str(location)
        there = is_remote(self.location) or Path(location).is_dir()
        self.store = VectorStore(location) if there else None

    def tables(self) -> list[str]:
        """Names of the tables that have a version."""
        store = self.store
        if store is None:
            return []
        there = store.database.list_tables().tables
        return sorted(name for name in there if store.opened(name) is not None)

    def caches(self) -> list[str]:
        """Names of the embedding caches, those of earlier versions of Winnow included."""
        return [table for table in self.tables() if table != ROWS]

    def _open(self, table: str) -> Any:
        assert self.store is not None
        return self.store.database.open_table(table)

    def wasted(self, table: str, needed: Collection[str], grace_seconds: float) -> Waste:
        """What `reclaim` would remove; tags outside `needed` hold nothing back."""
        data = self._open(table).to_lance()
        tags = {name: tag["version"] for name, tag in data.tags.list().items()}
        live = {tags[name] for name in tags if name in needed} | {data.latest_version}
        old = [each["version"] for each in data.versions() if each["version"] not in live]
        used = {path for version in live for path, _ in _files(data, version)}
        freed = {path: size for version in old for path, size in _files(data, version)}
        found = data.explain_cleanup_old_versions(
            older_than=ALL, delete_unverified=True, error_if_tagged_old_versions=False,
            include_files=True, max_files=MOST_FILES,
        )  # fmt: skip
        orphans = tuple(_aged(found.candidate_files, grace_seconds, self.location))
        return Waste(
            table,
            len(old),
            tuple(sorted(set(tags) - set(needed))),
            sum(size for path, size in freed.items() if path not in used),
            orphans,
            sum(path.stat().st_size for path in orphans),
        )

    def reclaim(self, waste: Waste) -> None:
        """Remove what `wasted` found: tags, the versions that only they held, orphaned files."""
        data = self._open(waste.table).to_lance()
        with explained(self.location):
            for tag in waste.tags:
                data.tags.delete(tag)
            data.cleanup_old_versions(older_than=ALL, error_if_tagged_old_versions=False)
        for path in waste.orphans:
            path.unlink(missing_ok=True)

    def tags_holding(self, ids: Collection[str]) -> list[str]:
        """Tags of the rows table whose rows have one of these ids."""
        if ROWS not in self.tables():
            return []
        data = self._open(ROWS).to_lance()
        wanted = pa.array(sorted(ids), pa.string())
        found = []
        for tag in sorted(data.tags.list()):
            held = data.checkout_version(tag).to_table(columns=["id"])["id"]
            if pa.compute.any(pa.compute.is_in(held, wanted)).as_py():
                found.append(tag)
        return found

    def drop_rows(self) -> None:
        """Remove the table of rows, every version of it: it is made again from Parquet at need."""
        if ROWS in self.tables():
            assert self.store is not None
            with explained(self.location):
                self.store.database.drop_table(ROWS)

    def cached(self, hashes: Collection[str]) -> dict[str, int]:
        """How many vectors of these contents each embedding cache holds, those that hold any."""
        counts = {}
        for table in self.caches():
            held = self._open(table).to_lance().to_table(columns=["content_sha256"])
            wanted = pa.array(sorted(hashes), pa.string())
            count = pa.compute.sum(pa.compute.is_in(held["content_sha256"], wanted)).as_py() or 0
            if count:
                counts[table] = count
        return counts

    def contents(self, table: str) -> set[str]:
        """Every content hash in an embedding cache."""
        held = self._open(table).to_lance().to_table(columns=["content_sha256"])
        return set(held["content_sha256"].to_pylist())

    def row_bytes(self, table: str) -> int:
        """Bytes of one vector of a table."""
        return int(self._open(table).to_lance().schema.field("vector").type.list_size) * 4

    def forget(self, table: str, hashes: Collection[str]) -> None:
        """Remove vectors by content hash, and every file and version in which they stood.

        A deletion only marks rows: the files are written anew without them, then the old ones go.
        """
        with explained(self.location):
            opened = self._open(table)
            for part in _parts(sorted(hashes), HASHES_AT_ONCE):
                opened.delete("content_sha256 IN (" + ", ".join(f"'{each}'" for each in part) + ")")
            data = self._open(table).to_lance()
            data.optimize.compact_files(
                materialize_deletions=True, materialize_deletions_threshold=0.0
            )
            latest = self._open(table).to_lance()
            for tag in latest.tags.list():
                latest.tags.delete(tag)
            latest.cleanup_old_versions(older_than=ALL, delete_unverified=True)


def _files(data: Any, version: int) -> Iterator[tuple[str, int]]:
    """Data files of a version with their sizes in bytes."""
    for fragment in data.checkout_version(version).get_fragments():
        for file in fragment.metadata.files:
            yield file.path, file.file_size_bytes or 0


def _aged(candidates: Any, grace_seconds: float, location: str) -> Iterator[Path]:
    """Local files that no version refers to, old enough to belong to no writer at work."""
    if is_remote(location):
        return  # Lance itself removes those older than a week
    before = time.time() - grace_seconds
    for each in candidates:
        path = Path("/", each.path)
        if each.unverified and path.is_file() and path.stat().st_mtime <= before:
            yield path


def _parts(values: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
