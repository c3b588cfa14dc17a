"""JSON Lines: one object per line, UTF-8; blank lines are not records."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import orjson

from tasks.readers.files import OpenedFile
from tasks.readers.lines import Line, Passage, split_lines
from tasks.readers.normalise import has_surrogate
from tasks.readers.records import Fault, Record, cut_short, digest, too_large, unreadable, visible

_BEYOND_64_BITS: Final = float(2**63)
_EXPECTED: Final = "one JSON object per line"


def read_jsonl(opened: OpenedFile, limit: int) -> Iterator[Record]:
    """Yield every line that is not blank; memory is one block and a line of `limit` bytes."""
    row = 0
    lines = split_lines(opened.blocks(), limit)
    for line in lines:
        if not line.ends:
            row += 1
            yield _pass_over(row, line, lines, limit)
        elif line.broken:
            yield broken_off(row + 1, line)
        elif line.raw and not line.raw.isspace():
            row += 1
            yield parse(row, line.number, line.raw.removesuffix(b"\r"))


def _pass_over(row: int, first: Line, lines: Iterator[Line], limit: int) -> Record:
    passage, line = Passage(), first
    passage.add(line.raw)
    while not line.ends:
        line = next(lines)
        passage.add(line.raw)
    if line.broken:
        cut = cut_short(row, line.number, first.raw, line.broken)
        return replace(cut, sha256=passage.sha256)
    hint = "raise ingest.max_record_bytes, or split the record"
    return too_large(row, line.number, passage.sha256, passage.size, limit, hint)


def broken_off(row: int, line: Line) -> Record:
    """Stand in for the rest of a broken stream, or for a file that gave no byte at all."""
    if line.number == 1 and not line.raw:
        return unreadable(line.broken, "copy or download the file again")
    return cut_short(row, line.number, line.raw, line.broken)


def parse(row: int, line: int, raw: bytes) -> Record:
    """Read one line of JSON; a fault where it is not an object."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return _broken(row, line, raw, error)
    if type(value) is not dict:
        return Record(row, line, None, digest(raw), _not_an_object(value, raw))
    for field in value.values():  # orjson reads an integer beyond 64 bits as a float
        if type(field) is float and abs(field) >= _BEYOND_64_BITS:
            value = _lenient(raw.decode("utf-8")) or value
            break
    return Record(row, line, value, digest(raw))


def _not_an_object(value: object, raw: bytes) -> Fault:
    kind = {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    hint = f"the line holds {kind.get(type(value), 'a number')}; write {{...}}"
    return Fault("not_an_object", "", _EXPECTED, visible(raw), hint)


def _broken(row: int, line: int, raw: bytes, error: orjson.JSONDecodeError) -> Record:
    """Say what is wrong with a line that is not JSON; its id may still be readable."""
    value, fault = None, None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as wrong:
        text = raw.decode("utf-8", "surrogateescape")
        value = _lenient(text)
        fault = invalid_utf8(raw, wrong, lone_surrogate(value or {}))
    if fault is None and "surrogate" in str(error):
        value = _lenient(text)
        column = lone_surrogate(value or {})
        hint = "half of a surrogate pair; whatever wrote it cut a character in two"
        fault = Fault("invalid_unicode", column, "whole characters", visible(raw), hint)
    if fault is None:
        fault = Fault("broken_json", "", _EXPECTED, visible(raw), _why(raw, error))
    return Record(row, line, value, digest(raw), fault)


def invalid_utf8(raw: bytes, error: UnicodeDecodeError, column: str) -> Fault:
    """Describe bytes that are not UTF-8, shown from a little before the first wrong one."""
    near = raw[max(0, error.start - 40) :]
    wrong = raw[error.start : error.end].hex(" ")
    hint = f"byte {error.start + 1} of the record is {wrong}; convert the file to UTF-8"
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        hint = "the file looks like UTF-16; convert it to UTF-8"
    return Fault("invalid_utf8", visible(column, 100), "UTF-8", visible(near), hint)


def _why(raw: bytes, error: orjson.JSONDecodeError) -> str:
    if raw.lstrip()[:1] == b"[":
        return "a file that is one JSON array must be rewritten, one object per line"
    if raw.count(b"\0") * 3 > len(raw):
        return "the file looks like UTF-16; convert it to UTF-8"
    if b"NaN" in raw or b"Infinity" in raw:
        return f"NaN and Infinity are not JSON, use null; {error.msg} at character {error.pos + 1}"
    return f"{error.msg} at character {error.pos + 1} of the line"


def _lenient(text: str) -> dict[str, Any] | None:
    """Read JSON with the standard library: big integers, escapes of lone surrogates; or None."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def lone_surrogate(value: dict[str, Any]) -> str:
    """Name of the first field that holds a lone surrogate, or an empty string."""
    for key, field in value.items():
        waiting: list[Any] = [key, field]
        while waiting:
            item = waiting.pop()
            if isinstance(item, str) and has_surrogate(item):
                return visible(key, 100)
            if isinstance(item, dict):
                waiting += [*item.keys(), *item.values()]
            elif isinstance(item, list):
                waiting += item
    return ""
