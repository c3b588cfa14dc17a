"""Lines of a byte stream in bounded memory: a line above the limit comes in pieces."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tasks.readers.files import BrokenStreamError


class Line(NamedTuple):
    """One line without its newline, or a piece of an over-long one.

    Of a line above the limit every piece but the last has `ends` false. `broken`: the stream broke
    off in this line (which may be empty), for this reason.
    """

    number: int
    raw: bytes
    ends: bool = True
    broken: str = ""


class Passage:
    """What is passed over without being held: its size in bytes, SHA-256 and number of `"`."""

    def __init__(self) -> None:
        self.size, self.quotes, self._hash = 0, 0, hashlib.sha256()

    def add(self, raw: bytes) -> None:
        """Take in the next bytes."""
        self.size += len(raw)
        self.quotes += raw.count(b'"')
        self._hash.update(raw)

    @property
    def sha256(self) -> str:
        """Hash of all bytes so far, in hexadecimal."""
        return self._hash.hexdigest()


class _Unfinished:
    """The line of which no newline was seen yet; holds little more than `limit` bytes."""

    def __init__(self, limit: int):
        self.limit, self.parts, self.size, self.long = limit, list[bytes](), 0, False

    def add(self, piece: bytes) -> None:
        if piece:
            self.parts.append(piece)
            self.size += len(piece)

    def flush(self) -> bytes:
        raw = b"".join(self.parts)
        self.parts, self.size = [], 0
        return raw

    def overflow(self, number: int) -> Iterator[Line]:
        if self.size > self.limit or (self.long and self.size):
            self.long = True
            yield Line(number, self.flush(), ends=False)

    def finish(self, number: int, broken: str = "") -> Line:
        self.long = False
        return Line(number, self.flush(), broken=broken)


def split_lines(blocks: Iterable[bytes], limit: int) -> Iterator[Line]:
    """Yield the lines of a stream, numbered from 1; memory is one block and `limit` bytes.

    A broken stream ends with one line whose `broken` says why.
    """
    number, rest, broken = 0, _Unfinished(limit), ""
    try:
        for block in blocks:
            pieces = block.split(b"\n")
            last = pieces.pop()
            for piece in pieces:
                number += 1
                if not (rest.size or rest.long) and len(piece) <= limit:
                    yield Line(number, piece)
                    continue
                rest.add(piece)
                yield from rest.overflow(number)
                yield rest.finish(number)
            rest.add(last)
            yield from rest.overflow(number + 1)
    except BrokenStreamError as error:
        broken = str(error)
    if rest.size or rest.long or broken:
        yield rest.finish(number + 1, broken)
