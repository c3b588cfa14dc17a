"""Every demand of some limits by itself, and whether a part of them can be met together.

Used only when all of them cannot, to find out which are at odds.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from tasks.engine.cells import NO_CAP, cells_of
from tasks.engine.completion import cheapest_completion
from tasks.engine.limits import Limits, cost_of
from tasks.engine.offers import Demand, Offer
from tasks.engine.pool import Pool
from tasks.engine.spacing import Spacing

Kind = Literal[
    "budget", "floor", "cap", "distance", "quality", "rule", "preselected", "include", "exclude"
]
CLOSERS: Final = 5  # what may shut out a row of the pool: one column of `Listed.closer` each
INCLUDE, EXCLUDE, RULE, PRESELECTED, QUALITY = range(CLOSERS)


@dataclass(frozen=True)
class Ask:
    """One demand: its kind, whom it is about (group, row or rule) and its number, if it has one."""

    kind: Kind
    about: int | str = ""
    number: float = 0


class Demands:
    """The demands of limits as a list, and an oracle for parts of it.

    Rows that no list names are few kinds: per cell the cheapest that are good enough, and the
    cheapest that are too poor, no more of each than the floors could use. Named rows are kept one
    by one. So an answer costs as much as the lists and floors are long, not the pool.
    """

    def __init__(self, pool: Pool, limits: Limits):
        self.pool, self.limits = pool, limits
        self.cells, self.cost = cells_of(pool, limits), cost_of(pool, limits)
        self.asks = self._asks()
        self.numbers = np.array([ask.number for ask in self.asks])
        self.number = {(ask.kind, ask.about): place for place, ask in enumerate(self.asks)}
        self.bounds = {kind: self._bounds(kind) for kind in ("floor", "cap")}
        self._list_rows()
        self._offer_rows()
        self.pair = self._close_pair()

    def _asks(self) -> list[Ask]:
        """All demands, of each kind the hardest first: earlier ones are named rather."""
        limits, floors = self.limits, {g: f for g, f in self.limits.floors.items() if f > 0}
        dearest = sorted(set(limits.include), key=lambda index: (-self.cost[index], index))
        return [
            Ask("budget", number=limits.budget),
            *(Ask("floor", g, floors[g]) for g in sorted(floors, key=lambda g: (-floors[g], g))),
            *(Ask("cap", g, cap) for g, cap in sorted(limits.caps.items(), key=lambda c: c[::-1])),
            *([Ask("distance", number=limits.min_distance)] if limits.min_distance else []),
            *([Ask("quality", number=limits.min_quality)] if limits.min_quality else []),
            *(Ask("rule", rule) for rule in sorted(set(limits.closed.values()))),
            *([Ask("preselected")] if limits.preselected else []),
            *(Ask("include", index) for index in dearest),
            *(Ask("exclude", index) for index in sorted(set(limits.exclude))),
        ]

    def _bounds(self, kind: str) -> tuple[Int[np.ndarray, " b"], Int[np.ndarray, " b"]]:
        """Where the floors (or caps) stand among the demands, and the places of their groups."""
        found = [(place, ask.about) for place, ask in enumerate(self.asks) if ask.kind == kind]
        place, group = np.array(found, dtype=np.int64).reshape(-1, 2).T
        return place, np.searchsorted(self.cells.groups, group)

    def _list_rows(self) -> None:
        """Rows that a list names, and per row the demands that may force it in or shut it out."""
        limits = self.limits
        names = (limits.include, limits.exclude, limits.closed, limits.preselected)
        self.listed = np.array(sorted({row for rows in names for row in rows}), dtype=np.int64)
        place = {int(row): at for at, row in enumerate(self.listed)}
        self.closer = np.full((len(self.listed), CLOSERS), len(self.asks))  # the last: never asked
        for row in limits.include:
            self.closer[place[row], INCLUDE] = self.number["include", row]
        for row in limits.exclude:
            self.closer[place[row], EXCLUDE] = self.number["exclude", row]
        for row, rule in limits.closed.items():
            self.closer[place[row], RULE] = self.number["rule", rule]
        for row in limits.preselected:
            self.closer[place[row], PRESELECTED] = self.number["preselected", ""]
        poor = self.pool.quality[self.listed] < limits.min_quality
        self.closer[poor, QUALITY] = self.number.get(("quality", ""), len(self.asks))

    def _offer_rows(self) -> None:
        """Kinds of rows that a completion might hold: cell, cost, what shuts them, how many."""
        everything = Demand(self.cells.members, self.cells.floor, self.cells.cap)
        most = everything.most_per_cell()
        unlisted = np.ones(len(self.pool), dtype=bool)
        unlisted[self.listed] = False
        poor = self.pool.quality < self.limits.min_quality
        never = len(self.asks)
        parts = [(self.listed, self.closer)]
        for rows, shut in ((~poor, never), (poor, self.number.get(("quality", ""), never))):
            kept = self._cheapest(np.flatnonzero(unlisted & rows), most)
            closer = np.full((len(kept), CLOSERS), never)
            closer[:, QUALITY] = shut
            parts.append((kept, closer))
        rows, closer = (np.concatenate(side) for side in zip(*parts, strict=True))
        keys = np.column_stack([self.cells.cell[rows], self.cost[rows], closer])
        kinds, count = np.unique(keys, axis=0, return_counts=True)
        self.offer, self.shut_by = Offer(kinds[:, 0], kinds[:, 1], count), kinds[:, 2:]

    def _cheapest(
        self, rows: Int[np.ndarray, " r"], most: Int[np.ndarray, " m"]
    ) -> Int[np.ndarray, " k"]:
        ordered = rows[np.lexsort((self.cost[rows], self.cells.cell[rows]))]
        cell = self.cells.cell[ordered]
        starts = np.searchsorted(cell, np.arange(self.cells.count))
        return np.asarray(ordered[np.arange(len(ordered)) - starts[cell] < most[cell]])

    def _close_pair(self) -> tuple[int, int] | None:
        """Two rows to include, or one and a preselected row, that are too close; None if none is.

        One is enough: if there is any, it makes a conflict of three demands at most, so that no
        smallest conflict needs another one beside something else.
        """
        if not self.limits.min_distance:
            return None
        spacing = Spacing(self.pool.vectors, self.limits.min_distance)
        before = list(self.limits.preselected)
        for index in before:
            spacing.add(index)
        for index in sorted(set(self.limits.include)):
            if spacing.too_close(index):
                near = self.pool.vectors[before] @ self.pool.vectors[index]
                return before[int(near.argmax())], index
            spacing.add(index)
            before.append(index)
        return None

    def too_many(self) -> Bool[np.ndarray, " m"] | None:
        """A floor above the number of its group's rows: the only demand impossible by itself."""
        place, group = self.bounds["floor"]
        rows = self.cells.rows_per_group(self.cells.cell)
        alone = place[self.numbers[place] > rows[group]][:1]
        return np.isin(np.arange(len(self.asks)), alone) if len(alone) else None

    @cached_property
    def everything(self) -> Bool[np.ndarray, " m"]:
        """The part that holds all demands."""
        return np.ones(len(self.asks), dtype=bool)

    def can_be_met(
        self, part: Bool[np.ndarray, " m"], numbers: dict[int, float] | None = None
    ) -> bool:
        """Whether some subset meets these demands, or they with some numbers changed."""
        asked = np.append(part, False)  # what is never asked
        number = self.numbers.copy()
        for place, value in (numbers or {}).items():
            number[place] = value
        forced = asked[self.closer[:, INCLUDE]]
        if asked[self.closer[forced][:, [EXCLUDE, RULE, PRESELECTED]]].any():
            return False
        if self._is_too_close(asked):
            return False
        rows = self.listed[forced]
        left = number[0] - int(self.cost[rows].sum()) if asked[0] else np.inf
        found = self._complete(asked, number, rows)
        return found is not None and found <= left

    def _is_too_close(self, asked: Bool[np.ndarray, " m"]) -> bool:
        if self.pair is None or not asked[self.number["distance", ""]]:
            return False
        one, other = self.pair
        known = self.number.get(("include", one)), self.number.get(("include", other))
        first = known[0] if one not in self.limits.preselected else self.number["preselected", ""]
        return bool(asked[first] and asked[known[1]])

    def _complete(
        self,
        asked: Bool[np.ndarray, " m"],
        number: Float[np.ndarray, " m"],
        forced: Int[np.ndarray, " f"],
    ) -> int | None:
        """Least cost of meeting the floors asked for beside the forced rows; None if impossible."""
        need, room = np.zeros_like(self.cells.floor), np.full_like(self.cells.cap, NO_CAP)
        for bound, kind in ((need, "floor"), (room, "cap")):
            place, group = self.bounds[kind]
            bound[group[asked[place]]] = number[place[asked[place]]]
        held = self.cells.rows_per_group(self.cells.cell[forced])
        demand = Demand(self.cells.members, np.maximum(need - held, 0), room - held)
        offer = self.offer.of(~asked[self.shut_by].any(axis=1))
        found = cheapest_completion(offer, demand)
        return None if found is None else offer.total(found.count)

    def eligible_in(self, group: int) -> tuple[int, int]:
        """Rows of a group that may be chosen by all lists and rules, and all of its rows."""
        own = (self.pool.group == group).any(axis=1)
        low = self.pool.quality < self.limits.min_quality
        low[list(self.limits.include)] = False
        shut = [*self.limits.exclude, *self.limits.closed, *self.limits.preselected]
        low[shut] = True
        return int((own & ~low).sum()), int(own.sum())
