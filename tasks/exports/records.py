"""From a row to what is written of it: all columns, Alpaca's three, or chat messages."""

import json
from collections.abc import Callable
from typing import Any, Final

from schemas.errors import WinnowError
from tasks.exports.choices import Format
from tasks.exports.columns import Columns, own_licence
from tasks.exports.rows import Row
from tasks.exports.settings import Keys
from tasks.readers.normalise import is_blank
from tasks.telling import plain

Record = dict[str, Any]
ALPACA: Final = dict.fromkeys(("instruction", "input", "output", "id", "source"), "text")
MESSAGES: Final = {"messages": "messages", "id": "text", "source": "text"}


def fields_of(shape: Format, columns: Columns) -> dict[str, str]:
    """Names of a record's fields with the kind of each."""
    if shape == Format.ALPACA:
        return {**ALPACA, "license": "text"}
    return {**MESSAGES, "license": "text"} if shape == Format.MESSAGES else columns.typed()


def recorder(shape: Format, columns: Columns, keys: Keys, licence: str) -> Callable[[Row], Record]:
    """How a row is written in that format; it raises `WinnowError` for a row without the parts."""

    def trained_on(row: Row) -> Record:
        parts = _alpaca(row, keys) if shape == Format.ALPACA else _messages(row, keys)
        named = {"id": row.id, "source": row.source, "license": own_licence(row) or licence or None}
        return {**parts, **named}

    if shape in (Format.ALPACA, Format.MESSAGES):
        return trained_on
    return lambda row: columns.record(row, licence, in_json=not shape.is_parquet)


def _alpaca(row: Row, keys: Keys) -> Record:
    parts = _instruction(row, keys)
    if parts is None:
        raise _lacks(row, f"fields {keys.instruction!r} and {keys.output!r}", "alpaca")
    return dict(zip(("instruction", "input", "output"), parts, strict=True))


def _instruction(row: Row, keys: Keys) -> tuple[str, str, str] | None:
    """Instruction, input and output of a row as its record had them; None if it is no such row."""
    found = [row.metadata.get(key) for key in (keys.instruction, keys.input, keys.output)]
    if not isinstance(found[0], str) or not isinstance(found[2], str):
        return None
    return found[0], found[1] if isinstance(found[1], str) else "", found[2]


def _messages(row: Row, keys: Keys) -> Record:
    said = row.metadata.get(keys.messages)
    if isinstance(said, str):  # as CSV has it
        said = _parsed(said)
    if isinstance(said, list) and said and all(map(_is_message, said)):
        return {"messages": [_message(each) for each in said]}
    parts = _instruction(row, keys)
    if parts is None:
        either = f"a list {keys.messages!r}, or {keys.instruction!r} and {keys.output!r}"
        raise _lacks(row, either, "messages")
    asked = parts[0] if is_blank(parts[1]) else f"{parts[0]}\n\n{parts[1]}"
    turns = (("user", asked), ("assistant", parts[2]))
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _is_message(found: Any) -> bool:
    return isinstance(found, dict) and all(isinstance(part, str) for part in _pair(found))


def _pair(found: dict[str, Any]) -> tuple[Any, Any]:
    if found.get("from") is None:
        return found.get("role"), found.get("content")
    return found["from"], found.get("value")


def _message(found: dict[str, Any]) -> dict[str, str]:
    role, content = _pair(found)
    return {"role": role, "content": content}


def _lacks(row: Row, expected: str, shape: str) -> WinnowError:
    has = ", ".join(plain(key)[:40] for key in sorted(row.metadata)[:8]) or "none"
    return WinnowError(
        f"a row cannot be written as {shape}: {plain(row.id)[:80]}",
        expected=f"{expected} among the fields of its record",
        where=f"{plain(row.source_file)}, record {row.source_row}; its fields beside the text: "
        f"{has}",
        remedy="--format jsonl writes rows of every shape; ingest.shape and its keys say which "
        "fields a record has",
    )
