"""The record of a takedown, `takedowns/<name>.json`: tracked by git, read by `ingest`.

It says what was found and removed, never what it was: of ids, contents and sources it holds salted
digests alone (tasks.takedowns). That salt is in the record, as every clone must know the row.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tasks.paths import Paths
from tasks.storage.rows import write_text


@dataclass(frozen=True)
class Found:
    """One thing that held a row: where (artifact, DVC cache, ...), what, and the runs it is of."""

    where: str
    what: str
    runs: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Takedown:
    """What `winnow forget` did: times are UTC, digests MD5s of artifacts as dvc.lock has them.

    `objects` are MD5s removed from DVC's cache -> their paths; `in_sources` places in the user's
    files that hold the row still; `elsewhere` what must be done by hand, with the commands;
    `remains` what still held the row afterwards.
    """

    name: str
    kind: str
    salt: str
    ids: list[str]
    contents: list[str]
    sources: list[str]
    asked_at: str
    removed_at: str = ""
    rebuilt: str = ""
    found: list[Found] = field(default_factory=list)
    objects: dict[str, str] = field(default_factory=dict)
    digests_before: dict[str, str] = field(default_factory=dict)
    digests_after: dict[str, str] = field(default_factory=dict)
    in_sources: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    remains: list[str] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """Where the record lies."""
        return Paths().takedowns / f"{self.name}.json"

    @property
    def runs(self) -> list[str]:
        """Runs and commits that lost files."""
        return sorted({run for each in self.found for run in each.runs})

    def write(self) -> None:
        """Write the record, whole or not at all."""
        write_text(self.path, json.dumps(asdict(self), indent=2) + "\n")


def read(path: Path) -> Takedown:
    """A record as it was written."""
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Takedown(**{**loaded, "found": [Found(**each) for each in loaded["found"]]})


def all_records() -> list[Takedown]:
    """Every record of the checkout, by name."""
    return [read(path) for path in sorted(Paths().takedowns.glob("*.json"))]


def taken_objects() -> dict[str, str]:
    """MD5 of every artifact that was removed -> path of the record that says why."""
    return {md5: record.path.as_posix() for record in all_records() for md5 in record.objects}
