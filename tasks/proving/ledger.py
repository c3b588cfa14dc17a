"""Scores that are known: one line of JSON each, appended as they come, found by their key."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.proving.records import Record


@dataclass
class KnownScores:
    """The records of one file. A line that a killed run left torn counts for nothing."""

    path: Path
    known: dict[str, Record] = field(default_factory=dict)
    torn: bool = False

    @classmethod
    def load(cls, path: Path) -> "KnownScores":
        """Read what is there."""
        found = cls(path)
        if path.exists():
            lines = path.read_bytes().splitlines(keepends=True)
            found.known = {record.key: record for line in lines if (record := _record(line))}
            found.torn = bool(lines) and not lines[-1].endswith(b"\n")
        return found

    def add(self, record: Record) -> None:
        """Keep a record, on disk before the next one is made."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(record.as_dict(), sort_keys=True) + "\n"
        with self.path.open("ab") as file:
            file.write((b"\n" if self.torn else b"") + line.encode())
            file.flush()
            os.fsync(file.fileno())
        self.torn = False
        self.known[record.key] = record


def _record(line: bytes) -> Record | None:
    try:
        return Record.of(json.loads(line))
    except (ValueError, TypeError, KeyError):
        return None


def key_of(facts: Mapping[str, Any]) -> str:
    """SHA-256 of what a score depends on."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
