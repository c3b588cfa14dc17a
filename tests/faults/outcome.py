"""What came of a fault: counted over its times, as a table and as lines of JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from flows.console import columns

HEADER: Final = ("fault", "times", "survived", "rows lost", "damage detected")


@dataclass(frozen=True)
class Trial:
    """One time: what was done, how it ended, and why it counts as not survived (empty: it did).

    `detected` is None where the fault damages nothing that could be noticed.
    """

    what: str
    ended: str
    problem: str = ""
    rows_lost: int = 0
    detected: bool | None = None


@dataclass
class Outcome:
    """All times of one fault."""

    fault: str
    trials: list[Trial] = field(default_factory=list)

    @property
    def survived(self) -> int:
        """Times after which all was as it would have been, or the cause was named."""
        return sum(not trial.problem for trial in self.trials)

    @property
    def detected(self) -> str:
        """Damage noticed of damage done; `-` where none is done."""
        asked = [trial.detected for trial in self.trials if trial.detected is not None]
        return f"{sum(asked)} of {len(asked)}" if asked else "-"

    @property
    def rows_lost(self) -> int:
        """Rows without a verdict at the end, over all times."""
        return sum(trial.rows_lost for trial in self.trials)

    def record(self, seed: int) -> dict[str, object]:
        """The outcome as one line of artifacts/faults.jsonl."""
        return {
            "fault": self.fault,
            "times": len(self.trials),
            "survived": self.survived,
            "rows_lost": self.rows_lost,
            "damage_detected": self.detected,
            "seed": seed,
            "trials": [asdict(trial) for trial in self.trials],
        }


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes for people, and every problem in words below."""
    lines: list[Sequence[str]] = [HEADER]
    lines += [
        (each.fault, str(len(each.trials)), str(each.survived), str(each.rows_lost), each.detected)
        for each in outcomes
    ]
    problems = [
        f"{each.fault}: {trial.what}: {trial.problem}"
        for each in outcomes
        for trial in each.trials
        if trial.problem
    ]
    return "\n".join([columns(lines), *problems])


def write(outcomes: Sequence[Outcome], seed: int, path: Path) -> None:
    """Add the outcomes to a file of JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        for each in outcomes:
            file.write(json.dumps(each.record(seed)) + "\n")
