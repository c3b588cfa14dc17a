"""The cheapest rows that complete all floors within all caps: counts per cell, exact."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from schemas.errors import WinnowError
from tasks.engine.offers import Demand, Offer

ROUNDING: Final = 1e-6  # how far from a whole number a count may be, or a price from another
BAND: Final = 0.1  # how far prices are expected to have moved since the last program, relative


@dataclass(frozen=True)
class Completion:
    """Rows per cell, the cheapest of each; with several attributes also prices.

    What one more row of need, and one less of room, of each group would add to the cost.
    """

    count: Int[np.ndarray, " m"]
    need_price: Float[np.ndarray, " g"] | None = None
    room_price: Float[np.ndarray, " g"] | None = None

    def price_of_cell(self, members: Int[np.ndarray, "m c"]) -> Float[np.ndarray, " m"]:
        """What a row of each cell would save: the price above which it is not bought."""
        assert self.need_price is not None
        worth = np.append(self.need_price - self.room_price, 0.0)
        return np.asarray(worth[members].sum(axis=1))


def cheapest_completion(
    offer: Offer, demand: Demand, last: Completion | None = None
) -> Completion | None:
    """Rows per cell that meet `demand` at the least total cost; None if no rows do.

    One attribute: each group's cheapest rows. Several: a program over kinds of rows, whose size is
    that of the needs, not of the pool; `last`, a program solved before, may make it smaller.
    """
    reachable = np.bincount(demand.members[demand.members >= 0], minlength=len(demand.need)) > 0
    if (demand.need > np.where(reachable, demand.room, 0)).any() or (demand.room < 0).any():
        return None
    most = demand.most_per_cell()
    if not most.any():
        return Completion(most)
    offer = offer.first(most)
    if demand.members.shape[1] > 1:
        return (_solve_near(offer, demand, last) if last else None) or _solve(offer, demand)
    available = np.bincount(offer.cell, weights=offer.count, minlength=len(most))
    return None if (available < most).any() else Completion(most)


def _solve(offer: Offer, demand: Demand) -> Completion | None:
    """Minimise sum of cost * x over 0 <= x <= count, rows per group within need and room.

    The linear program alone is enough with two attributes: a row has one group of each, so its
    matrix is the incidence matrix of a bipartite graph and its corners are whole numbers. With more
    attributes the whole-number program follows where a corner is not whole.
    """
    program = _Program(offer, demand)
    found = program.solve()
    if found is None:
        return None
    taken = found.x if program.is_whole(found.x) else program.solve_whole()
    return None if taken is None else program.completion(taken, found)


def _solve_near(offer: Offer, demand: Demand, last: Completion) -> Completion | None:
    """Solve for the kinds whose cost is near their cell's price in the last program.

    Cheaper ones are bought, dearer ones are not; if that is also what the new prices say of them
    all, the result is the cheapest of all (linear duality). None if it is not, or not whole.
    """
    if last.need_price is None:
        return None
    expected = last.price_of_cell(demand.members)[offer.cell]
    width = BAND * np.abs(expected) + 1
    bought, near = offer.cost < expected - width, np.abs(offer.cost - expected) <= width
    sure = np.bincount(offer.cell[bought], offer.count[bought], len(demand.members))
    held = _membership(demand.members, len(demand.need)) @ sure.astype(np.int64)
    rest = Demand(demand.members, np.maximum(demand.need - held, 0), demand.room - held)
    if (rest.room < 0).any():
        return None
    program = _Program(offer.of(near), rest)
    found = program.solve()
    if found is None or not program.is_whole(found.x):
        return None
    result = program.completion(found.x, found)
    price = result.price_of_cell(demand.members)[offer.cell]
    wrong = np.where(bought, offer.cost > price + ROUNDING, offer.cost < price - ROUNDING)
    if wrong[~near].any():
        return None
    return Completion(result.count + sure.astype(np.int64), result.need_price, result.room_price)


class _Program:
    """The program for some kinds of rows; floors and caps that cannot bind are left out."""

    def __init__(self, offer: Offer, demand: Demand):
        self.offer, self.demand = offer, demand
        self.in_group = _membership(demand.members[offer.cell], len(demand.need))
        self.floors = np.flatnonzero(demand.need > 0)
        self.caps = np.flatnonzero(demand.room < self.in_group @ offer.count)
        self.matrix = sparse.vstack([-self.in_group[self.floors], self.in_group[self.caps]])
        self.limit = np.concatenate([-demand.need[self.floors], demand.room[self.caps]])

    def solve(self) -> Any:
        """A corner of the linear program of least cost; None if there is none."""
        from scipy import optimize  # takes 0.4 s, and few runs have floors by several columns

        if not len(self.offer.cell):
            return None
        found = optimize.linprog(
            self.offer.cost,
            A_ub=self.matrix,
            b_ub=self.limit,
            bounds=np.column_stack([np.zeros(len(self.offer.count)), self.offer.count]),
            method="highs-ds",
        )
        return None if _is_infeasible(found) else found

    def solve_whole(self) -> Float[np.ndarray, " k"] | None:
        """Whole numbers of least cost; None if there are none."""
        from scipy import optimize

        found = optimize.milp(
            self.offer.cost,
            integrality=np.ones(len(self.offer.cost)),
            bounds=optimize.Bounds(0, self.offer.count),
            constraints=optimize.LinearConstraint(self.matrix, -np.inf, self.limit),
            options={"mip_rel_gap": 0.0},
        )
        return None if _is_infeasible(found) else np.asarray(found.x)

    def is_whole(self, taken: Float[np.ndarray, " k"]) -> bool:
        """Whether all counts are whole numbers."""
        return bool((np.abs(taken - np.round(taken)) <= ROUNDING).all())

    def completion(self, taken: Float[np.ndarray, " k"], found: Any) -> Completion:
        """Counts per cell, checked, with the prices of the linear program."""
        counts = np.round(taken).astype(np.int64)
        held = self.in_group @ counts
        if (held < self.demand.need).any() or (held > self.demand.room).any():
            raise WinnowError("the program that completes the floors gave rows that do not")
        need_price, room_price = np.zeros((2, len(self.demand.need)))
        need_price[self.floors] = -found.ineqlin.marginals[: len(self.floors)]
        room_price[self.caps] = -found.ineqlin.marginals[len(self.floors) :]
        per_cell = np.bincount(self.offer.cell, counts, len(self.demand.members))
        return Completion(per_cell.astype(np.int64), need_price, room_price)


def _is_infeasible(found: Any) -> bool:
    if found.x is None and found.status != 2:
        raise WinnowError(f"the program that completes the floors was not solved: {found.message}")
    return bool(found.status == 2)


def _membership(members: Int[np.ndarray, "v c"], groups: int) -> sparse.csr_array:
    """Which variable counts for which group, (groups, variables) of 0 and 1."""
    variable, column = np.nonzero(members >= 0)
    group = members[variable, column]
    ones = np.ones(len(group), dtype=np.int64)
    return sparse.csr_array((ones, (group, variable)), shape=(groups, len(members)))
