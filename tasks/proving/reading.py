"""Any file our readers read -> a table of ids, texts, labels, ratings and splits."""

import math
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

import polars as pl

from schemas.errors import SettingsError
from schemas.params import split_names
from schemas.proof import ProveParams
from tasks.paths import Paths
from tasks.readers import read_records
from tasks.readers.files import OpenedFile
from tasks.readers.normalise import has_surrogate, is_blank, normalise
from tasks.readers.records import Record, digest, visible
from tasks.sources import find_sources
from tasks.storage.places import Places
from tasks.takedowns import Forgotten

MAX_RECORD_BYTES: Final = 16 * 2**20
SCHEMA: Final = {
    "content_sha256": pl.String,
    "text": pl.String,
    "label": pl.String,
    "rating": pl.Float64,
    "split": pl.String,
    "other": pl.String,
}


@dataclass(frozen=True)
class Readings:
    """Usable rows sorted by id, and how many records were not usable, by reason."""

    rows: pl.DataFrame  # id, and the columns of SCHEMA
    unused: dict[str, int]


def read(params: ProveParams, paths: Paths) -> Readings:
    """Read all files; raises `SettingsError` for a column that no record has.

    A row's id is a hash of its text, and the count of equal texts before it.
    """
    unused: Counter[str] = Counter()
    columns: dict[str, None] = {}  # in the order met
    found = pl.DataFrame(list(_rows(params, paths, unused, columns)), schema=SCHEMA, orient="row")
    asked = [(key, "--text") for key in split_names(params.text)]
    asked += [(key, "--against") for key in _names(params.against)]
    asked += [(params.label, "--label"), (params.rating, "--rating"), (params.split, "--split")]
    for key, option in asked:
        if key and key not in columns:
            raise _no_column(key, option, list(columns))
    number = pl.int_range(pl.len()).over("content_sha256").cast(pl.String).str.zfill(4)
    named = found.with_columns(id=pl.col("content_sha256").str.slice(0, 24) + "-" + number)
    return Readings(named.sort("id"), dict(sorted(unused.items())))


def _rows(
    params: ProveParams, paths: Paths, unused: Counter[str], columns: dict[str, None]
) -> Iterator[tuple[Any, ...]]:
    scratch, forgotten = paths.progress("prove"), Forgotten.load(paths.takedowns)
    try:
        for file in find_sources(list(params.source), paths, "--source"):
            with OpenedFile(Places(paths.root), file) as opened:
                for record in read_records(opened, MAX_RECORD_BYTES, scratch):
                    columns.update(dict.fromkeys(record.value or {}))
                    row, reason = _row(record, params)
                    if row and _taken_down(row, forgotten):
                        row, reason = None, "taken down"
                    if row:
                        yield row
                    else:
                        unused[reason] += 1
                opened.confirm()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _taken_down(row: tuple[Any, ...], forgotten: Forgotten) -> bool:
    """Whether the row's text or its other one was taken down."""
    texts = [row[0]] if row[-1] is None else [row[0], digest(row[-1].encode())]
    return any(forgotten.record_of(contents=text)[0] for text in texts)


def _row(record: Record, params: ProveParams) -> tuple[tuple[Any, ...] | None, str]:
    """A record as a row of SCHEMA, or None and why not."""
    if record.fault is not None:
        return None, record.fault.rule
    value = record.value or {}
    own, against = _names(params.text), _names(params.against)
    text, other = _text(value, own), _text(value, against) if against else None
    if not text or (against and not _text(value, [key for key in own if key not in against])):
        return None, "no text"
    if against and not _text(value, [key for key in against if key not in own]):
        return None, "no other text"
    if other == text:
        return None, "two equal texts"
    label = _label(value.get(params.label)) if params.label else None
    if params.label and label is None:
        return None, "no label"
    rating = _rating(value.get(params.rating)) if params.rating else None
    if params.rating and rating is None:
        return None, "no rating"
    split = str(value.get(params.split, "")) if params.split else None
    return (digest(text.encode()), text, label, rating, split, other), ""


def _names(columns: str) -> tuple[str, ...]:
    return split_names(columns) if columns else ()


def _text(value: dict[str, Any], columns: Sequence[str]) -> str:
    """The columns' texts with blank lines between; empty if there are none that can be used."""
    parts = [value.get(key) for key in columns]
    texts = [part for part in parts if isinstance(part, str) and not is_blank(part)]
    if any(has_surrogate(text) for text in texts):
        return ""
    return normalise("\n\n".join(texts))


def _label(value: Any) -> str | None:
    return None if value is None or value == "" or value != value else str(value)


def _rating(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _no_column(key: str, option: str, columns: list[str]) -> SettingsError:
    near = get_close_matches(key, columns, n=1)
    shown = ", ".join(visible(name, 40) for name in columns[:20]) or "none"
    return SettingsError(
        f"no record has the column {visible(key, 60)!r}",
        expected=f"one of the columns found: {shown}",
        where=option,
        remedy=f"did you mean {visible(near[0], 40)!r}?" if near else "",
    )
