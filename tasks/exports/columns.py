"""Metadata as columns: one per key, of one type where all rows agree, else as JSON text."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from tasks.exports.rows import Row
from tasks.exports.settings import Keys
from tasks.telling import plain

OWN: Final = {  # columns of every export, by name: what pyarrow and Croissant call their type
    "id": "text",
    "text": "text",
    "source": "text",
    "license": "text",
    "rank": "integer",
    "weight": "number",
    "source_file": "text",
    "source_row": "integer",
    "text_sha256": "text",
}
ARROW: Final = {
    "text": pa.large_string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "json": pa.large_string(),
}
LICENCE_KEYS: Final = ("license", "licence")
LANGUAGE_KEYS: Final = ("language", "lang")
PACKED: Final = "metadata"
MOST_COLUMNS: Final = 256  # beyond that, metadata is one column of JSON
EXACT_IN_FLOAT: Final = 2**53


def kind_of(value: Any) -> str:
    """The kind of column that holds a value, empty for null; `wide`: an integer no float holds."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        if abs(value) <= EXACT_IN_FLOAT:
            return "integer"
        return "wide" if -(2**63) <= value < 2**63 else "json"
    if isinstance(value, float):
        return "number"
    return "text" if isinstance(value, str) else "json"


def settle(kinds: set[str]) -> str:
    """The kind of column that holds values of all these kinds and gives each back as it was."""
    found = kinds - {""}
    if not found:
        return "text"
    if found <= {"integer", "wide"}:
        return "integer"
    if found <= {"integer", "number"}:
        return "number"
    return found.pop() if len(found) == 1 else "json"


@dataclass
class Survey:
    """What a look through all rows found: kinds of values by key, and counts for the card."""

    keys: Keys
    kinds: dict[str, set[str]] = field(default_factory=dict)
    licences: Counter[tuple[str, str]] = field(default_factory=Counter)  # (source, its own licence)
    tokens: Counter[str] = field(default_factory=Counter)  # by source
    languages: set[str] = field(default_factory=set)

    def see(self, row: Row) -> None:
        """Take one row into account."""
        self.licences[row.source, own_licence(row) or ""] += 1
        self.tokens[row.source] += row.tokens
        for name in LANGUAGE_KEYS:
            if len(self.languages) < MOST_COLUMNS and isinstance(row.metadata.get(name), str):
                self.languages.add(row.metadata[name])
        for key, value in row.metadata.items():
            if len(self.kinds) <= MOST_COLUMNS:
                self.kinds.setdefault(key, set()).add(kind_of(value))
            elif key in self.kinds:
                self.kinds[key].add(kind_of(value))

    def columns(self) -> "Columns":
        """Name a column for each key; a name that is taken gets `metadata_` before it."""
        if len(self.kinds) > MOST_COLUMNS:
            return Columns({}, {}, is_packed=True)
        told = {self.keys.id, self.keys.source}
        told |= {key for key in LICENCE_KEYS[:1] if self.kinds.get(key, set()) <= {"", "text"}}
        names: dict[str, str] = {}
        for key in sorted(self.kinds.keys() - told):
            name = plain(key)
            while not name or name in OWN or name in names.values():
                name = f"{PACKED}_{name}"
            names[key] = name
        return Columns(names, {key: settle(self.kinds[key]) for key in names})


@dataclass(frozen=True)
class Columns:
    """The columns that metadata becomes: key -> name, key -> kind; or one column of JSON."""

    names: dict[str, str]
    kinds: dict[str, str]
    is_packed: bool = False

    def typed(self) -> dict[str, str]:
        """Name and kind of every column, Winnow's own first."""
        own = {PACKED: "json"} if self.is_packed else {}
        return {**OWN, **own, **{name: self.kinds[key] for key, name in self.names.items()}}

    def record(self, row: Row, licence: str, in_json: bool) -> dict[str, Any]:
        """A row with these columns; what only JSON can hold stays a value where `in_json`."""
        own = {name: getattr(row, name) for name in OWN if name != "license"}
        own = {**own, "license": own_licence(row) or licence or None}
        record = {name: own[name] for name in OWN}
        if self.is_packed:
            record[PACKED] = row.metadata if in_json else _as_json(row.metadata)
        for key, name in self.names.items():
            value = row.metadata.get(key)
            if value is not None and self.kinds[key] == "json" and not in_json:
                value = _as_json(value)
            record[name] = value
        return record


def own_licence(row: Row) -> str | None:
    """The licence that a row names itself, in `license` or `licence`."""
    for key in LICENCE_KEYS:
        value = row.metadata.get(key)
        if isinstance(value, str) and value.strip():
            return value
    return None


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
