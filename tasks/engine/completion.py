"""The cheapest rows that complete all floors within all caps: counts per cell, exact."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from scipy import optimize, sparse

from schemas.errors import WinnowError


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
    """Rows to choose from, in order of (cell, cost): a cell, a cost of at least 1 each."""

    cell: Int[np.ndarray, " r"]
    cost: Int[np.ndarray, " r"]

    def first(self, most: Int[np.ndarray, " m"]) -> "Offer":
        """The cheapest rows of each cell, at most so many."""
        starts = np.searchsorted(self.cell, np.arange(len(most)))
        kept = np.arange(len(self.cell)) - starts[self.cell] < most[self.cell]
        return Offer(self.cell[kept], self.cost[kept])

    def total(self, count: Int[np.ndarray, " m"]) -> int:
        """Cost of the cheapest `count` rows of each cell."""
        return int(self.first(count).cost.sum())


def cheapest_completion(offer: Offer, demand: Demand) -> Int[np.ndarray, " m"] | None:
    """Rows per cell, the cheapest of each, that meet `demand` at the least total cost.

    None if no rows do. One attribute: each group's cheapest rows. Several: an integer program over
    (cell, cost), whose size is that of the needs, not of the pool; equal costs share a variable.
    """
    reachable = np.bincount(demand.members[demand.members >= 0], minlength=len(demand.need)) > 0
    if (demand.need > np.where(reachable, demand.room, 0)).any() or (demand.room < 0).any():
        return None
    most = demand.most_per_cell()
    if not most.any():
        return most
    offer = offer.first(most)
    available = np.bincount(offer.cell, minlength=len(most))
    if demand.members.shape[1] == 1:
        return None if (available < most).any() else most
    return _solve(offer, demand)


def _solve(offer: Offer, demand: Demand) -> Int[np.ndarray, " m"] | None:
    """Minimise sum of cost * x over 0 <= x <= rows of that cell and cost, groups within bounds."""
    changes = (np.diff(offer.cell, prepend=-1) != 0) | (np.diff(offer.cost, prepend=-1) != 0)
    starts = np.flatnonzero(changes)
    if not len(starts):
        return None
    count = np.diff(np.append(starts, len(offer.cell)))
    cell, cost = offer.cell[starts], offer.cost[starts]
    in_group = _membership(demand.members[cell], len(demand.need))
    held = (demand.need > 0) | (demand.room < in_group @ count)  # groups that bind at all
    found = optimize.milp(
        cost.astype(np.float64),
        integrality=np.ones(len(cell)),
        bounds=optimize.Bounds(0, count),
        constraints=optimize.LinearConstraint(
            in_group[held], demand.need[held], np.minimum(demand.room, len(offer.cell))[held]
        ),
        options={"mip_rel_gap": 0.0},
    )
    if found.status == 2:  # infeasible
        return None
    if found.x is None:
        raise WinnowError(f"the program that completes the floors was not solved: {found.message}")
    taken = np.round(found.x).astype(np.int64)
    per_cell = np.bincount(cell, weights=taken, minlength=len(demand.members)).astype(np.int64)
    if not _meets(per_cell, demand):
        raise WinnowError("the program that completes the floors gave rows that do not")
    return per_cell


def _membership(members: Int[np.ndarray, "v c"], groups: int) -> sparse.csr_array:
    """Which variable counts for which group, (groups, variables) of 0 and 1."""
    variable, column = np.nonzero(members >= 0)
    group = members[variable, column]
    ones = np.ones(len(group))
    return sparse.csr_array((ones, (group, variable)), shape=(groups, len(members)))


def _meets(per_cell: Int[np.ndarray, " m"], demand: Demand) -> bool:
    held = _membership(demand.members, len(demand.need)) @ per_cell
    return bool((held >= demand.need).all() and (held <= demand.room).all())
