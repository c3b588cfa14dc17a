"""What went wrong on S3: whether a retry can help, and the words for a person where it cannot."""

import re
from typing import Final
from urllib.parse import urlsplit

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ProxyConnectionError,
    SSLError,
)

from schemas.errors import StorageError, TransferError

_BUSY: Final = {408, 429, 500, 502, 503, 504}
_BUSY_CODES: Final = {"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException"}
_VARIABLES: Final = "AWS_ENDPOINT_URL, AWS_REGION, AWS_PROFILE or AWS_ACCESS_KEY_ID and so on"


def words_of(error: Exception | str) -> str:
    """An error in its own words, without a password that an address in it may hold."""
    text = re.sub(r"//[^/@\s\"']*@", "//", str(error))
    return text.replace(" (reached max retries: 0)", "")  # botocore's own retries are off


def status_of(error: Exception) -> int:
    """HTTP status of an answer that is an error; 0 if there was no answer."""
    if not isinstance(error, ClientError):
        return 0
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_transient(error: Exception) -> bool:
    """Whether the same request may succeed a moment later: a busy server, a broken connection."""
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        return status_of(error) in _BUSY or code in _BUSY_CODES
    if isinstance(error, SSLError | ProxyConnectionError):
        return False
    return isinstance(error, HTTPClientError | ConnectionError | IncompleteReadError)


def explain(error: BotoCoreError | ClientError, address: str, endpoint: str) -> StorageError:
    """Say what failed, where, and what to do; no secret is in the words."""
    status = status_of(error)
    code = error.response.get("Error", {}).get("Code", "") if status else ""  # type: ignore[union-attr]
    answer = f"{status} {code}" if code != str(status) else str(status)
    where = f"{address!r} at {endpoint}"
    if status == 404:
        missing = "bucket" if code == "NoSuchBucket" else "object"
        return StorageError(
            f"no such {missing} on S3 ({answer})",
            expected="something there, such as s3://bucket/folder/*.jsonl.gz",
            where=where,
            remedy=f"correct the address, or the endpoint ({_VARIABLES})",
        )
    if status in (401, 403):
        return StorageError(
            f"S3 refuses access ({answer})",
            expected="credentials that may read objects, and list the bucket if globs are used",
            where=where,
            remedy=f"check the credentials ({_VARIABLES}) and the bucket's policy",
        )
    kind = TransferError if is_transient(error) else StorageError
    return kind(
        f"S3 cannot be read: {words_of(error)}",
        where=where,
        remedy=f"check that the server runs and the settings ({_VARIABLES}), then run again",
    )


def shown(endpoint: str) -> str:
    """An endpoint without what might be secret in it."""
    parts = urlsplit(endpoint)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}"
