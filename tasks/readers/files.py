"""Input files as streams of bytes: hashed as they are read, unpacked piece by piece."""

import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import zstandard

from schemas.errors import SourceChangedError, SourceError
from schemas.plain import plain
from tasks.storage.places import LocalFile, Places

BLOCK_BYTES: Final = 2**20
# Packed bytes unpacked at a time. No more memory than PACKED_BYTES times the densest packing is
# ever held: 1032:1 in gzip (0.25 MiB), 4 bytes for a block of 128 KiB in zstd (8 MiB).
PACKED_BYTES: Final = 256
FORMATS: Final = {".jsonl": "jsonl", ".csv": "csv", ".tsv": "tsv", ".parquet": "parquet"}
COMPRESSIONS: Final = {".gz": "gz", ".zst": "zst"}
KINDS: Final = ", ".join(FORMATS) + "; plain, " + " or ".join(COMPRESSIONS)


def split_name(name: str) -> tuple[str, str, str]:
    """Split a file name into (stem, format, compression); format is empty if none is known."""
    path = Path(name)
    if compression := COMPRESSIONS.get(path.suffix.lower(), ""):
        path = path.with_suffix("")
    kind = FORMATS.get(path.suffix.lower(), "")
    return (path.stem if kind else path.name), kind, compression


def known_kind(name: str, where: str) -> tuple[str, str]:
    """Format and compression by a file's name; raises `SourceError` if the format is not known."""
    stem, kind, compression = split_name(name)
    if kind:
        return kind, compression
    suffix = Path(stem).suffix or "none"
    near = get_close_matches(suffix.lower(), FORMATS, n=1)
    guess = f"; did you mean {near[0]}?" if near else ""
    raise SourceError(
        f"a source has a suffix that is not known: {suffix}{guess}",
        expected=KINDS,
        where=where,
        remedy="rename or convert the file, or narrow the pattern, for example data/*.jsonl",
    )


@dataclass(frozen=True)
class SourceFile:
    """One input file as stage `sources` found it.

    `path` counts from the checkout, or is an address on S3.
    """

    path: str
    format: str
    compression: str
    bytes: int
    sha256: str

    @property
    def stem(self) -> str:
        """File name without the suffixes of format and compression."""
        return split_name(Path(self.path).name)[0]


class BrokenStreamError(Exception):
    """A packed stream ended early or is corrupt; what came before it was delivered."""


class Unpacker(Protocol):
    """What zlib and zstandard decompression objects have in common."""

    @property
    def eof(self) -> bool:
        """Whether the member or frame has ended."""

    @property
    def unused_data(self) -> bytes:
        """What was given beyond that end."""

    def decompress(self, data: bytes, /) -> bytes:
        """Unpack the next bytes."""


UNPACKERS: Final[dict[str, Callable[[], Unpacker]]] = {
    "gz": lambda: zlib.decompressobj(wbits=31),
    "zst": lambda: zstandard.ZstdDecompressor().decompressobj(),
}


class OpenedFile:
    """A source file being read; use as a context manager, call `confirm` when done."""

    def __init__(self, places: Places, source: SourceFile):
        self.places, self.source = places, source
        self._hash, self._whole = hashlib.sha256(), False

    def __enter__(self) -> "OpenedFile":
        try:
            self._file = self.places.open(self.source.path)
        except OSError as error:
            raise self._changed(f"it cannot be opened any more: {error.strerror}") from None
        except SourceChangedError as error:
            raise self._changed(error.problem) from None
        if self._file.size != self.source.bytes:
            raise self._changed(f"it had {self.source.bytes:,} bytes, now {self._file.size:,}")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _read(self, size: int) -> bytes:
        if not self.source.bytes:  # a file of the kernel says so too, and may never end
            return b""
        try:
            block = self._file.read(size) or b""
        except OSError as error:
            raise SourceError(
                f"reading {plain(self.source.path)} failed: {error.strerror}"
            ) from None
        except SourceChangedError as error:
            raise self._changed(error.problem) from None
        self._hash.update(block)
        return block

    def blocks(self) -> Iterator[bytes]:
        """Yield the unpacked content in blocks of about `BLOCK_BYTES`, without a leading BOM.

        Raises `BrokenStreamError` after the last block that could be unpacked.
        """
        unpacker = UNPACKERS.get(self.source.compression)
        pieces = unpack(self._packed(), unpacker) if unpacker else self._packed()
        first = True
        for block in gather(pieces):
            yield block.removeprefix(b"\xef\xbb\xbf") if first else block
            first = False

    def _packed(self) -> Iterator[bytes]:
        while block := self._read(BLOCK_BYTES):
            yield block

    def seekable(self, folder: Path) -> BinaryIO:
        """Give the content as a file for random access.

        A packed file is unpacked, an object copied, into `folder`. Raises `BrokenStreamError` if
        it cannot be unpacked whole.
        """
        if not self.source.compression and isinstance(self._file, LocalFile):
            self._drain()
            self._file.seek(0)
            return os.fdopen(os.dup(self._file.fileno()), "rb")
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / "unpacked"
        try:
            with target.open("wb") as file:
                for block in self.blocks():
                    file.write(block)
        except OSError as error:
            raise SourceError(
                f"copying or unpacking {plain(self.source.path)} failed: {error.strerror}",
                where=str(folder),
                remedy="make room on this disk, or name a local file that is not packed",
            ) from None
        return target.open("rb")

    def _drain(self) -> None:
        while not self._whole:
            self._whole = not self._read(BLOCK_BYTES)

    def confirm(self) -> None:
        """Raise `SourceError` unless the bytes read are those that stage `sources` hashed."""
        self._drain()
        if self._hash.hexdigest() != self.source.sha256 or not self._file.unchanged():
            raise self._changed("its content is not what stage `sources` found")

    def _changed(self, how: str) -> SourceChangedError:
        return SourceChangedError(
            f"source changed while it was read: {plain(self.source.path)}",
            expected=f"{self.source.bytes:,} bytes, SHA-256 {self.source.sha256[:16]}…",
            where=how,
            remedy="run again; it starts by looking at the files anew",
        )


def unpack(packed: Iterator[bytes], new: Callable[[], Unpacker]) -> Iterator[bytes]:
    """Unpack gzip members or zstd frames in turn; zero bytes between them are padding.

    Raises `BrokenStreamError` when data is corrupt, or ends inside a member or before the first.
    """
    member, members = None, 0
    for block in packed:
        for start in range(0, len(block), PACKED_BYTES):
            rest = block[start : start + PACKED_BYTES]
            while rest:
                if member is None:
                    rest = rest.lstrip(b"\0")
                    if not rest:
                        break
                    member, members = new(), members + 1
                try:
                    yield member.decompress(rest)
                except (zlib.error, zstandard.ZstdError) as error:
                    raise BrokenStreamError(f"the packed data is corrupt ({error})") from None
                rest = b""
                if member.eof:
                    rest, member = member.unused_data, None
    if member is not None or not members:
        raise BrokenStreamError("the packed data ends before its end mark")


def gather(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Join small pieces into blocks of at least `BLOCK_BYTES`; loses nothing if they break off."""
    held: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            held.append(piece)
            size += len(piece)
            if size >= BLOCK_BYTES:
                yield b"".join(held)
                held, size = [], 0
    except BrokenStreamError:
        if size:
            yield b"".join(held)
        raise
    if size:
        yield b"".join(held)
