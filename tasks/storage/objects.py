"""Objects on S3: found, described and read in ranges, with retries where a retry can help.

Endpoint, region and credentials are those of the standard AWS variables and profile.
"""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from glob import has_magic
from typing import Any, Final, TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, IncompleteReadError
from botocore.session import Session
from fsspec.utils import glob_translate

from schemas.errors import SourceChangedError, StorageError
from tasks.storage.places import SCHEME, split_address
from tasks.storage.retries import retrying
from tasks.storage.s3_errors import explain, is_transient, shown, status_of, words_of

RANGE_BYTES: Final = 8 * 2**20  # one request's answer: what is held of an object at a time
LISTED_KEYS: Final = 1000  # of one answer, as many as S3 gives
_CONFIG: Final = Config(connect_timeout=10, read_timeout=60, retries={"total_max_attempts": 1})
T = TypeVar("T")


@dataclass(frozen=True)
class StoredObject:
    """One object as it is now; whoever replaces it changes `etag` or `modified`."""

    address: str
    bytes: int
    etag: str
    modified: str


class ObjectStore:
    """The S3 server that the environment names; raises `StorageError` where it cannot be used."""

    def __init__(self) -> None:
        try:
            self._client: Any = Session().create_client("s3", config=_CONFIG)
        except (BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is no URL
            remedy = "correct AWS_PROFILE, AWS_ENDPOINT_URL and the other AWS variables"
            raise StorageError(f"S3 is not set up: {words_of(error)}", remedy=remedy) from None
        # its address, without what might be secret in it
        self.endpoint = shown(str(self._client.meta.endpoint_url))

    def _ask(self, call: Callable[[], T], address: str) -> T:
        try:
            return retrying(call, f"reading {address!r}", is_transient, words_of)
        except (BotoCoreError, ClientError) as error:
            if status_of(error) == 412:
                raise SourceChangedError(f"{address!r} was replaced meanwhile") from None
            raise explain(error, address, self.endpoint) from None

    def head(self, address: str) -> StoredObject | None:
        """The object at an address; None if there is none."""
        bucket, key = split_address(address)

        def call() -> StoredObject | None:
            try:
                found = self._client.head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if status_of(error) == 404:
                    return None
                raise
            modified = found["LastModified"].isoformat()
            return StoredObject(address, found["ContentLength"], found["ETag"], modified)

        return self._ask(call, address)

    def under(self, address: str) -> Iterator[StoredObject]:
        """Every object whose address begins so, in the order of keys; no folder markers."""
        bucket, _, prefix = address.removeprefix(SCHEME).partition("/")
        options: dict[str, str] = {}
        while True:
            asked = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": LISTED_KEYS, **options}
            page = self._ask(lambda asked=asked: self._client.list_objects_v2(**asked), address)  # type: ignore[misc]
            for found in page.get("Contents", []):
                if not found["Key"].endswith("/"):
                    name, modified = f"{SCHEME}{bucket}/{found['Key']}", found["LastModified"]
                    size, etag = found["Size"], found["ETag"]
                    yield StoredObject(name, size, etag, modified.isoformat())
            if not page.get("IsTruncated"):
                return
            options = {"ContinuationToken": page["NextContinuationToken"]}

    def check(self, address: str) -> None:
        """Raise `StorageError` unless what lies at an address may be listed; it may be nothing."""
        next(self.under(f"{address.rstrip('/')}/"), None)

    def find(self, pattern: str) -> list[StoredObject]:
        """The object that a pattern names, or all that it matches as a shell would."""
        if found := self.head(pattern):
            return [found]
        if not has_magic(pattern):
            return []
        start = re.match(r"[^*?[]*", pattern)
        matches = matcher(pattern)
        return [one for one in self.under(start[0] if start else "") if matches(one.address)]

    def read(self, found: StoredObject, start: int, size: int) -> bytes:
        """Read a range of an object; raises `SourceChangedError` if it is another one by now."""
        bucket, key = split_address(found.address)
        size = min(size, found.bytes - start)
        wanted = f"bytes={start}-{start + size - 1}"

        def call() -> bytes:
            answer = self._client.get_object(
                Bucket=bucket, Key=key, Range=wanted, IfMatch=found.etag
            )
            with answer["Body"] as body:
                block: bytes = body.read(size)
            if not answer.get("ContentRange", "").startswith(f"bytes {start}-"):
                raise StorageError("the S3 server does not answer ranges", where=found.address)
            if len(block) < size:
                raise IncompleteReadError(actual_bytes=len(block), expected_bytes=size)
            return block

        return self._ask(call, found.address)

    def open(self, address: str) -> "ObjectFile":
        """Open an object for reading from its start; raises `SourceError` if there is none."""
        if found := self.head(address):
            return ObjectFile(self, found)
        raise SourceChangedError(f"{address!r} is gone")


class ObjectFile(io.RawIOBase):
    """An object as a stream; every range is of the object that was opened, or reading fails."""

    def __init__(self, store: ObjectStore, found: StoredObject):
        self.found = found
        self._store, self._at, self._ahead = store, 0, memoryview(b"")

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self.found.bytes

    def unchanged(self) -> bool:
        """Always: the server refuses a range of any other object."""
        return True

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer from the range at hand, fetching the next one where it is used up."""
        if not self._ahead and self._at < self.found.bytes:
            self._ahead = memoryview(self._store.read(self.found, self._at, RANGE_BYTES))
            self._at += len(self._ahead)
        size = min(len(buffer), len(self._ahead))
        buffer[:size] = self._ahead[:size]
        self._ahead = self._ahead[size:]
        return size


def matcher(pattern: str) -> Callable[[str], bool]:
    """A test of addresses by a shell pattern: `*` stays in a folder, `**` alone crosses folders.

    As in a shell, names that begin with a dot match only a pattern that has such a name.
    """
    parts = [part if part == "**" else re.sub(r"\*+", "*", part) for part in pattern.split("/")]
    whole = re.compile(glob_translate("/".join(parts)))
    dotted = any(part.startswith(".") for part in parts)
    return lambda name: bool(whole.match(name)) and (dotted or "/." not in name)
