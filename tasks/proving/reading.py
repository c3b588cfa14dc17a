"""Any file our readers read -> a table of ids, texts, labels, ratings and splits."""

import math
import shutil
from collections import Counter
from collections.abc import Iterator
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
                    if row and forgotten.record_of(contents=row[0])[0]:
                        row, reason = None, "taken down"
                    if row:
                        yield row
                    else:
                        unused[reason] += 1
                opened.confirm()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _row(record: Record, params: ProveParams) -> tuple[tuple[Any, ...] | None, str]:
    """A record as a row of SCHEMA, or None and why not."""
    if record.fault is not None:
        return None, record.fault.rule
    value = record.value or {}
    parts = [value.get(key) for key in split_names(params.text)]
    texts = [part for part in parts if isinstance(part, str) and not is_blank(part)]
    if not texts or any(has_surrogate(text) for text in texts):
        return None, "no text"
    label = _label(value.get(params.label)) if params.label else None
    if params.label and label is None:
        return None, "no label"
    rating = _rating(value.get(params.rating)) if params.rating else None
    if params.rating and rating is None:
        return None, "no rating"
    split = str(value.get(params.split, "")) if params.split else None
    text = normalise("\n\n".join(texts))
    return (digest(text.encode()), text, label, rating, split), ""


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
