"""What every reader yields: a record, or the fault that keeps it from being one."""

import hashlib
import reprlib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NamedTuple

FOUND_CHARS = 200
_NAMES_SHOWN = 20
_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother, _SHORT.maxlong = 4, FOUND_CHARS, FOUND_CHARS, 80


class Fault(NamedTuple):
    """Why a record is refused: rule (a name of `schemas.tables.QUARANTINE_RULES`), field, words."""

    rule: str
    column: str
    expected: str
    found: str
    hint: str


class Refused(Exception):  # noqa: N818 - a verdict on one record, not an error of the program
    """Raised while a record becomes a document; carries the fault."""

    def __init__(self, fault: Fault):
        self.fault = fault
        super().__init__(fault)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file, in order.

    `row` counts the file's records from 1 (0: the file as a whole), `line` its lines from 1 (the
    record's first; None in Parquet). `value` is the record as a dictionary, also beside a fault
    where enough of it could be read to find its id. `sha256` hashes its bytes without the line
    end; in Parquet, which has no such bytes, its canonical JSON.
    """

    row: int
    line: int | None
    value: dict[str, Any] | None
    sha256: str
    fault: Fault | None = None


def refused(row: int, line: int | None, raw: bytes, fault: Fault) -> Record:
    """Make a record of which nothing but its bytes is known."""
    return Record(row, line, None, digest(raw), fault)


def digest(raw: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(raw).hexdigest()


def visible(value: object, limit: int = FOUND_CHARS) -> str:
    """Show hostile text in at most `limit` characters, unprintable and bidi ones escaped."""
    if value is None:
        return "null"
    if isinstance(value, bytes):
        text = value[: 4 * limit].decode("utf-8", "backslashreplace")
    else:
        text = value if isinstance(value, str) else _SHORT.repr(value)
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text[: limit + 1]
    )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def missing_column(key: str, columns: tuple[str, ...], setting: str) -> str:
    """Hint for a column that is not there: those that are, the nearest first."""
    return _missing_column(key, tuple(name[:100] for name in columns[:200]), setting)


@lru_cache(maxsize=1024)
def _missing_column(key: str, columns: tuple[str, ...], setting: str) -> str:
    names = ", ".join(visible(name, 40) for name in columns[:_NAMES_SHOWN])
    more = f" and {len(columns) - _NAMES_SHOWN} more" if len(columns) > _NAMES_SHOWN else ""
    hint = f"columns found: {names}{more}" if columns else "the record has no fields"
    near = get_close_matches(key, columns, n=1, cutoff=0.6)
    wanted = f"; did you mean {visible(near[0], 40)!r}?" if near else ""
    return f"{hint}{wanted}; set ingest.{setting}"


def cut_short(
    row: int, line: int | None, raw: bytes, reason: str, remedy: str = "copy the file again"
) -> Record:
    """Stand in for the rest of a file that ends too early."""
    return refused(
        row,
        line,
        raw,
        Fault(
            "truncated_file",
            "",
            "a file that can be read to its end",
            visible(raw) if raw else "nothing after the last whole record",
            f"{reason}; all records before it were read, what followed is lost: {remedy}",
        ),
    )


def unreadable(reason: str, hint: str, raw: bytes = b"", expected: str = "") -> Record:
    """Stand in, as row 0, for a file of which nothing can be read."""
    expected = expected or "a file that can be read"
    return refused(0, None, raw, Fault("unreadable_file", "", expected, visible(reason), hint))


def too_large(row: int, line: int | None, sha256: str, size: int, limit: int, hint: str) -> Record:
    """Make a record that is not held in memory, known by its size and hash."""
    fault = Fault("record_too_large", "", f"at most {limit:,} bytes", f"{size:,} bytes", hint)
    return Record(row, line, None, sha256, fault)
