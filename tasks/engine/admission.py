"""Which rows a growing subset may still take, and why not the others."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from schemas.errors import InfeasibleError
from schemas.results import (
    FLOOR_RESERVE,
    GROUP_CAP,
    OVER_BUDGET,
    TIME_LIMIT,
    TOO_CLOSE,
)
from tasks.engine.account import Account
from tasks.engine.infeasible import refuse
from tasks.engine.limits import Limits
from tasks.engine.pool import Pool
from tasks.engine.reserve import Reserve
from tasks.engine.spacing import Spacing


class Admission(Account):
    """Says of each row whether it may be taken now; a row once refused is refused for good.

    Without `min_distance` that is exact: a row may be taken if and only if some subset that meets
    every demand holds it and all rows taken so far. So a search that takes what it may, until
    nothing is left, meets every floor. With `min_distance` floors are promised by number only, as
    if the rows left kept their distance: where they do not, `InfeasibleError` names the floor (to
    know before is as hard as finding a largest independent set). Demands that no subset meets are
    refused at once. Raises `InfeasibleError`.

    `given` counts the rows that had to be included, first in `order`; `stopped` says whether the
    search ended before its budget.
    """

    def __init__(self, pool: Pool, limits: Limits):
        super().__init__(pool, limits)
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

    def refusal(self, index: int) -> str:
        """Why a row cannot be taken now (and so never will be), or an empty string."""
        if not self.free[index]:
            return str(self.names[self.code[index]])
        groups = self.groups_of[self.cells.cell[index]]
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
        if self.reserve:
            self.reserve.take(index)
        self.enter(index)
        self._keep_distance(index)
        if not self.open_need:
            self.reserve = None

    def _keep_distance(self, index: int) -> None:
        if self.spacing:
            self.spacing.add(index)

    def close(self, index: int, rule: str) -> None:
        """Shut a row out for good; raises `InfeasibleError` if a floor then cannot be met."""
        was_free = bool(self.free[index])
        self.mark(index, rule)
        if was_free and self.reserve and not self.reserve.close(index, self.left):
            self._refuse_open_floors()

    @property
    def simple(self) -> bool:
        """Whether budget and the caps of at most one attribute alone decide: no floor is open.

        Then a free row may be taken if `cost` is at most what is left and its group has room, and
        a search may count these itself from `open_budget` on and enter its picks by `take_many`.
        """
        return not (self.reserve or self.spacing) and self.cells.members.shape[1] < 2

    def take_many(self, indices: Sequence[int] | Int[np.ndarray, " k"]) -> None:
        """Add rows that a search found admissible in this order; checked as one, where `simple`."""
        rows = np.asarray(indices, dtype=np.int64)
        if not (self.simple and self.have_room(rows)):
            raise InfeasibleError(
                f"{len(rows)} rows cannot be taken together",
                expected="free rows, once each, within budget and caps, and no floor open",
            )
        self.enter_many(rows)

    def close_rest(self) -> None:
        """After the search: name the rule for rows never looked at that could not be taken.

        Raises `InfeasibleError` if a floor is still open. In a search that was `stopped`, rows
        that could have been taken are said not to have been reached.
        """
        if self.open_need:
            self._refuse_open_floors()
        if self.full:
            return  # the budget went to rows of higher gain: they stay `outranked`
        closed = [not any(self.room[g] <= 0 for g in groups) for groups in self.groups_of]
        capped = ~np.array(closed, dtype=bool)[self.cells.cell] & self.free
        dear = (self.cost > self.left) & self.free & ~capped
        for rows, rule in ((capped, GROUP_CAP), (dear, OVER_BUDGET)):
            self.free[rows], self.code[rows] = False, self.number[rule]
        if self.stopped:
            self.code[self.free] = self.number[TIME_LIMIT]
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

    def shut_again(self, shut: dict[str, np.ndarray]) -> None:
        """Close the rows that an interrupted search had refused."""
        rules = shut["names"].tolist()
        for index, code in zip(shut["rows"].tolist(), shut["codes"].tolist(), strict=True):
            self.close(index, rules[code])
