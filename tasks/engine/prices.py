"""When every completion with a row is too dear: prices of needs and rooms that prove it."""

from typing import Final

import numpy as np

from tasks.engine.completion import Completion
from tasks.engine.offers import Demand
from tasks.engine.plan import Plan

SURE: Final = 1e-6  # relative rounding of a bound


class Prices:
    """A lower bound of what any completion costs, kept up in constant time as rows leave.

    For any prices y, w >= 0 of needs and of rooms, no rows that meet the demand cost less than
    sum y need - sum w room + sum over free rows of min(0, cost - price of the row's cell), where
    a cell's price is the sum of y - w over its groups (weak duality). The prices are those of some
    program solved before, at which the bound was the cost itself.
    """

    def __init__(self, plan: Plan, found: Completion, demand: Demand):
        assert found.need_price is not None
        assert found.room_price is not None
        self.need_price, self.room_price = found.need_price.tolist(), found.room_price.tolist()
        self.of_cell = found.price_of_cell(demand.members)
        self.groups_of = plan.groups_of
        gain = np.minimum(0.0, plan.price - self.of_cell[plan.cell])
        held = found.room_price > 0
        self.bound = (
            float(found.need_price @ demand.need)
            - float(found.room_price[held] @ demand.room[held])
            + float(gain @ plan.free)
        )

    def least(self, need: list[int], cell: int, cost: int) -> float:
        """Least cost of a row and of any completion beside it, less what rounding may be."""
        bound = self.bound + cost - min(0.0, cost - self.of_cell[cell])
        for group in self.groups_of[cell]:
            bound += self.room_price[group] - self.need_price[group] * (need[group] > 0)
        return float(bound - SURE * (1.0 + abs(bound)))

    def take(self, need: list[int], cell: int, cost: int) -> None:
        """A row is chosen: it leaves, and its groups' needs and rooms become less."""
        for group in self.groups_of[cell]:
            self.bound += self.room_price[group] - self.need_price[group] * (need[group] > 0)
        self.leave(cell, cost)

    def leave(self, cell: int, cost: int) -> None:
        """A row is not free any more."""
        self.bound -= min(0.0, cost - self.of_cell[cell])
