"""Rows that were taken down: known by salted digests alone, so that `ingest` keeps them out.

`takedowns/*.json` are records which git tracks (`flows.forget` writes them). They hold neither text
nor id: SHA-256 of a salt of the checkout and the value, so that nobody finds a row in a table of
digests computed elsewhere. Who has the folder and guesses an id can confirm the guess.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from schemas.errors import WinnowError

KINDS: Final = ("ids", "contents", "sources")
SALT_BYTES: Final = 16
NAME_CHARS: Final = 16


def new_salt() -> str:
    """A salt for a checkout without takedowns, in hexadecimal."""
    return secrets.token_hex(SALT_BYTES)


def salted(salt: str, kind: str, value: str) -> str:
    """SHA-256 of salt, kind and value, in hexadecimal."""
    return hashlib.sha256(f"{salt}\0{kind}\0{value}".encode()).hexdigest()


@dataclass(frozen=True)
class Forgotten:
    """Salted digests of ids, contents (their `content_sha256`) and sources, by record's name.

    `known[salt][digest]` names the record; usually there is one salt.
    """

    known: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> "Forgotten":
        """Read every record of a folder; raises `WinnowError` for one that cannot be read."""
        known: dict[str, dict[str, str]] = {}
        for file in sorted(folder.glob("*.json")):
            try:
                record = json.loads(file.read_text(encoding="utf-8"))
                digests = known.setdefault(record["salt"], {})
                digests |= {each: file.stem for kind in KINDS for each in record[kind]}
            except (ValueError, KeyError, TypeError) as error:
                raise WinnowError(
                    f"a takedown record cannot be read: {type(error).__name__}",
                    expected=f"a JSON object with salt, {', '.join(KINDS)}",
                    where=str(file),
                    remedy=f"bring it back: git checkout -- {file}",
                ) from None
        return cls(known)

    @property
    def digest(self) -> str:
        """SHA-256 of all salts and digests; empty if there are none."""
        if not self.known:
            return ""
        listed = sorted((salt, *sorted(digests)) for salt, digests in self.known.items())
        return hashlib.sha256(json.dumps(listed).encode()).hexdigest()

    def record_of(self, **values: str) -> tuple[str, str]:
        """(name, digest) of the record that took one of `values` (by kind) down; empty if none."""
        for salt, digests in self.known.items():
            for kind, value in values.items():
                digest = salted(salt, kind, value)
                if digest in digests:
                    return digests[digest], digest
        return "", ""


def digests(salt: str, kind: str, values: Iterable[str]) -> list[str]:
    """Salted digests of several values, sorted."""
    return sorted({salted(salt, kind, value) for value in values})
