"""One run at a time per checkout: a lock that dies with its holder."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from schemas.errors import BusyError

LOCK: Final = Path("artifacts/.run.lock")
_held: set[Path] = set()  # by this process: `winnow run` holds the lock, then the flow asks for it


@contextmanager
def run_lock(what: str, path: Path = LOCK) -> Iterator[None]:
    """Hold the checkout while the block runs; raises `BusyError` naming who holds it already.

    A process that holds the lock gets it again at once. The kernel frees it when the process ends,
    however it ends; what the file then says is stale and nobody reads it.
    """
    path = path.resolve()
    if path in _held:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise _busy(file.read(), path) from None
        since = datetime.now(UTC).isoformat(timespec="seconds")
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "since": since, "what": what}) + "\n")
        file.flush()
        _held.add(path)
        try:
            yield
        finally:
            _held.remove(path)


def _busy(text: str, path: Path) -> BusyError:
    try:
        holder = json.loads(text)
        who = f"{holder['what']}, process {holder['pid']}, since {holder['since']}"
    except (ValueError, KeyError):  # the holder has the lock and has not yet written its name
        who = "a run that has just begun"
    return BusyError(
        f"another run holds this checkout: {who}",
        where=str(path),
        remedy="wait for it to end, or work in a second clone",
    )
