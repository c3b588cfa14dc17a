"""Names of sources, local paths and addresses on S3 alike, opened as streams of bytes."""

import io
import os
from functools import cached_property
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Final

from schemas.errors import SourceError

if TYPE_CHECKING:
    from tasks.storage.objects import ObjectFile, ObjectStore

SCHEME: Final = "s3://"


def is_remote(name: str) -> bool:
    """Whether a name is an address on S3."""
    return name.startswith(SCHEME)


def split_address(address: str) -> tuple[str, str]:
    """Split `s3://bucket/key`; raises `SourceError` if either is missing."""
    bucket, _, key = address.removeprefix(SCHEME).partition("/")
    if not bucket or not key or has_magic(bucket):
        remedy = "write s3://bucket/key or s3://bucket/folder/*.jsonl.gz"
        raise SourceError(f"not the address of an object: {address!r}", remedy=remedy)
    return bucket, key


class LocalFile(io.FileIO):
    """A file on disk that remembers its state when it was opened."""

    def __init__(self, path: Path):
        super().__init__(path, "rb")
        self._opened = self._state()

    def _state(self) -> tuple[int, int]:
        found = os.fstat(self.fileno())
        return found.st_size, found.st_mtime_ns

    @property
    def size(self) -> int:
        """Size in bytes when it was opened."""
        return self._opened[0]

    def unchanged(self) -> bool:
        """Whether size and time are those of opening."""
        return self._state() == self._opened


class Places:
    """Opens names: paths count from `root`; S3 is connected to when the first address is met."""

    def __init__(self, root: Path):
        self.root = root

    @cached_property
    def objects(self) -> "ObjectStore":
        """The S3 server that the environment names."""
        from tasks.storage.objects import ObjectStore  # botocore takes a while to import

        return ObjectStore()

    def open(self, name: str) -> "LocalFile | ObjectFile":
        """Open for reading; raises OSError for a path, `SourceError` for an address."""
        return self.objects.open(name) if is_remote(name) else LocalFile(self.root / name)
