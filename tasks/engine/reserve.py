"""A plan that meets every open floor: the certificate that a subset can still be completed.

Rows of one cell (equal bounded groups) differ in cost alone, so a plan is a number of rows per
cell, namely the cheapest free ones. Completions of a growing subset only become fewer: whatever
meets all demands and holds S and a row also holds every part of S and that row. So a row that
fits into no completion never will again, nor will a dearer one of its cell (take the dearer out
of its completion, put the cheaper in: same cell, less cost). `limit` keeps that per cell.
"""

import numpy as np
from jaxtyping import Bool, Int

from tasks.engine.cells import Cells
from tasks.engine.completion import Demand, Offer, cheapest_completion


class Reserve:
    """Counts `planned` rows per cell, with their cost, under the room and budget that are left.

    A row is admitted at once if the plan leaves budget and room for it (a planned row of its own
    cell makes way). Else the plan is changed: by exchanging one planned row, or by solving anew
    with the row forced. With one bounded attribute the plan is always the cheapest, so that a row
    that does not fit at once never fits. Memory: five numbers per row. `need` and `room` belong to
    the caller, who counts rows into groups.
    """

    def __init__(
        self,
        cells: Cells,
        cost: Int[np.ndarray, " n"],
        free: Bool[np.ndarray, " n"],
        need: list[int],
        room: list[int],
    ):
        self.cells, self.need, self.room = cells, need, room
        self.solved = 0  # integer programs, for the tests
        rows = np.flatnonzero(free)
        rows = rows[np.lexsort((cost[rows], cells.cell[rows]))]  # stable: then by row
        self.cell, self.cost = cells.cell[rows], cost[rows]  # by place, in order of (cell, cost)
        self.place = np.full(len(free), -1, dtype=np.int32)
        self.place[rows] = np.arange(len(rows), dtype=np.int32)
        self._link()
        self.groups_of = [cells.groups_of(cell) for cell in range(cells.count)]
        self.limit: list[float] = [np.inf] * cells.count  # no dearer row is ever admitted
        self._adopt(np.zeros(cells.count, dtype=np.int64))

    def _link(self) -> None:
        """Chain the rows of each cell, so that one can be taken out in constant time."""
        here = np.arange(len(self.cell), dtype=np.int32)
        self.first = np.searchsorted(self.cell, np.arange(self.cells.count)).astype(np.int32)
        ends = np.append(np.diff(self.cell) != 0, True)[: len(here)]
        starts = np.append(True, np.diff(self.cell) != 0)[: len(here)]
        self.after = np.where(ends, -1, here + 1).astype(np.int32)
        self.before = np.where(starts, -1, here - 1).astype(np.int32)
        self.free = np.ones(len(here), dtype=bool)

    # ... the plan

    def plan(self, left: int) -> bool:
        """Adopt the cheapest plan; False, and no change, if there is none within `left`."""
        offer, demand = self._offer(self.free), self._demand()
        found = self._solve(offer, demand)
        if found is None or offer.total(found) > left:
            return False
        self._adopt(found)
        return True

    def _plan_with(self, place: int, cell: int, cost: int, left: int) -> bool:
        """Adopt the cheapest plan that holds a row; if none fits, learn what its cell may cost."""
        demand, held = self._demand(), list(self.groups_of[cell])
        demand.need[held] = np.maximum(demand.need[held] - 1, 0)
        demand.room[held] -= 1
        others = self.free.copy()
        others[place] = False
        offer = self._offer(others)
        found = self._solve(offer, demand)
        rest = None if found is None else offer.total(found)
        if found is None or rest is None or cost + rest > left:
            self.limit[cell] = -1 if rest is None else left - rest
            return False
        found[cell] += 1  # the plan holds the cheapest of a cell, perhaps another row than this
        self._adopt(found)
        return True

    def _offer(self, free: Bool[np.ndarray, " r"]) -> Offer:
        return Offer(self.cell[free], self.cost[free])

    def _demand(self) -> Demand:
        return Demand(self.cells.members, np.array(self.need), np.array(self.room))

    def _solve(self, offer: Offer, demand: Demand) -> Int[np.ndarray, " m"] | None:
        self.solved += 1
        return cheapest_completion(offer, demand)

    def _adopt(self, count: Int[np.ndarray, " m"]) -> None:
        here = np.flatnonzero(self.free)
        starts = np.searchsorted(self.cell[here], np.arange(self.cells.count))
        last = np.where(count > 0, starts + count - 1, 0)
        self.last = np.where(count > 0, np.append(here, -1)[last], -1).astype(np.int32).tolist()
        self.count = count.tolist()
        groups = self.cells.members
        self.planned = np.bincount(
            groups[groups >= 0],
            weights=np.broadcast_to(count[:, None], groups.shape)[groups >= 0],
            minlength=len(self.need),
        ).astype(np.int64).tolist()  # fmt: skip
        self.cost_planned = self._offer(self.free).total(count)

    # ... asking

    def admits(self, row: int, left: int) -> bool:
        """Whether some completion within the budget left holds this free row."""
        place = int(self.place[row])
        cell, cost = int(self.cell[place]), int(self.cost[place])
        if self._fits(place, cell, cost, left):
            return True
        if self.cells.members.shape[1] < 2 or cost > self.limit[cell]:
            return False
        return self._exchange(cell, cost, left) or self._plan_with(place, cell, cost, left)

    def _fits(self, place: int, cell: int, cost: int, left: int) -> bool:
        """Whether the plan as it stands leaves budget and room for a row."""
        if self.count[cell]:
            last = self.last[cell]
            relief = cost if place <= last else int(self.cost[last])
            return self.cost_planned - relief + cost <= left
        if self.cost_planned + cost > left:
            return False
        return all(self.room[group] > self.planned[group] for group in self.groups_of[cell])

    def _exchange(self, cell: int, cost: int, left: int) -> bool:
        """Plan a row of this cell in place of the dearest planned one that can be spared.

        A planned row can be spared if each of its groups is planned beyond its need, or is a group
        of the new row too. Only groups that the spared row does not share need room.
        """
        count, last = np.array(self.count), np.array(self.last)
        donors = np.flatnonzero((count > 0) & (np.arange(len(count)) != cell))
        own, theirs = self.cells.members[cell], self.cells.members[donors]
        spare = np.append(np.array(self.planned) > np.array(self.need), True)
        space = np.append(np.array(self.room) > np.array(self.planned), True)
        good = ((theirs == own) | (spare[theirs] & space[own])).all(axis=1)
        price = self.cost[last[donors]]
        good &= self.cost_planned - price + cost <= left
        if not good.any():
            return False
        donor = int(donors[np.argmax(np.where(good, price, -1))])
        self._unplan_last(donor)
        if not self._plan_next(cell):
            raise AssertionError("a cell with a free row has a row to plan")
        return True

    # ... changes

    def take(self, row: int) -> None:
        """A row was chosen: it leaves, and if its cell was planned one of the plan does too.

        `need` and `room` must have been lowered by the caller for the row's groups.
        """
        place = int(self.place[row])
        cell = int(self.cell[place])
        if self.count[cell]:
            if place <= self.last[cell]:
                self._drop_planned(place, cell)
            else:
                self._unplan_last(cell)
        self._unlink(place, cell)

    def close(self, row: int, left: int) -> bool:
        """A free row was shut out; False if the floors cannot be met without it."""
        place = int(self.place[row])
        cell = int(self.cell[place])
        planned = bool(self.count[cell]) and place <= self.last[cell]
        if planned:
            self._drop_planned(place, cell)
        self._unlink(place, cell)
        if not planned:
            return True
        return (self._plan_next(cell) and self.cost_planned <= left) or self.plan(left)

    def _drop_planned(self, place: int, cell: int) -> None:
        """Take a row out of the plan's first rows of a cell."""
        if place == self.last[cell]:
            self._unplan_last(cell)
            return
        self.cost_planned -= int(self.cost[place])
        self._count(cell, -1)

    def _unplan_last(self, cell: int) -> None:
        last = self.last[cell]
        self.cost_planned -= int(self.cost[last])
        self.last[cell] = int(self.before[last])
        self._count(cell, -1)

    def _plan_next(self, cell: int) -> bool:
        """Plan one more row of a cell; False if no free one is left."""
        last = self.last[cell]
        place = int(self.after[last]) if last >= 0 else self._head(cell)
        if place < 0:
            return False
        self.cost_planned += int(self.cost[place])
        self.last[cell] = place
        self._count(cell, 1)
        return True

    def _head(self, cell: int) -> int:
        """The cheapest free row of a cell, -1 if there is none."""
        place = int(self.first[cell])
        inside = place < len(self.cell) and self.cell[place] == cell
        return place if inside and self.free[place] else -1

    def _unlink(self, place: int, cell: int) -> None:
        before, after = int(self.before[place]), int(self.after[place])
        if before >= 0:
            self.after[before] = after
        elif after >= 0:
            self.first[cell] = after
        if after >= 0:
            self.before[after] = before
        self.free[place] = False

    def _count(self, cell: int, change: int) -> None:
        self.count[cell] += change
        for group in self.groups_of[cell]:
            self.planned[group] += change
