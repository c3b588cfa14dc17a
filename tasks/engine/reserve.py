"""Whether a subset can still be completed to meet its floors: a plan that does is the proof.

Rows of one cell (equal bounded groups) differ in cost alone. Completions of a growing subset only
become fewer: whatever meets all demands and holds S and a row also holds every part of S and that
row. So a row that fits into no completion never will again, nor will a dearer one of its cell
(take the dearer out of its completion, put the cheaper in: same cell, less cost).
"""

import numpy as np
from jaxtyping import Bool, Int

from tasks.engine.cells import Cells
from tasks.engine.completion import Completion, cheapest_completion
from tasks.engine.offers import Demand, Offer
from tasks.engine.plan import Plan
from tasks.engine.prices import Prices


class Reserve:
    """Admits a row at once if the plan leaves budget and room for it, else looks for another plan.

    A row of a planned cell takes the place of a planned row. A row that does not fit is refused if
    the prices of the last program say that every completion with it is too dear; else one planned
    row is exchanged for it; else the program is solved anew with the row forced. With one bounded
    attribute the plan is always the cheapest one, so that a row that does not fit at once never
    does. `need` and `room` belong to the caller, who counts rows into groups.
    """

    def __init__(
        self,
        cells: Cells,
        cost: Int[np.ndarray, " n"],
        free: Bool[np.ndarray, " n"],
        need: list[int],
        room: list[int],
    ):
        self.members, self.need, self.room = cells.members, need, room
        self.plan = Plan(cells, cost, free)
        self.limit = np.full(cells.count, np.inf)  # no dearer row of a cell is ever admitted
        self.last: Completion | None = None  # the last program's, and what it is worth by now
        self.prices: Prices | None = None
        self.solved = 0  # programs, for the tests

    def make_plan(self, left: int) -> bool:
        """Adopt the cheapest plan; False, and no change, if there is none within `left`."""
        offer, demand = self.plan.offer(), self._demand()
        found = self._solve(offer, demand)
        if found is None or offer.total(found.count) > left:
            return False
        self.plan.adopt(found.count)
        return True

    def admits(self, row: int, left: int) -> bool:
        """Whether some completion within the budget left holds this free row."""
        kind = int(self.plan.kind[row])
        cell, cost = int(self.plan.cell[kind]), int(self.plan.price[kind])
        if self._fits(kind, cell, cost, left):
            return True
        if self.members.shape[1] < 2 or cost > self.limit[cell]:
            return False
        if self.prices and self.prices.least(self.need, cell, cost) > left:
            self.limit[cell] = cost - 1
            return False
        return self._exchange(cell, cost, left) or self._plan_with(kind, cell, cost, left)

    def take(self, row: int) -> None:
        """A row was chosen; `need` and `room` are as before it was."""
        kind = int(self.plan.kind[row])
        if self.prices:
            self.prices.take(self.need, int(self.plan.cell[kind]), int(self.plan.price[kind]))
        self.plan.take(kind)

    def close(self, row: int, left: int) -> bool:
        """A free row was shut out; False if the floors cannot be met without it."""
        kind = int(self.plan.kind[row])
        if self.prices:
            self.prices.leave(int(self.plan.cell[kind]), int(self.plan.price[kind]))
        return (self.plan.close(kind) and self.plan.cost <= left) or self.make_plan(left)

    def _fits(self, kind: int, cell: int, cost: int, left: int) -> bool:
        """Whether the plan as it stands leaves budget and room for a row."""
        plan = self.plan
        if plan.count[cell]:
            return bool(plan.cost - plan.relief(kind) + cost <= left)
        if plan.cost + cost > left:
            return False
        return all(self.room[group] > plan.planned[group] for group in plan.groups_of[cell])

    def _exchange(self, cell: int, cost: int, left: int) -> bool:
        """Plan a row of this cell in place of the dearest planned one that can be spared.

        A planned row can be spared if each of its groups is planned beyond its need, or is a group
        of the new row too. Only groups that the spared row does not share need room.
        """
        plan = self.plan
        donors = np.flatnonzero(plan.count)
        donors = donors[donors != cell]
        own, theirs = self.members[cell], self.members[donors]
        spare = np.append(plan.planned > self.need, True)
        space = np.append(self.room > plan.planned, True)
        good = ((theirs == own) | (spare[theirs] & space[own])).all(axis=1)
        price = plan.price[plan.last[donors]]
        good &= plan.cost - price + cost <= left
        if not good.any():
            return False
        plan.drop_one(int(donors[np.argmax(np.where(good, price, -1))]))
        return plan.plan_one(cell)

    def _plan_with(self, kind: int, cell: int, cost: int, left: int) -> bool:
        """Adopt the cheapest plan that holds a row; if none fits, learn what its cell may cost."""
        demand, held = self._demand(), list(self.plan.groups_of[cell])
        demand.need[held] = np.maximum(demand.need[held] - 1, 0)
        demand.room[held] -= 1
        offer = self.plan.offer(without=kind)
        found = self._solve(offer, demand)
        rest = None if found is None else offer.total(found.count)
        if found is None or rest is None or cost + rest > left:
            self.limit[cell] = -1 if rest is None else left - rest
            return False
        count = found.count.copy()
        count[cell] += 1  # the plan holds the cheapest of a cell, perhaps another row than this
        self.plan.adopt(count)
        return True

    def _demand(self) -> Demand:
        return Demand(self.members, np.array(self.need), np.array(self.room))

    def _solve(self, offer: Offer, demand: Demand) -> Completion | None:
        self.solved += 1
        found = cheapest_completion(offer, demand, self.last)
        if found is not None and found.need_price is not None:
            self.last, self.prices = found, Prices(self.plan, found, self._demand())
        return found
