"""Greedy search over all rows at the cost of a few: all gains once per block, a shortlist between.

A pick from the shortlist is the best of all rows while it beats the best gain outside of it, as
long as gains never rise. Where they do, either all rows are followed, or the list is trusted for
the length of a block.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.admission import Admission
from tasks.engine.greedy import accept_given
from tasks.engine.objectives.part import Followed
from tasks.engine.picked import BATCH
from tasks.engine.picking import NO_KEY, Keys, Rising, Searched, best_rows, finish_stopped
from tasks.engine.watch import Arrays, Saved, Watch

BLOCK: Final = 64  # picks between two passes over all rows, at most
ENOUGH: Final = 16  # picks: a shortlist that gives fewer grows,
GROWTH: Final = 2  # so many times; one that lasts for a block shrinks to
SHRUNK: Final = 2  # one in so many of its rows,
SHORTEST: Final = 1024  # but not below this
SHORTLIST: Final = 4096  # rows of a list that is trusted
TRUSTED: Final = 64  # picks for which a list is trusted, at most,
TRUSTED_SHARE: Final = 16  # and one in so many of the picks made before


class Tracked(Rising, Protocol):
    """An objective that can tell all gains, and follow those of a few rows."""

    def all_gains(self) -> Float[np.ndarray, " n"]:
        """The gain of every row now."""

    def all_bounds(self) -> Float[np.ndarray, " n"]:
        """Upper bounds of them, or the gains where bounds are no cheaper."""

    def follow(self, rows: Int[np.ndarray, " p"]) -> Followed:
        """Start to follow some rows; until the next `follow`, picks come from them alone."""


def shortlist_greedy(
    objective: Tracked,
    admission: Admission,
    watch: Watch | None = None,
    per_cost: bool = True,
    phase: str = "search",
    trust: bool = False,
    shortlist: int = 0,
    first: Sequence[int] = (),
) -> Searched:
    """Add the admissible row of largest gain until the budget is spent, ties by index.

    Exact unless `trust`: the shortlist, of SHORTLIST rows if 0, doubles whenever it stops being
    sure of the best row too soon, and holds all rows if gains may rise. With `trust` picks come
    from the best rows of the last pass, a sixteenth of the picks so far at a time and at most
    TRUSTED. Rows to take `first` are taken before, in this order, unless a limit forbids them.
    Returns what `lazy_greedy` does, but the last gains are exact.
    """
    watch = watch or Watch()
    saved = watch.resume(phase)
    keys = Keys(admission, per_cost)
    rising = bool(objective.rises.any())
    count = shortlist or (SHORTLIST if trust else SHORTEST)
    if rising and not trust:
        count = len(admission.cost)
    given = accept_given(objective, admission)
    saved.replay(admission, objective.accept)
    if not saved.picks:
        given += _take_first(first, objective, admission, keys)
    found = _Search(objective, admission, keys, trust, given, count, saved)
    while admission.free.any() and not admission.full and not watch.stop():
        if found.step():
            watch.tell(admission, found.gains[-1], found.state)
    found.close_list()
    last = objective.all_gains().copy()
    finish_stopped(objective, admission, watch, keys.of(last), found.gains)
    return found.gains, last, found.shortfall


def _take_first(
    first: Sequence[int], objective: Tracked, admission: Admission, keys: Keys
) -> list[float]:
    """Take rows in this order while the budget lasts, whatever they add; returns their gains."""
    gains = []
    for index in first:
        if admission.full:
            break
        if rule := admission.refusal(index):
            admission.close(index, rule)
            continue
        gains.append(float(np.round(objective.gain(index), keys.digits)))
        admission.take(index)
        objective.accept(index)
    return gains


class _Search:
    """What the search has come to: gains, shortfall, and the shortlist in use."""

    def __init__(
        self,
        objective: Tracked,
        admission: Admission,
        keys: Keys,
        trust: bool,
        given: list[float],
        count: int,
        saved: Saved,
    ):
        self.objective, self.admission, self.keys, self.trust = objective, admission, keys, trust
        self.rising = bool(objective.rises.any())
        kept = saved.state
        self.gains = given + kept.get("gains", np.zeros(0)).tolist()
        self.shortfall = kept.get("shortfall", np.full(len(admission.cost), np.inf))
        self.count = int(kept.get("count", count))
        self.exactly = trust  # whether the next list needs the very gains of all rows
        self.list = _Shortlist(objective, admission, keys, trust, kept) if kept else None

    def state(self) -> Arrays:
        """All from which the search can go on."""
        assert self.list
        own = np.array(self.gains[self.admission.given :])
        kept = {"gains": own, "shortfall": self.shortfall, "count": np.array(self.count)}
        return kept | self.list.state()

    def step(self) -> bool:
        """Take the best row of the list; False if a new list is needed, or no row is left."""
        if self.list and self._picked() >= self._block():
            self.close_list()
        if not self.list:
            self.list = _Shortlist(
                self.objective,
                self.admission,
                self.keys,
                self.trust,
                {},
                self.count,
                self.exactly,
            )
        gain = self.list.pick()
        if gain is None:
            self.close_list()
            return False
        self.gains.append(gain)
        return True

    def _picked(self) -> int:
        return len(self.admission.order) - int(self.list.start) if self.list else 0

    def _block(self) -> int:
        """Picks that may come from this list."""
        if not (self.trust and self.list):
            return BLOCK
        return max(1, min(TRUSTED, int(self.list.start) // TRUSTED_SHARE))

    def close_list(self) -> None:
        """Note what the rows lacked while the list was used; make the next larger if too short."""
        if not self.list:
            return
        picked = self._picked()
        lacked = self.list.lacked(self.gains[len(self.gains) - picked :])
        self.shortfall = np.minimum(self.shortfall, lacked)
        moved = picked or self.list.refused
        if not self.trust and not self.rising:
            self._fit_length(picked)
        self.exactly = self.trust or not moved
        self.list = None

    def _fit_length(self, picked: int) -> None:
        """Grow the next list if this one was unsure too soon, shrink it if it lasted."""
        assert self.list
        if picked >= BLOCK:
            self.count = max(self.count // SHRUNK, SHORTEST)
        elif picked < ENOUGH and not self.list.refused and (picked or self.exactly):
            self.count = min(GROWTH * self.count, len(self.shortfall))


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
        exactly: bool = True,
    ):
        self.objective, self.admission, self.keys, self.trust = objective, admission, keys, trust
        if saved:
            self.before, self.rows = saved["before"], saved["rows"]
            self.start, self.refused, self.best_other = saved["numbers"].tolist()
            self.limit = float(saved["limit"])
        else:
            self._begin(count, exactly)
        self.followed = objective.follow(self.rows)

    def _begin(self, count: int, exactly: bool) -> None:
        """Look at the gains of all rows, or at their bounds."""
        look = self.objective.all_gains if exactly else self.objective.all_bounds
        self.before = look().copy()
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
