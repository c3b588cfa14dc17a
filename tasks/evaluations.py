"""Evaluation items: the texts that rows worth training on must not overlap with."""

import shutil
from collections.abc import Iterator
from typing import Any, Final

import polars as pl

from schemas.errors import SourceError
from schemas.params import Params, split_names
from tasks.paths import Paths
from tasks.readers import read_records
from tasks.readers.files import OpenedFile, SourceFile
from tasks.readers.normalise import has_surrogate, is_blank, normalise
from tasks.readers.records import Record, Refused, digest, visible
from tasks.readers.shapes import optional_text
from tasks.storage.places import Places

ID_CHARS: Final = 120  # of an item's id that are kept, as evidence
COLUMNS: Final = {
    "evaluation_file": pl.String,
    "item_row": pl.Int64,
    "item_line": pl.Int64,
    "item_id": pl.String,
    "text": pl.String,
    "content_sha256": pl.String,
}


def read_items(files: list[SourceFile], params: Params, paths: Paths) -> pl.DataFrame:
    """All items in order of file and record; a blank one has an empty text.

    Raises `SourceError` for the first record that cannot be used: an item left out in silence
    would be contamination that nobody looks for.
    """
    folder = paths.progress("decontaminate")
    try:
        rows = [item for file in files for item in _items(file, params, paths)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def _items(file: SourceFile, params: Params, paths: Paths) -> Iterator[tuple[Any, ...]]:
    keys, id_key = split_names(params.decontaminate.text_key), params.decontaminate.id_key
    scratch, limit = paths.progress("decontaminate"), params.ingest.max_record_bytes
    with OpenedFile(Places(paths.root), file) as opened:
        for record in read_records(opened, limit, scratch):
            text = _text(record, keys, file.path)
            name = (record.value or {}).get(id_key)
            shown = visible(str(name), ID_CHARS) if isinstance(name, str | int) else None
            yield file.path, record.row, record.line, shown, text, digest(text.encode())
        opened.confirm()


def _text(record: Record, keys: tuple[str, ...], path: str) -> str:
    """An item's text in the form that documents have, empty if blank."""
    fault, value = record.fault, record.value or {}
    where = f"{visible(path)}, record {record.row}"
    where += "" if record.line is None else f", line {record.line}"
    if fault is not None:
        raise _refused(f"{fault.rule}, {fault.found}", fault.expected, where, fault.hint)
    if not any(key in value for key in keys):
        names = ", ".join(visible(name, 40) for name in list(value)[:20])
        expected = f"a column {' or '.join(keys)} (decontaminate.text_key)"
        raise _refused("it has no text", expected, where, f"columns found: {names}")
    try:
        texts = (optional_text(value, key) for key in keys)
        text = next((text for text in texts if text is not None and not is_blank(text)), "")
    except Refused as refusal:
        wrong = refusal.fault
        raise _refused(
            f"column {wrong.column} holds {wrong.found}", wrong.expected, where, wrong.hint
        ) from None
    if has_surrogate(text):
        hint = "half of a surrogate pair; whatever wrote it cut a character in two"
        raise _refused(f"invalid_unicode, {visible(text)}", "whole characters", where, hint)
    return normalise(text)


def _refused(found: str, expected: str, where: str, remedy: str) -> SourceError:
    problem = f"an evaluation item cannot be used: {found}"
    return SourceError(problem, expected=expected, where=where, remedy=remedy)
