"""What a growing subset holds so far: rows in order, their cost, what groups may still take."""

import numpy as np
from jaxtyping import Bool, Int

from schemas.results import SELECTED
from tasks.engine.cells import NO_CAP, cells_of
from tasks.engine.limits import Limits, cost_of, standing
from tasks.engine.pool import Pool


class Account:
    """Counts rows as they are entered; whether they may be is for `Admission` to say.

    `cost` (n,) in rows or tokens, `free` (n,) bool: neither taken nor shut out, `code` (n,) each
    row's fate, one byte, a place in `names`; `order`: the rows taken; `spent` of the budget; `need`
    and `room`: rows that each bounded group must and may still take.
    """

    def __init__(self, pool: Pool, limits: Limits):
        self.pool, self.limits = pool, limits
        self.cost = cost_of(pool, limits)
        self.code, names = standing(pool, limits)
        self.names, self.number = list(names), {name: code for code, name in enumerate(names)}
        self.free: Bool[np.ndarray, " n"] = self.code == 0
        self.cells = cells_of(pool, limits)
        self.groups_of = [self.cells.groups_of(cell) for cell in range(self.cells.count)]
        self.need: list[int] = self.cells.floor.tolist()
        self.room: list[int] = self.cells.cap.tolist()
        self.open_need = sum(self.need)
        self.order: list[int] = []
        self.spent = 0

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

    def mark(self, index: int, rule: str) -> None:
        """Give a row its fate."""
        if rule not in self.number:
            self.number[rule] = len(self.names)
            self.names.append(rule)
        self.free[index], self.code[index] = False, self.number[rule]

    def enter(self, index: int) -> None:
        """Count a row as taken."""
        self.mark(index, SELECTED)
        self.order.append(int(index))
        self.spent += int(self.cost[index])
        for group in self.groups_of[self.cells.cell[index]]:
            self.room[group] -= 1
            if self.need[group] > 0:
                self.need[group] -= 1
                self.open_need -= 1

    def open_budget(self) -> tuple[int, Int[np.ndarray, " n"], Int[np.ndarray, " g"]]:
        """What is left of the budget, each row's group, and how many rows each group may take.

        For one bounded attribute at most. The room is a copy.
        """
        rooms = [self.room[groups[0]] if groups else NO_CAP for groups in self.groups_of]
        return self.left, self.cells.cell, np.array(rooms, dtype=np.int64)

    def have_room(self, rows: Int[np.ndarray, " k"]) -> bool:
        """Whether these rows are free, each named once, and within budget and caps together."""
        held = self.cells.rows_per_group(self.cells.cell[rows])
        once = self.free[rows].all() and len(np.unique(rows)) == len(rows)
        fits = int(self.cost[rows].sum()) <= self.left and (held <= np.array(self.room)).all()
        return bool(once and fits)

    def enter_many(self, rows: Int[np.ndarray, " k"]) -> None:
        """Count rows as taken, in this order; no floor is open."""
        self.free[rows], self.code[rows] = False, self.number[SELECTED]
        self.order.extend(rows.tolist())
        self.spent += int(self.cost[rows].sum())
        held = self.cells.rows_per_group(self.cells.cell[rows])
        for group, count in enumerate(held.tolist()):
            self.room[group] -= count

    def helps(self, index: int) -> bool:
        """Whether a row belongs to a group that is still below its floor."""
        return any(self.need[group] > 0 for group in self.groups_of[self.cells.cell[index]])

    def shut_rows(self) -> dict[str, np.ndarray]:
        """Which rows were refused since the start, and why: places in `names`."""
        before = standing(self.pool, self.limits)[0]
        rows = np.flatnonzero(~self.free & (before == 0) & (self.code != self.number[SELECTED]))
        names = np.array(self.names)
        return {"rows": rows.astype(np.int32), "codes": self.code[rows], "names": names}
