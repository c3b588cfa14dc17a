"""The ledger of held-out answers: lines that are only ever added, in two copies that are united.

The tracked copy travels with the checkout (DVC has it) and so can be rolled back with it. The
private one beside the salt cannot: whatever an older checkout brings, the union of both counts, and
a budget once spent stays spent. Losing both, salt included, is what nothing here can notice.
"""

import fcntl
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from schemas.errors import BusyError, ContractError
from tasks.storage.rows import write_text
from tasks.storage.secret_files import make_once, private_folder


@dataclass(frozen=True)
class Line:
    """One answer: of which set (digest, name, rows, budget), to what, and did it cost budget."""

    held_out: str
    name: str
    rows: int
    budget: int
    query: str
    about: str
    value: float
    spent: bool


class Ledger:
    """All answers given, oldest first; without a file it lives in memory (simulations)."""

    def __init__(self, lines: Sequence[Line] = (), private: Path | None = None):
        self.lines: list[Line] = []
        self._private = private
        self._found: dict[tuple[str, str], Line] = {}
        self._spent: Counter[str] = Counter()
        self._given: Counter[str] = Counter()
        for line in lines:
            self._remember(line)

    @classmethod
    @contextmanager
    def held(cls, tracked: Path, private: Path) -> Iterator["Ledger"]:
        """The ledger of a checkout, for this process alone. Unites both copies.

        Raises `BusyError` while another process has it.
        """
        private_folder(private.parent)
        with (private.parent / ".ledger.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyError(
                    "another process asks held-out rows under this checkout's ledger",
                    where=str(private.parent),
                    remedy="wait for it to end: a budget is counted by one at a time",
                ) from None
            make_once(private, "")
            ledger = cls(
                united(read_lines(private, is_appended=True), read_lines(tracked)), private
            )
            _write(private, ledger.lines)
            private.chmod(0o600)
            try:
                yield ledger
            finally:
                _write(tracked, ledger.lines)

    def find(self, held_out: str, query: str) -> Line | None:
        """The answer that a question on a set got, if it was asked before."""
        return self._found.get((held_out, query))

    def given(self, held_out: str) -> int:
        """How many questions on a set were answered."""
        return self._given[held_out]

    def spent(self, held_out: str) -> int:
        """How many of them the held-out rows answered."""
        return self._spent[held_out]

    def budget(self, held_out: str) -> int | None:
        """The least budget that was ever stated for a set; None if it was never asked."""
        stated = [line.budget for line in self.lines if line.held_out == held_out]
        return min(stated, default=None)

    def add(self, line: Line) -> None:
        """Put an answer on record; it is on disk, in the private copy, when this returns."""
        if self._private is not None:
            with self._private.open("a", encoding="utf-8") as file:
                file.write(_json(line))
                file.flush()
                os.fsync(file.fileno())
        self._remember(line)

    def _remember(self, line: Line) -> None:
        self.lines.append(line)
        self._found.setdefault((line.held_out, line.query), line)
        self._given[line.held_out] += 1
        self._spent[line.held_out] += line.spent


def _json(line: Line) -> str:
    return json.dumps(asdict(line), ensure_ascii=False) + "\n"


def _write(path: Path, lines: Sequence[Line]) -> None:
    """Write a copy whole, if it says anything else."""
    text = "".join(map(_json, lines))
    if (path.read_text(encoding="utf-8") if path.exists() else "") != text:
        write_text(path, text)


def united(first: list[Line], second: list[Line]) -> list[Line]:
    """The lines of both, each once: those of `first`, then what only `second` has."""
    return list(dict.fromkeys([*first, *second]))


def read_lines(path: Path, is_appended: bool = False) -> list[Line]:
    """Read a copy, empty if not there; raises `ContractError` naming a line that is none.

    Of a file that is appended to, a last line without its end is left out: whoever wrote it was
    killed before the answer was given.
    """
    if not path.exists():
        return []
    texts = path.read_text(encoding="utf-8").split("\n")
    whole, rest = texts[:-1], texts[-1]
    if rest and not is_appended:
        whole.append(rest)
    return [_line(text, f"{path}, line {number}") for number, text in enumerate(whole, 1)]


def _line(text: str, where: str) -> Line:
    try:
        return Line(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise ContractError(
            f"the ledger of held-out answers is damaged: {error}",
            expected="one JSON object per line, as `winnow holdout --json` shows them",
            where=where,
            remedy="take that file from git or DVC again, or delete it: the other copy counts",
        ) from None
