"""What watches a search: its time limit, its progress in words, and its picks for a restart.

One `Watch` is given to a selector, which asks `stop()` before each pick, calls `tell()` after it,
and begins with `resume()`. A pass over the rows is a phase; a selector that searches twice names
its phases. Without arguments a watch knows no limit and keeps nothing.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from tasks.pace import Pace

if TYPE_CHECKING:
    from tasks.engine.admission import Admission

log = logging.getLogger("winnow")
REPORT_SECONDS: Final = 5.0
SAVE_SECONDS: Final = 5.0
SAVE_SHARE: Final = 0.02  # of the time that may go into saving
EARLY: Final = (
    0.1  # share of the budget below which no time left is told: the first picks cost most
)

Arrays = dict[str, np.ndarray]


class Keeper(Protocol):
    """Keeps the arrays of a phase between two starts of the same work."""

    def load(self, phase: str) -> Arrays | None:
        """What was saved last for this phase of this very work; None if nothing (sound) was."""

    def save(self, phase: str, arrays: Arrays) -> None:
        """Replace what is kept for a phase, whole or not at all."""


@dataclass(frozen=True)
class Saved:
    """What an interrupted search had reached: its picks in order and its own arrays.

    `picks` leaves out the rows that must be included. `state` is what the search gave to `tell`.
    """

    picks: list[int] = field(default_factory=list)
    state: Arrays = field(default_factory=dict)
    shut: Arrays = field(default_factory=dict)  # why rows were refused on the way

    def replay(self, admission: "Admission", accept: Callable[[int], Any]) -> None:
        """Take the picks again, calling `accept` after each, then shut what had been refused."""
        for index in self.picks:
            admission.take(index)
            accept(index)
        if self.shut:
            admission.shut_again(self.shut)


class Watch:
    """Clock, log and memory of one selection; `limit_seconds` 0 is no limit.

    The limit counts from the making of the watch, in this process. `stopped` says whether it ended
    a search. Results do not depend on a watch unless it stops one: a restarted search ends with
    the very picks, gains and refusals of one that was never interrupted.
    """

    def __init__(
        self,
        limit_seconds: float = 0.0,
        keeper: Keeper | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.limit_seconds, self.keeper, self.clock = limit_seconds, keeper, clock
        self.stopped = False
        self.started = self._told = self._saved = clock()
        self._save_pause = SAVE_SECONDS
        self._phase, self._picks, self._from = "search", 0, 0
        self._phase_started = self.started

    def resume(self, phase: str = "search") -> Saved:
        """Begin a phase; returns what an interrupted run of it had reached, or nothing."""
        self._phase, self._phase_started = phase, self.clock()
        self._picks = self._from = 0
        kept = self.keeper.load(phase) if self.keeper else None
        if kept is None:
            return Saved()
        state = {key[2:]: value for key, value in kept.items() if key.startswith("s.")}
        shut = {key[2:]: value for key, value in kept.items() if key.startswith("r.")}
        self._picks = self._from = len(kept["picks"])
        log.info(f"going on after {self._picks:,} picks of an interrupted run")
        return Saved(kept["picks"].tolist(), state, shut)

    def stop(self) -> bool:
        """Whether the time is up; never before the first pick, so that there is a best so far."""
        if self.limit_seconds and self._picks:
            self.stopped = self.stopped or self.clock() - self.started >= self.limit_seconds
        return self.stopped

    def tell(
        self,
        admission: "Admission",
        gain: float,
        state: Callable[[], Arrays] | None = None,
    ) -> None:
        """After one or more picks: now and then log a line, now and then save what is needed.

        `state` gives the arrays from which the search can go on; it is called only when saving.
        A search whose state follows from its picks alone needs none.
        """
        self._picks = len(admission.order) - admission.given
        now = self.clock()
        if now - self._told >= REPORT_SECONDS:
            self._told = now
            log.info(self._line(admission, gain, now))
        if self.keeper and now - self._saved >= self._save_pause:
            self._save(admission, state() if state else {})

    def _save(self, admission: "Admission", state: Arrays) -> None:
        assert self.keeper is not None
        before = self.clock()
        picks = np.array(admission.order[admission.given :], dtype=np.int64)
        arrays = {"picks": picks}
        arrays |= {f"s.{key}": value for key, value in state.items()}
        arrays |= {f"r.{key}": value for key, value in admission.shut_rows().items()}
        self.keeper.save(self._phase, arrays)
        self._saved = self.clock()
        self._save_pause = max(SAVE_SECONDS, (self._saved - before) / SAVE_SHARE)

    def _line(self, admission: "Admission", gain: float, now: float) -> str:
        seconds = max(now - self._phase_started, 1e-9)
        share = admission.spent / max(admission.limits.budget, 1)
        rate = (self._picks - self._from) / seconds
        left = seconds * (1 - share) / max(share, 1e-9)
        told = left if share > EARLY and not self._from else None
        pace = Pace("chosen", len(admission.order), rate, share=min(share, 1.0), seconds_left=told)
        return pace.line(f"gain {gain:.3g}")
