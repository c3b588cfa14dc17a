"""Which failures of a library mean that a disk is full."""

import errno
from typing import Final

from schemas.errors import StorageError

WORDS: Final = ("no space left on device", "disk quota exceeded")


def disk_full_error(error: BaseException) -> StorageError | None:
    """Put a full disk in words, whichever library met it; None for any other failure."""
    cause: BaseException | None = error
    while cause is not None:
        number = cause.errno if isinstance(cause, OSError) else None
        text = " ".join(str(cause).split())
        if number in (errno.ENOSPC, errno.EDQUOT) or any(words in text.lower() for words in WORDS):
            return StorageError(
                f"the disk is full: {text[:300]}",
                remedy="free some space and run again: what was finished before is whole, and the "
                "work goes on from there",
            )
        cause = cause.__cause__ or cause.__context__
    return None
