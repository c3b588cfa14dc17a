"""What is asked and what is on offer: rows by groups, as counts."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int


@dataclass(frozen=True)
class Demand:
    """What is still asked: `need` rows at least and `room` rows at most in each group.

    `members` gives the groups of each cell, one per attribute, -1 for none.
    """

    members: Int[np.ndarray, "m c"]
    need: Int[np.ndarray, " g"]
    room: Int[np.ndarray, " g"]

    def most_per_cell(self) -> Int[np.ndarray, " m"]:
        """Rows of a cell that a cheapest completion may hold: its greatest need.

        With more of them every group of the cell would have more than it needs, so that leaving
        one out would be cheaper and still meet every floor.
        """
        needs = np.append(self.need, 0)[self.members]  # -1 is the 0 at the end
        return np.asarray(needs.max(axis=1, initial=0))


@dataclass(frozen=True)
class Offer:
    """Rows to choose from as kinds: `count` rows of a cell and a cost (at least 1) each.

    In order of (cell, cost).
    """

    cell: Int[np.ndarray, " k"]
    cost: Int[np.ndarray, " k"]
    count: Int[np.ndarray, " k"]

    @classmethod
    def of_rows(cls, cell: Int[np.ndarray, " r"], cost: Int[np.ndarray, " r"]) -> "Offer":
        """Rows in order of (cell, cost), equal ones joined."""
        changes = (np.diff(cell, prepend=-1) != 0) | (np.diff(cost, prepend=-1) != 0)
        starts = np.flatnonzero(changes)
        ends = np.append(starts[1:], len(cell))[: len(starts)]
        return cls(cell[starts], cost[starts], ends - starts)

    def of(self, kept: Bool[np.ndarray, " k"]) -> "Offer":
        """Some of the kinds."""
        return Offer(self.cell[kept], self.cost[kept], self.count[kept])

    def first(self, most: Int[np.ndarray, " m"]) -> "Offer":
        """The cheapest rows of each cell, at most so many."""
        count = count_first(self.cell, self.count, most)
        return Offer(self.cell, self.cost, count).of(count > 0)

    def total(self, count: Int[np.ndarray, " m"]) -> int:
        """Cost of the cheapest `count` rows of each cell."""
        rows = self.first(count)
        return int(rows.cost @ rows.count)


def count_first(
    cell: Int[np.ndarray, " k"], count: Int[np.ndarray, " k"], most: Int[np.ndarray, " m"]
) -> Int[np.ndarray, " k"]:
    """How many rows of each kind are among the first `most` of their cell."""
    before = np.cumsum(count) - count
    starts = np.append(before, 0)[np.searchsorted(cell, np.arange(len(most)))]
    return np.asarray(np.clip(most[cell] - (before - starts[cell]), 0, count))
