"""What a check of the doctor finds."""

from dataclasses import asdict, dataclass
from typing import Literal

State = Literal["ok", "warn", "fail", "not set up"]


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is, what was found, and the command that mends it."""

    what: str
    state: State
    found: str
    mend: str = ""

    def as_dict(self) -> dict[str, str]:
        """For --json."""
        return asdict(self)


def ok(what: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(what, "ok", found)


def warn(what: str, found: str, mend: str) -> Finding:
    """A run works, but something should be looked after."""
    return Finding(what, "warn", found, mend)


def fail(what: str, found: str, mend: str) -> Finding:
    """A run, or what was set up, does not work."""
    return Finding(what, "fail", found, mend)


def absent(what: str, found: str, mend: str) -> Finding:
    """An optional part that nobody has set up."""
    return Finding(what, "not set up", found, mend)
