"""Which files hold a row that is to be forgotten: by its ids, its hashes, its text.

A table holds it if a cell is one of its ids or hashes, or a longer text mentions an id or the text;
any other file if its text does, packed parts of pages inflated.
"""

import base64
import binascii
import html
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow.parquet as pq

from tasks.storage.rows import ROW_GROUP_ROWS

TABLE: Final = b"PAR1"
PACKED: Final = re.compile(rb"eJ[A-Za-z0-9+/]{14,}={0,2}")  # base64 of zlib's usual first bytes
MENTIONED_CHARS: Final = 6  # a shorter id is too common inside texts: it counts in quotes only
START_CHARS: Final = 60  # pages cut texts
WORD: Final = r"[\w-]"


@dataclass(frozen=True)
class Traces:
    """What one or several rows can be known by. `starts` are texts' beginnings, of no other row."""

    ids: frozenset[str] = frozenset()
    hashes: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    starts: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.ids or self.hashes)

    def in_file(self, path: Path) -> bool:
        """Whether a file holds a trace of the rows."""
        with path.open("rb") as file:
            first = file.read(len(TABLE))
        return self._in_table(path) if first == TABLE else self.in_bytes(path.read_bytes())

    def _in_table(self, path: Path) -> bool:
        file = pq.ParquetFile(path)
        for batch in file.iter_batches(ROW_GROUP_ROWS):
            frame = pl.DataFrame(pl.from_arrow(batch))
            if any(self.in_column(frame[name]).any() for name in frame.columns):
                return True
        return False

    def in_column(self, column: pl.Series) -> pl.Series:
        """Which cells hold a trace; none of a column that is not text."""
        if column.dtype not in (pl.String, pl.Categorical):
            return pl.Series([False]).new_from_index(0, len(column))
        column = column.cast(pl.String).fill_null("")
        equal = column.is_in(pl.Series(sorted(self.ids | self.hashes), dtype=pl.String).implode())
        near = column.str.contains_any(self._mentions) if self._mentions else pl.Series([False])
        if not near.any():
            return equal
        sure = [self._is_mentioned(cell) if hit else False for cell, hit in zip(column, near)]  # noqa: B905
        return equal | pl.Series(sure, dtype=pl.Boolean)

    def in_bytes(self, content: bytes) -> bool:
        """Whether a text, or what is packed in it, holds a trace."""
        return any(self._in_text(part) for part in unpacked(content))

    def _in_text(self, content: bytes) -> bool:
        if not (self._mentions or self._quoted):
            return False
        text = content.decode("utf-8", "replace")
        near = pl.Series([text]).str.contains_any([*self._mentions, *self._quoted])
        return bool(near[0]) and (self._is_mentioned(text) or any(q in text for q in self._quoted))

    def _is_mentioned(self, text: str) -> bool:
        """Whether a text is there, or an id that is not a part of a longer one."""
        if not self._mentions:
            return False
        found = pl.Series([text]).str.extract_many(self._mentions, overlapping=True)[0]
        return any(
            each in self._whole or re.search(rf"(?<!{WORD}){re.escape(each)}(?!{WORD})", text)
            for each in found.unique()
        )

    @cached_property
    def _whole(self) -> frozenset[str]:
        return frozenset(form for text in (*self.texts, *self.starts) for form in forms(text))

    @cached_property
    def _mentions(self) -> list[str]:
        named = [one for one in (*self.ids, *self.hashes) if len(one) >= MENTIONED_CHARS]
        return sorted({form for one in named for form in forms(one)} | self._whole)

    @cached_property
    def _quoted(self) -> list[str]:
        """Short ids as they stand in JSON and in pages."""
        short = [form for one in self.ids if len(one) < MENTIONED_CHARS for form in forms(one)]
        return sorted(f"{a}{one}{b}" for one in short for a, b in ('""', "''", "><"))


def forms(text: str) -> set[str]:
    """A text as it stands, and as JSON and HTML write it."""
    escaped = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    return {text, html.escape(text), html.escape(text, quote=False), *escaped} - {""}


def unpacked(content: bytes) -> Iterator[bytes]:
    """A file's bytes, then every part of it that is deflated and in base64 (see tasks.pages)."""
    yield content
    for found in PACKED.finditer(content):
        try:
            yield zlib.decompress(base64.b64decode(found[0]))
        except (zlib.error, binascii.Error):
            continue
