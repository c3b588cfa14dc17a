"""The state of a growing subset: what is taken, what may still be taken, and why not."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int

from schemas.errors import InfeasibleError
from schemas.results import (
    FLOOR_RESERVE,
    GROUP_CAP,
    OVER_BUDGET,
    SELECTED,
    TIME_LIMIT,
    TOO_CLOSE,
)
from tasks.engine.cells import NO_CAP, cells_of
from tasks.engine.conflicts import refuse
from tasks.engine.limits import Limits, cost_of, standing
from tasks.engine.pool import Pool
from tasks.engine.reserve import Reserve
from tasks.engine.spacing import Spacing


class Admission:
    """Says of each row whether it may be taken now; a row once refused is refused for good.

    Without `min_distance` that is exact: a row may be taken if and only if some subset that meets
    every demand holds it and all rows taken so far. So a search that takes what it may, until
    nothing is left, meets every floor. With `min_distance` floors are promised by number only, as
    if the rows left kept their distance: where they do not, `InfeasibleError` names the floor (to
    know before is as hard as finding a largest independent set). Demands that no subset meets are
    refused at once. Raises `InfeasibleError`.

    Arrays for searches: `cost` (n,), `free` (n,) bool, `order` (rows taken, those that must be
    included first; `given` of them), `spent` and `left` (of the budget).
    """

    def __init__(self, pool: Pool, limits: Limits):
        self.pool, self.limits = pool, limits
        self.cost = cost_of(pool, limits)
        self.code, names = standing(pool, limits)  # one byte per row
        self.names, self._codes = list(names), {name: code for code, name in enumerate(names)}
        self.free: Bool[np.ndarray, " n"] = self.code == 0
        self.cells = cells_of(pool, limits)
        self.need: list[int] = self.cells.floor.tolist()
        self.open_need = sum(self.need)
        self.room: list[int] = self.cells.cap.tolist()
        self._groups_of = [self.cells.groups_of(cell) for cell in range(self.cells.count)]
        self.order: list[int] = []
        self.spent = 0
        self.stopped = False
        self.reserve: Reserve | None = None
        self.spacing = Spacing(pool.vectors, limits.min_distance) if limits.min_distance else None
        for index in limits.preselected:
            self._keep_distance(index)
        if not (self._include() and self._plan_floors()):
            refuse(pool, limits)
        self.given = len(self.order)

    def _include(self) -> bool:
        """Take the rows that must be included; False if they break a demand by themselves."""
        for index in sorted(set(self.limits.include)):
            if self.refusal(index):
                return False
            self._enter(index)
        return self.left >= 0

    def _plan_floors(self) -> bool:
        """Plan how to meet the floors; False if there is no way."""
        if not self.open_need:
            return True
        self.reserve = Reserve(self.cells, self.cost, self.free, self.need, self.room)
        return self.reserve.make_plan(self.left)

    @property
    def left(self) -> int:
        """What is left of the budget, in rows or tokens."""
        return self.limits.budget - self.spent

    @property
    def full(self) -> bool:
        """True when the budget is spent, so that no row can be taken any more."""
        return self.spent >= self.limits.budget

    @property
    def status(self) -> np.ndarray:
        """Each row's fate as a text, (n,); made anew at each call."""
        return np.asarray(np.array(self.names, dtype=object)[self.code])

    # ... one row at a time

    def refusal(self, index: int) -> str:
        """Why a row cannot be taken now (and so never will be), or an empty string."""
        if not self.free[index]:
            return str(self.names[self.code[index]])
        groups = self._groups_of[self.cells.cell[index]]
        if any(self.room[group] <= 0 for group in groups):
            return GROUP_CAP
        left = self.left
        if self.cost[index] > left:
            return OVER_BUDGET
        if self.spacing and self.spacing.too_close(index):
            return TOO_CLOSE
        if self.reserve and not self.reserve.admits(index, left):
            return FLOOR_RESERVE
        return ""

    def take(self, index: int) -> None:
        """Add a row; raises `InfeasibleError` if it is not admissible."""
        rule = self.refusal(index)
        if rule:
            raise InfeasibleError(
                f"row {self.pool.ids[index]!r} cannot be taken: {rule}",
                expected="a row that budget, floors, caps and distance still admit",
            )
        self._enter(index)

    def _enter(self, index: int) -> None:
        self._set(index, SELECTED)
        self.order.append(int(index))
        self.spent += int(self.cost[index])
        if self.reserve:
            self.reserve.take(index)
        for group in self._groups_of[self.cells.cell[index]]:
            self.room[group] -= 1
            if self.need[group] > 0:
                self.need[group] -= 1
                self.open_need -= 1
        self._keep_distance(index)
        if not self.open_need:
            self.reserve = None

    def _keep_distance(self, index: int) -> None:
        if self.spacing:
            self.spacing.add(index)

    def close(self, index: int, rule: str) -> None:
        """Shut a row out for good; raises `InfeasibleError` if a floor then cannot be met."""
        was_free = bool(self.free[index])
        self._set(index, rule)
        if was_free and self.reserve and not self.reserve.close(index, self.left):
            self._refuse_open_floors()

    def _set(self, index: int, rule: str) -> None:
        if rule not in self._codes:
            self._codes[rule] = len(self.names)
            self.names.append(rule)
        self.free[index], self.code[index] = False, self._codes[rule]

    # ... many rows at a time

    @property
    def simple(self) -> bool:
        """Whether budget and the caps of at most one attribute alone decide: no floor is open.

        Then a free row may be taken if `cost` is at most what is left and its group has room, and
        a search may count these itself from `open_budget` on and enter its picks by `take_many`.
        """
        return not (self.reserve or self.spacing) and self.cells.members.shape[1] < 2

    def open_budget(self) -> tuple[int, Int[np.ndarray, " n"], Int[np.ndarray, " g"]]:
        """What is left of the budget, each row's group, and how many rows each group may take.

        All that decides, beside `cost` and `free`, where `simple`. The room is a copy.
        """
        rooms = [self.room[groups[0]] if groups else NO_CAP for groups in self._groups_of]
        return self.left, self.cells.cell, np.array(rooms, dtype=np.int64)

    def take_many(self, indices: Sequence[int] | Int[np.ndarray, " k"]) -> None:
        """Add rows that a search found admissible in this order; checked as one, where `simple`."""
        rows = np.asarray(indices, dtype=np.int64)
        held = self.cells.rows_per_group(self.cells.cell[rows])
        price = int(self.cost[rows].sum())
        sound = self.simple and self.free[rows].all() and len(np.unique(rows)) == len(rows)
        if not sound or price > self.left or (held > np.array(self.room)).any():
            raise InfeasibleError(
                f"{len(rows)} rows cannot be taken together",
                expected="free rows, once each, within budget and caps, and no floor open",
            )
        self.free[rows], self.code[rows] = False, self._codes[SELECTED]
        self.order.extend(rows.tolist())
        self.spent += price
        for group, count in enumerate(held.tolist()):
            self.room[group] -= count

    # ... the end

    def helps(self, index: int) -> bool:
        """Whether a row belongs to a group that is still below its floor."""
        return any(self.need[group] > 0 for group in self._groups_of[self.cells.cell[index]])

    def close_rest(self) -> None:
        """After the search: name the rule for rows never looked at that could not be taken.

        Raises `InfeasibleError` if a floor is still open. In a search that was `stopped`, rows
        that could have been taken are said not to have been reached.
        """
        if self.open_need:
            self._refuse_open_floors()
        if self.full:
            return  # the budget went to rows of higher gain: they stay `outranked`
        closed = [not any(self.room[g] <= 0 for g in groups) for groups in self._groups_of]
        capped = ~np.array(closed, dtype=bool)[self.cells.cell] & self.free
        dear = (self.cost > self.left) & self.free & ~capped
        for rows, rule in ((capped, GROUP_CAP), (dear, OVER_BUDGET)):
            self.free[rows], self.code[rows] = False, self._codes[rule]
        if self.stopped:
            self.code[self.free] = self._codes[TIME_LIMIT]
            self.free[:] = False
        for index in np.flatnonzero(self.free) if self.spacing else ():
            rule = self.refusal(int(index))
            if rule:
                self.close(int(index), rule)

    def _refuse_open_floors(self) -> None:
        groups = np.flatnonzero(self.need)
        names = [self.pool.group_names[self.cells.groups[group]] for group in groups]
        short = [f"{name!r} lacks {self.need[g]}" for name, g in zip(names, groups, strict=True)]
        raise InfeasibleError(
            f"choose.group_floors cannot be met beside the rows chosen: {', '.join(short[:5])}",
            expected=f"as many rows at least {self.limits.min_distance} (choose.min_distance) from "
            "each other and from the rows chosen before",
            remedy="lower choose.min_distance or choose.group_floors",
        )

    # ... an interrupted search

    def shut_rows(self) -> dict[str, np.ndarray]:
        """Which rows were refused since the start, and why; for `shut_again`."""
        before = standing(self.pool, self.limits)[0]
        rows = np.flatnonzero(~self.free & (before == 0) & (self.code != self._codes[SELECTED]))
        rules = np.array([self.names[code] for code in self.code[rows]], dtype=str)
        return {"rows": rows, "rules": rules}

    def shut_again(self, shut: dict[str, np.ndarray]) -> None:
        """Close the rows that an interrupted search had refused."""
        for index, rule in zip(shut["rows"].tolist(), shut["rules"].tolist(), strict=True):
            self.close(index, rule)
