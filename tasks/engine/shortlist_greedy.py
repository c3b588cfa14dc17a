"""Greedy search over all rows at the cost of a few: all gains once per block, a shortlist between.

A pick from the shortlist is the best of all rows while it beats the best gain outside of it, as
long as gains never rise. Where they do, either all rows are followed, or the list is trusted for
the length of a block.
"""

from typing import Final, Protocol

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.admission import Admission
from tasks.engine.greedy import accept_given
from tasks.engine.objectives.part import Followed
from tasks.engine.picked import BATCH
from tasks.engine.picking import NO_KEY, Keys, Rising, Searched, best_rows, finish_stopped
from tasks.engine.watch import Arrays, Watch

BLOCK: Final = 256  # picks between two passes over all rows, at most
SHORTLIST: Final = 4096  # rows followed at first
TRUSTED: Final = 64  # picks for which a list is trusted, at most,
TRUSTED_SHARE: Final = 16  # and one in so many of the picks made before


class Tracked(Rising, Protocol):
    """An objective that can tell all gains, and follow those of a few rows."""

    def all_gains(self) -> Float[np.ndarray, " n"]:
        """The gain of every row now."""

    def follow(self, rows: Int[np.ndarray, " p"]) -> Followed:
        """Start to follow some rows; until the next `follow`, picks come from them alone."""


def shortlist_greedy(
    objective: Tracked,
    admission: Admission,
    watch: Watch | None = None,
    per_cost: bool = True,
    phase: str = "search",
    trust: bool = False,
    shortlist: int = SHORTLIST,
) -> Searched:
    """Add the admissible row of largest gain until the budget is spent, ties by index.

    Exact unless `trust`: the shortlist doubles whenever it stops being sure of the best row too
    soon, and holds all rows if gains may rise. With `trust` picks come from the `shortlist` best
    rows of the last pass, a sixteenth of the picks so far at a time and at most TRUSTED. Returns
    what `lazy_greedy` does, but the last gains are exact.
    """
    watch = watch or Watch()
    saved = watch.resume(phase)
    gains, keys = accept_given(objective, admission), Keys(admission, per_cost)
    saved.replay(admission, objective.accept)
    gains += saved.state.get("gains", np.zeros(0)).tolist()
    n, rising = len(admission.cost), bool(objective.rises.any())
    shortfall = saved.state.get("shortfall", np.full(n, np.inf))
    count = int(saved.state.get("count", n if rising and not trust else shortlist))
    some = _Shortlist(objective, admission, keys, trust, saved.state) if saved.picks else None

    def state() -> Arrays:
        own = np.array(gains[admission.given :])
        kept = {"gains": own, "shortfall": shortfall, "count": np.array(count)}
        return kept | (some.state() if some else {})

    while admission.free.any() and not admission.full and not watch.stop():
        some = some or _Shortlist(objective, admission, keys, trust, {}, count)
        block = max(1, min(TRUSTED, some.start // TRUSTED_SHARE)) if trust else BLOCK
        gain = some.pick()
        if gain is not None:
            gains.append(gain)
            watch.tell(admission, gain, state)
        picked = len(admission.order) - some.start
        if gain is None or picked >= block:
            shortfall = np.minimum(shortfall, some.lacked(gains[len(gains) - picked :]))
            if picked < block // 2 and not some.refused:
                count = min(2 * count, n)
            some = None
    if some:
        picked = len(admission.order) - some.start
        shortfall = np.minimum(shortfall, some.lacked(gains[len(gains) - picked :]))
    last = objective.all_gains().copy()
    finish_stopped(objective, admission, watch, keys.of(last), gains)
    return gains, last, shortfall


class _Shortlist:
    """The rows that may be picked in a block, and the best key among the others."""

    def __init__(
        self,
        objective: Tracked,
        admission: Admission,
        keys: Keys,
        trust: bool,
        saved: Arrays,
        count: int = 0,
    ):
        self.objective, self.admission, self.keys, self.trust = objective, admission, keys, trust
        if saved:
            self.before, self.rows = saved["before"], saved["rows"]
            self.start, self.refused, self.best_other = saved["numbers"].tolist()
            self.limit = float(saved["limit"])
        else:
            self._begin(count)
        self.followed = objective.follow(self.rows)

    def _begin(self, count: int) -> None:
        """Look at the gains of all rows."""
        self.before = self.objective.all_gains().copy()
        self.start, self.refused = len(self.admission.order), 0
        now = np.where(self.admission.free, self.keys.of(self.before), NO_KEY)
        self.rows = best_rows(now, count)
        now[self.rows] = NO_KEY
        self.best_other = int(now.argmax())
        self.limit = float(now[self.best_other])

    def state(self) -> Arrays:
        """What is needed to go on with this very list."""
        numbers = np.array([self.start, self.refused, self.best_other])
        limit = np.array(self.limit)
        return {"before": self.before, "rows": self.rows, "numbers": numbers, "limit": limit}

    def lacked(self, gains: list[float]) -> Float[np.ndarray, " n"] | float:
        """At least what each row lacked to be picked instead of one of these picks."""
        if not gains:
            return np.inf
        return np.asarray(min(gains) - (self.before + len(gains) * self.objective.rises))

    def _is_best(self, key: float, row: int) -> bool:
        """Whether no other row has a larger key, or an equal one and a lower index."""
        ties = key == self.limit and row < self.best_other
        return self.trust or key > self.limit or ties

    def pick(self) -> float | None:
        """Take the best row and return its gain; None if it may not be among those followed."""
        while (is_open := self.admission.free[self.rows]).any():
            gains = self.followed.gains()
            keys = np.where(is_open, self.keys.of(gains, self.rows), NO_KEY)
            place = int(keys.argmax())
            row = int(self.rows[place])
            if not self._is_best(float(keys[place]), row):
                return None
            rule = self.admission.refusal(row)
            if not rule:
                self._take(row, place, keys)
                return float(np.round(gains[place], self.keys.digits))
            self.admission.close(row, rule)
            self.refused += 1
        return None

    def _take(self, row: int, place: int, keys: np.ndarray) -> None:
        """Add a row, and get ready for those likely to follow it."""
        if not self.followed.ready(place):
            likely = best_rows(keys, BATCH).tolist()
            self.followed.prepare([other for other in likely if not self.followed.ready(other)])
        self.admission.take(row)
        self.objective.accept(row)
        self.followed.accept(place)
