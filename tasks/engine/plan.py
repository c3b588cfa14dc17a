"""A plan of rows still to be taken: per cell a number, meaning its cheapest free rows."""

import numpy as np
from jaxtyping import Bool, Int

from tasks.engine.cells import Cells
from tasks.engine.offers import Offer, count_first


class Plan:
    """Free rows as kinds (a cell and a cost each, in that order), and how many are planned.

    Of each cell the cheapest rows are planned: all of the kinds before `last`, and `used` of kind
    `last`. Taking rows out, planning one more or one less are constant time: the kinds that still
    have free rows are chained. `cost` is that of all planned rows, `planned` their number by group.
    Memory: four bytes per row (its kind) and 33 per kind.
    """

    def __init__(self, cells: Cells, cost: Int[np.ndarray, " n"], free: Bool[np.ndarray, " n"]):
        self.cells = cells
        rows = np.flatnonzero(free)
        rows = rows[np.lexsort((cost[rows], cells.cell[rows]))]
        kinds = Offer.of_rows(cells.cell[rows].astype(np.int64), cost[rows])
        self.cell, self.price, self.free = kinds.cell, kinds.cost, kinds.count
        self.kind = np.full(len(free), -1, dtype=np.int32)
        self.kind[rows] = np.repeat(np.arange(len(kinds.cell), dtype=np.int32), kinds.count)
        here = np.arange(len(self.cell), dtype=np.int32)
        change = np.diff(self.cell) != 0
        self.after = np.where(np.append(change, True)[: len(here)], -1, here + 1)
        self.before = np.where(np.append(True, change)[: len(here)], -1, here - 1)
        self.head = np.full(cells.count, -1, dtype=np.int64)
        self.head[self.cell[self.before < 0]] = here[self.before < 0]
        self.groups_of = [cells.groups_of(cell) for cell in range(cells.count)]
        self.adopt(np.zeros(cells.count, dtype=np.int64))

    def offer(self, without: int = -1) -> Offer:
        """All free rows, or all but one of some kind."""
        count = self.free.copy()
        if without >= 0:
            count[without] -= 1
        kept = count > 0
        return Offer(self.cell[kept], self.price[kept], count[kept])

    def adopt(self, count: Int[np.ndarray, " m"]) -> None:
        """Plan so many rows of each cell."""
        used = count_first(self.cell, self.free, count)
        kinds = np.flatnonzero(used)
        self.last = np.full(self.cells.count, -1, dtype=np.int64)
        self.used = np.zeros(self.cells.count, dtype=np.int64)
        self.last[self.cell[kinds]] = kinds  # of several kinds of a cell the last stays
        self.used[self.cell[kinds]] = used[kinds]
        self.count = count.copy()
        self.cost = int(self.price @ used)
        member = self.cells.members
        weights = np.broadcast_to(count[:, None], member.shape)[member >= 0]
        found = np.bincount(member[member >= 0], weights, minlength=len(self.cells.groups))
        self.planned = found.astype(np.int64)

    def relief(self, kind: int) -> int:
        """What a row of this kind would save by standing in for a planned row of its cell."""
        last = self.last[self.cell[kind]]
        return int(self.price[min(kind, last)])

    def plan_one(self, cell: int) -> bool:
        """Plan one more row of a cell, the cheapest left; False if none is."""
        last = self.last[cell]
        if last < 0 or self.used[cell] == self.free[last]:
            last = self.after[last] if last >= 0 else self.head[cell]
            if last < 0:
                return False
            self.last[cell], self.used[cell] = last, 0
        self.used[cell] += 1
        self._count(cell, 1, int(self.price[last]))
        return True

    def drop_one(self, cell: int) -> None:
        """Plan one row less of a cell, the dearest planned one."""
        last = self.last[cell]
        self._count(cell, -1, -int(self.price[last]))
        self.used[cell] -= 1
        if not self.used[cell]:
            before = self.before[last]
            self.last[cell] = before
            self.used[cell] = self.free[before] if before >= 0 else 0

    def take(self, kind: int) -> None:
        """A free row leaves, and stands in for a planned row of its cell if there is one."""
        cell = int(self.cell[kind])
        if kind < self.last[cell]:
            self._count(cell, -1, -int(self.price[kind]))
        elif self.count[cell]:
            self.drop_one(cell)
        self._leave(kind, cell)

    def close(self, kind: int) -> bool:
        """A free row leaves; if planned, another is planned for it. False if none is left."""
        cell = int(self.cell[kind])
        last = self.last[cell]
        planned = kind < last or (kind == last and self.used[cell] == self.free[kind])
        if planned:
            self.take(kind)
            return self.plan_one(cell)
        self._leave(kind, cell)
        return True

    def _count(self, cell: int, rows: int, cost: int) -> None:
        self.count[cell] += rows
        self.cost += cost
        for group in self.groups_of[cell]:
            self.planned[group] += rows

    def _leave(self, kind: int, cell: int) -> None:
        self.free[kind] -= 1
        if self.free[kind]:
            return
        before, after = self.before[kind], self.after[kind]
        if before >= 0:
            self.after[before] = after
        else:
            self.head[cell] = after
        if after >= 0:
            self.before[after] = before
