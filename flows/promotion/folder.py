"""The folder promoted/: a folder per promoted run, the link `current` to one, and their history.

`current` decides what is promoted. It is replaced by one rename, so a reader sees the old run or
the new one; who opens several files resolves it once (`current_folder`) and reads all from there.
"""

import getpass
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from schemas.errors import SettingsError, WinnowError
from tasks.paths import Paths
from tasks.storage.rows import write_text

HISTORY = "history.jsonl"


@dataclass(frozen=True)
class Move:
    """One line of the history: `current` went from one run to another; empty: from none."""

    when: str
    by: str
    action: str
    before: str
    after: str
    forced: str = ""


def current_name(paths: Paths) -> str:
    """The run that is promoted now; empty if none is."""
    link = paths.promoted / "current"
    return link.readlink().name if link.is_symlink() else ""


def current_folder(paths: Paths) -> Path:
    """The promoted run's own folder, which never changes; raises `WinnowError` if there is none."""
    name = current_name(paths)
    if not name:
        raise WinnowError("no run is promoted here", remedy="`winnow promote` promotes one")
    return paths.promoted / name


def names(paths: Paths) -> list[str]:
    """The runs that were promoted and can be returned to, sorted."""
    found = paths.promoted.glob("*/promotion.json")
    return sorted(path.parent.name for path in found if not path.parent.is_symlink())


def folder_of(paths: Paths, name: str) -> Path:
    """The folder of a promoted run; raises `SettingsError` with the names that exist."""
    known = names(paths)
    if name not in known:
        raise SettingsError(
            f"no promoted run is called {name!r}",
            expected=f"one of {', '.join(known)}" if known else "nothing is promoted here yet",
            remedy="`winnow promote RUN` promotes a kept run",
        )
    return paths.promoted / name


@contextmanager
def new_folder(paths: Paths, name: str) -> Iterator[Path]:
    """Yield a temporary folder; on success it is on disk, whole, and becomes promoted/<name>."""
    temporary = paths.promoted / f".{name}.partial"
    if temporary.exists():  # what a promotion left that was killed
        shutil.rmtree(temporary)
    temporary.mkdir(parents=True)
    yield temporary
    for file in temporary.iterdir():
        _sync(file)
    _sync(temporary)
    temporary.replace(paths.promoted / name)
    _sync(paths.promoted)


def point(paths: Paths, name: str) -> None:
    """Make `current` name another run, by one rename of a relative link."""
    temporary = paths.promoted / ".current.partial"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(name)
    temporary.replace(paths.promoted / "current")
    _sync(paths.promoted)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def history(paths: Paths) -> list[Move]:
    """Every move of `current`, oldest first."""
    file = paths.promoted / HISTORY
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [Move(**json.loads(line)) for line in lines]


def note(paths: Paths, move: Move) -> None:
    """Append a move to the history, whole or not at all."""
    lines = [json.dumps(asdict(one), ensure_ascii=False) for one in (*history(paths), move)]
    write_text(paths.promoted / HISTORY, "".join(f"{line}\n" for line in lines))


def noted_current(paths: Paths) -> str:
    """Where the history says that `current` is: behind, if a promotion was killed just before."""
    moves = history(paths)
    return moves[-1].after if moves else ""


def before_current(paths: Paths) -> str:
    """The run that was current when the current one was promoted; empty if it was the first."""
    current = current_name(paths)
    promotions = [
        move for move in history(paths) if move.action == "promote" and move.after == current
    ]
    return promotions[-1].before if promotions else ""


def now() -> str:
    """The moment in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def somebody() -> str:
    """The account that acts; its number where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
