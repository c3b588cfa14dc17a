"""Greedy search over all rows at the cost of a few: the exact argmax, mostly near at hand.

All gains are worked out once per block of picks; in between, only a shortlist of the best rows
is kept up to date. A pick from it is the best of all rows while it beats an upper bound of the
gains of the others.
"""

from typing import Final, Protocol

import numpy as np
from jaxtyping import Bool, Float, Int

from tasks.engine.columns import BATCH
from tasks.engine.constraints import Admission
from tasks.engine.greedy import Progress
from tasks.engine.objectives.part import Followed
from tasks.engine.picking import Found, Keys, Rising, best_rows, take_included

BLOCK: Final = 256  # picks between two passes over all rows, at most
SHORTLIST: Final = 4096  # rows followed at first
CHECK: Final = 16  # picks between two upper bounds of the gains of the other rows


class Tracked(Rising, Protocol):
    """An objective that can tell all gains, and follow those of a few rows."""

    def all_gains(self) -> Float[np.ndarray, " n"]:
        """The gain of every row now."""

    def follow(self, rows: Int[np.ndarray, " p"]) -> Followed:
        """Start to follow some rows; until the next `follow`, picks come from them alone."""


def shortlist_greedy(
    objective: Tracked, admission: Admission, block: int = BLOCK, shortlist: int = SHORTLIST
) -> Found:
    """Add the admissible row of largest gain until the budget is spent, ties by index.

    The shortlist doubles whenever it stops being sure of the best row too soon. `block` and
    `shortlist` change the time, never the picks. In tokens by gain per token.
    """
    gains, progress = take_included(objective, admission), Progress(admission)
    keys = Keys(admission)
    shortfall = np.full(len(admission.free), np.inf)
    while not admission.full and admission.free.any():
        before, start = objective.all_gains(), len(gains)
        some = _Shortlist(objective, admission, keys, before, block, shortlist)
        while len(gains) - start < block and not admission.full:
            gain = some.pick()
            if gain is None:
                break
            gains.append(gain)
            progress.tell(gain)
        picked = len(gains) - start
        if picked:
            most = before + picked * np.maximum(objective.rises, 0.0)
            shortfall = np.minimum(shortfall, min(gains[start:]) - most)
        if picked < block // 2 and not some.refused:
            shortlist = min(2 * shortlist, len(before))
    admission.close_rest()
    return Found(gains, objective.all_gains(), False, shortfall)


class _Shortlist:
    """The rows that may be picked in a block, and what bounds the gains of the others."""

    def __init__(
        self,
        objective: Tracked,
        admission: Admission,
        keys: Keys,
        before: Float[np.ndarray, " n"],
        block: int,
        count: int,
    ):
        self.objective, self.admission, self.keys = objective, admission, keys
        now = np.where(admission.free, keys.of(before, slice(None)), -np.inf)
        rises = np.broadcast_to(objective.rises, before.shape)
        later = self._later(before, rises, block) if rises.any() else now
        best = np.array([now.argmax()])
        self.rows = np.unique(np.concatenate([best, best_rows(later, count)]))
        self.open: Bool[np.ndarray, " p"] = np.ones(len(self.rows), dtype=bool)
        self.followed = objective.follow(self.rows)
        self.picked = self.refused = 0
        now[self.rows] = -np.inf
        self.first_other = int(now.argmax())
        self.limits = [float(now.max(initial=-np.inf))]
        if rises.any() and self.limits[0] > -np.inf:
            for picks in range(CHECK, block + CHECK, CHECK):
                later = self._later(before, rises, picks)
                later[self.rows] = -np.inf
                self.limits.append(float(later.max()))

    def _later(self, before: np.ndarray, rises: np.ndarray, picks: int) -> np.ndarray:
        """The largest keys the rows may have after some picks."""
        keys = self.keys.of(before + picks * rises, slice(None))
        return np.where(self.admission.free, keys, -np.inf)

    def _is_best(self, key: float, row: int) -> bool:
        """Whether no other row can have a larger key, or an equal one and a lower index."""
        if len(self.limits) == 1 or not self.picked:
            return key > self.limits[0] or (key == self.limits[0] and row < self.first_other)
        return key > self.limits[-(-self.picked // CHECK)]

    def pick(self) -> float | None:
        """Take the best row and return its gain; None if it may not be among those followed."""
        while self.open.any():
            gains = self.followed.gains()
            keys = np.where(self.open, self.keys.of(gains, self.rows), -np.inf)
            place = int(keys.argmax())
            row = int(self.rows[place])
            if not self._is_best(float(keys[place]), row):
                return None
            rule = self.admission.refusal(row)
            self.open[place] = False
            if rule:
                self.admission.close(row, rule)
                self.refused += 1
                continue
            self._take(row, place, keys)
            return float(np.round(gains[place], self.keys.digits))
        return None

    def _take(self, row: int, place: int, keys: np.ndarray) -> None:
        """Add a row, and get ready for those likely to follow it."""
        if not self.followed.ready(place):
            wanted = [int(other) for other in best_rows(keys, BATCH)]
            self.followed.prepare([p for p in wanted if not self.followed.ready(p)])
        self.admission.take(row)
        self.objective.accept(row)
        self.followed.accept(place)
        self.picked += 1
