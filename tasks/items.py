"""Items: texts of files beside the sources (evaluations, a target), and their vectors."""

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from schemas.errors import SourceError
from schemas.params import Params, split_names
from tasks.embed import embed_missing, sound
from tasks.encoders import load_encoder
from tasks.paths import Paths
from tasks.readers import read_records
from tasks.readers.files import OpenedFile, SourceFile
from tasks.readers.normalise import has_surrogate, is_blank, normalise
from tasks.readers.records import Record, Refused, digest, visible
from tasks.readers.shapes import optional_text
from tasks.storage.places import Places
from tasks.storage.vectors import VectorStore

ID_CHARS: Final = 120  # of an item's id that are kept, as evidence
COLUMNS: Final = {
    "evaluation_file": pl.String,
    "item_row": pl.Int64,
    "item_line": pl.Int64,
    "item_id": pl.String,
    "text": pl.String,
    "content_sha256": pl.String,
}
log = logging.getLogger("winnow")


@dataclass(frozen=True)
class ItemKind:
    """What items are called in errors, the stage that reads them, and their columns.

    `text_key`: names, with commas between, of which the first that an item has counts;
    `text_setting`: the setting it comes from; `id_key`: the column of the item's id, if any.
    """

    noun: str
    stage: str
    text_setting: str
    text_key: str
    id_key: str = ""


def evaluation_kind(params: Params) -> ItemKind:
    """Items that rows worth training on must not overlap with."""
    asked = params.decontaminate
    setting = "decontaminate.text_key"
    return ItemKind("an evaluation item", "decontaminate", setting, asked.text_key, asked.id_key)


def read_items(files: list[SourceFile], params: Params, paths: Paths) -> pl.DataFrame:
    """All evaluation items in order of file and record; a blank one has an empty text.

    Raises `SourceError` for the first record that cannot be used: an item left out in silence
    would be contamination that nobody looks for.
    """
    rows = each_item(files, evaluation_kind(params), params.ingest.max_record_bytes, paths)
    return pl.DataFrame(list(rows), schema=COLUMNS, orient="row")


def each_item(
    files: list[SourceFile], kind: ItemKind, max_record_bytes: int, paths: Paths
) -> Iterator[tuple[Any, ...]]:
    """Yield items, values as in `COLUMNS`, without holding them; see `read_items`."""
    scratch = paths.progress(kind.stage)
    try:
        for file in files:
            with OpenedFile(Places(paths.root), file) as opened:
                yield from _items(opened, file.path, kind, max_record_bytes, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _items(
    opened: OpenedFile, path: str, kind: ItemKind, max_record_bytes: int, scratch: Path
) -> Iterator[tuple[Any, ...]]:
    keys = split_names(kind.text_key)
    for record in read_records(opened, max_record_bytes, scratch):
        text = _text(record, keys, path, kind)
        name = (record.value or {}).get(kind.id_key)
        shown = visible(str(name), ID_CHARS) if isinstance(name, str | int) else None
        yield path, record.row, record.line, shown, text, digest(text.encode())
    opened.confirm()


def _text(record: Record, keys: tuple[str, ...], path: str, kind: ItemKind) -> str:
    """An item's text in the form that documents have, empty if blank."""
    fault, value = record.fault, record.value or {}
    where = f"{visible(path)}, record {record.row}"
    where += "" if record.line is None else f", line {record.line}"
    if fault is not None:
        raise _refused(kind, f"{fault.rule}, {fault.found}", fault.expected, where, fault.hint)
    if not any(key in value for key in keys):
        names = ", ".join(visible(name, 40) for name in list(value)[:20])
        expected = f"a column {' or '.join(keys)} ({kind.text_setting})"
        raise _refused(kind, "it has no text", expected, where, f"columns found: {names}")
    try:
        texts = (optional_text(value, key) for key in keys)
        text = next((text for text in texts if text is not None and not is_blank(text)), "")
    except Refused as refusal:
        wrong = refusal.fault
        found = f"column {wrong.column} holds {wrong.found}"
        raise _refused(kind, found, wrong.expected, where, wrong.hint) from None
    if has_surrogate(text):
        hint = "half of a surrogate pair; whatever wrote it cut a character in two"
        raise _refused(kind, f"invalid_unicode, {visible(text)}", "whole characters", where, hint)
    return normalise(text)


def _refused(kind: ItemKind, found: str, expected: str, where: str, remedy: str) -> SourceError:
    problem = f"{kind.noun} cannot be used: {found}"
    return SourceError(problem, expected=expected, where=where, remedy=remedy)


def item_vectors(items: pl.DataFrame, params: Params, paths: Paths) -> np.ndarray:
    """The items' vectors, (items, d), through the cache that `embed` keeps."""
    log.info(f"loading the model {params.embed.model}")
    encoder = load_encoder(params.embed)
    cache = VectorStore(paths.store(params.store)).cache(encoder.identity, encoder.width)
    texts = items.select("text", "content_sha256").unique("content_sha256", maintain_order=True)
    missing = texts.join(
        sound(cache, texts), on="content_sha256", how="anti", maintain_order="left"
    )
    embed_missing(encoder, cache, (missing,), len(missing))
    places = items.join(cache.places(), on="content_sha256", how="left", maintain_order="left")
    taken = cache.take(places["place"].to_numpy())["vector"].combine_chunks()
    flat = taken.flatten().to_numpy(zero_copy_only=False)
    vectors: np.ndarray = flat.reshape(-1, encoder.width)
    return vectors
