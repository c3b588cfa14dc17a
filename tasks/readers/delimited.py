"""CSV and TSV with a header: RFC 4180 quoting, fields over several lines, UTF-8.

The standard library's parser is the state machine; it is fed line by line, so that a record's
bytes, first line and size are known, and no record above the limit is held.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from typing import Final

from tasks.readers.files import OpenedFile
from tasks.readers.jsonl import broken_off, invalid_utf8, lone_surrogate
from tasks.readers.lines import Line, Passage, split_lines
from tasks.readers.records import (
    Fault,
    Record,
    cut_short,
    digest,
    refused,
    too_large,
    unreadable,
    visible,
)

DELIMITERS: Final = {"csv": ",", "tsv": "\t"}
_ONE_HEADER: Final = "a header line that names every column once"


class _TooLargeError(Exception):
    """The record under way is above the limit."""


class _BrokenOffError(Exception):
    """The stream broke off in the record under way."""


class _Feed:
    """Gives the parser its lines and remembers the bytes of the current record.

    Holds at most `limit` bytes of one record and one line or block more. Bytes, no list of lines:
    sixteen million empty lines behind an open quote would be gigabytes of objects.
    """

    def __init__(self, lines: Iterator[Line], limit: int):
        self.lines, self._limit, self.ended = lines, limit, False
        self.begin()

    def begin(self) -> None:
        """Forget the last record."""
        self._held = bytearray()
        self.first: Line | None = None
        self.last: Line | None = None

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = next(self.lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        if self.first is None:
            self.first = line
        else:
            self._held += b"\n"  # stands between lines, none after the last
        self.last = line
        self._held += line.raw
        if not line.ends or len(self._held) > self._limit:
            raise _TooLargeError
        if line.broken:
            raise _BrokenOffError
        return line.raw.decode("utf-8", "surrogateescape") + "\n"

    @property
    def raw(self) -> bytes:
        """Bytes of the current record, without its line end."""
        return self.whole.removesuffix(b"\r")

    @property
    def whole(self) -> bytes:
        """Bytes of the current record, a carriage return of its line end included."""
        return bytes(self._held)

    @property
    def line(self) -> int:
        """Number of the current record's first line."""
        assert self.first is not None
        return self.first.number


class _Table:
    """Turns what the parser says about each record into records."""

    def __init__(self, opened: OpenedFile, limit: int):
        csv.field_size_limit(max(limit, 1))
        self.limit, self.row = limit, 0
        self.feed = _Feed(split_lines(opened.blocks(), limit), limit)
        delimiter = DELIMITERS[opened.source.format]
        self.parser = csv.reader(self.feed, delimiter=delimiter, strict=True)

    def next_fields(self) -> tuple[list[str] | None, Iterator[Record] | None]:
        """Give the next fields, or the faulty records in their place; neither at the end."""
        self.feed.begin()
        try:
            return next(self.parser), None
        except StopIteration:
            return None, None
        except _TooLargeError:
            return None, iter((self._pass_over(),))
        except _BrokenOffError:
            return None, iter((self._broken_off(),))
        except csv.Error as error:
            if self.feed.ended:
                return None, self._never_closed()
            return None, iter((self._broken_quoting(str(error)),))

    def _pass_over(self) -> Record:
        """Pass over the rest of a record above the limit.

        In a quoted field every `"` opens or closes, so an odd count means: still inside.
        """
        passage, line, last = Passage(), self.feed.line, self.feed.last
        assert last is not None
        passage.add(self.feed.whole)
        while not last.ends or (passage.quotes % 2 and not last.broken):
            following = next(self.feed.lines, None)
            if following is None:
                break
            passage.add(following.raw if not last.ends else b"\n" + following.raw)
            last = following
        hint = "raise ingest.max_record_bytes, or split the record"
        if passage.quotes % 2:
            lines = last.number - line + 1
            hint = f"a quote opened here is never closed: it takes in {lines:,} lines to the end"
        self.row += 1
        size = passage.size
        return too_large(self.row, line, passage.sha256, size, self.limit, hint)

    def _broken_off(self) -> Record:
        assert self.feed.last is not None
        line = Line(self.feed.line, self.feed.raw, broken=self.feed.last.broken)
        return broken_off(self.row + 1, line)

    def _never_closed(self) -> Iterator[Record]:
        """One record for each line behind a quote that is never closed, so that all are counted."""
        first, held = self.feed.line, io.BytesIO(self.feed.whole + b"\n")
        reason = f"a quote opened on line {first} is never closed"
        remedy = "close it, or copy the file again"
        for place, line in enumerate(held):
            raw = line.removesuffix(b"\n").removesuffix(b"\r")
            yield cut_short(self.row + 1 + place, first + place, raw, reason, remedy)

    def _broken_quoting(self, error: str) -> Record:
        self.row += 1
        raw, line = self.feed.raw, self.feed.line
        hint = 'a quote inside a quoted field is written twice ("")'
        if "new-line" in error:
            hint = "a carriage return stands outside quotes; end lines with LF or CRLF"
        fault = Fault("broken_csv", "", "fields quoted as in RFC 4180", visible(raw), hint)
        return refused(self.row, line, raw, fault)

    def record(self, header: list[str], fields: list[str]) -> Record:
        """Name the fields of one record; a fault where their number or bytes are wrong."""
        self.row += 1
        raw, line = self.feed.raw, self.feed.line
        if len(fields) != len(header):
            return refused(self.row, line, raw, _wrong_count(header, fields, raw))
        value, fault = dict(zip(header, fields, strict=True)), None
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError as error:
            fault = invalid_utf8(raw, error, lone_surrogate(value))
        return Record(self.row, line, value, digest(raw), fault)


def read_delimited(opened: OpenedFile, limit: int) -> Iterator[Record]:
    """Yield every record after the header; empty lines are not records.

    A quote that is never closed gives one fault for each line it takes in.
    """
    table = _Table(opened, limit)
    header: list[str] = []
    while True:
        fields, faults = table.next_fields()
        if faults and not header:
            yield _no_header(next(faults))
            return
        if faults:
            yield from faults
        elif fields is None:
            break
        if fields and header:
            yield table.record(header, fields)
        elif fields:
            header = fields
            if fault := _bad_header(header, table.feed.raw):
                yield fault
                return
    if not header:
        yield unreadable("an empty file", "write a header line, or leave the file out")


def _no_header(found: Record) -> Record:
    """Refuse the whole file, since without its header no record can be read."""
    assert found.fault is not None
    fault = found.fault._replace(rule="unreadable_file", expected=_ONE_HEADER)
    return Record(0, None, None, found.sha256, fault)


def _bad_header(header: list[str], raw: bytes) -> Record | None:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return refused(0, None, raw, invalid_utf8(raw, error, "")._replace(rule="unreadable_file"))
    twice = sorted(name for name, times in Counter(header).items() if times > 1)
    if not twice:
        return None
    names = ", ".join(visible(name, 40) for name in twice[:5])
    return unreadable(f"column names used twice: {names}", "rename them", raw, _ONE_HEADER)


def _wrong_count(header: list[str], fields: list[str], raw: bytes) -> Fault:
    expected = f"{len(header)} fields ({', '.join(visible(name, 40) for name in header[:8])})"
    hint = f"{len(fields)} fields: is a delimiter unquoted, or a line cut?"
    return Fault("wrong_field_count", "", expected, visible(raw), hint)
