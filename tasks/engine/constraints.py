"""Budget, floors, caps, must-include and must-exclude: one bookkeeping for every selector.

Floors are met by reserve: at any moment the cheapest way to fill every floor still unmet is set
aside, and a row is admissible only if the budget covers it and what is then still reserved. The
slack so defined never grows, so a row found inadmissible stays so (lazy search may drop it).
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Int

from schemas.errors import InfeasibleError
from schemas.results import EXCLUDED, FLOOR_RESERVE, GROUP_CAP, OUTRANKED, OVER_BUDGET, SELECTED
from tasks.engine.pool import Pool


@dataclass(frozen=True)
class Limits:
    """What a subset must respect. `budget` is in rows, or in tokens if `in_tokens`.

    `floors` and `caps` map group codes to rows; `include` and `exclude` hold row indices;
    `closed` maps an ineligible row's index to the rule that shut it out before the search.
    """

    budget: int
    in_tokens: bool = False
    floors: dict[int, int] = field(default_factory=dict)
    caps: dict[int, int] = field(default_factory=dict)
    include: tuple[int, ...] = ()
    exclude: tuple[int, ...] = ()
    closed: dict[int, str] = field(default_factory=dict)


class Admission:
    """The state of a growing subset: what is taken, what may still be taken, and why not."""

    def __init__(self, pool: Pool, limits: Limits):
        self.pool, self.limits = pool, limits
        self.cost = pool.cost if limits.in_tokens else np.ones(len(pool), dtype=np.int64)
        self.status = np.full(len(pool), OUTRANKED, dtype=object)
        for index, rule in limits.closed.items():
            self.status[index] = rule
        self.status[list(limits.exclude)] = EXCLUDED
        self.free: Bool[np.ndarray, " n"] = self.status == OUTRANKED
        self.taken_per_group = np.zeros(len(pool.group_names), dtype=np.int64)
        self.order: list[int] = []
        self.spent = 0
        self._members = {
            group: self._cheapest_first(group) for group, floor in limits.floors.items() if floor
        }
        self._reserved = {group: self._reserve(group) for group in self._members}
        self._refuse_conflicts()
        for index in sorted(limits.include):
            self.take(index)

    def _cheapest_first(self, group: int) -> Int[np.ndarray, " m"]:
        members = np.flatnonzero((self.pool.group == group) & self.free)
        return members[np.lexsort((members, self.cost[members]))]

    def _open_floor(self, group: int) -> int:
        return max(0, self.limits.floors.get(group, 0) - int(self.taken_per_group[group]))

    def _reserve(self, group: int, without: int = -1) -> int:
        """Least cost of filling what is open of a group's floor, leaving out the row `without`."""
        need = self._open_floor(group) - (without >= 0)
        if need <= 0:
            return 0
        left, total = need, 0
        for index in self._members[group]:
            if self.free[index] and index != without:
                total += int(self.cost[index])
                left -= 1
                if not left:
                    break
        return total

    @property
    def slack(self) -> int:
        """What may be spent beyond the reserve for open floors; never grows."""
        return self.limits.budget - self.spent - sum(self._reserved.values())

    def refusal(self, index: int) -> str:
        """Why a row cannot be taken now (and so never will be), or an empty string."""
        if not self.free[index]:
            return str(self.status[index])
        group = int(self.pool.group[index])
        if self.taken_per_group[group] >= self.limits.caps.get(group, len(self.pool)):
            return GROUP_CAP
        extra = int(self.cost[index])
        if self._open_floor(group):
            extra -= self._reserved[group] - self._reserve(group, without=index)
        if extra <= self.slack:
            return ""
        return FLOOR_RESERVE if extra <= self.limits.budget - self.spent else OVER_BUDGET

    def close(self, index: int, rule: str) -> None:
        """Shut a row out for good."""
        self.free[index], self.status[index] = False, rule

    def take(self, index: int) -> None:
        """Add a row; raises `InfeasibleError` if it is not admissible."""
        rule = self.refusal(index)
        if rule:
            raise InfeasibleError(
                f"row {self.pool.ids[index]!r} cannot be taken: {rule}",
                expected="must-include rows that fit budget, caps and floors together",
                remedy="raise choose.budget or the group's cap, or shorten choose.must_include",
            )
        self.free[index], self.status[index] = False, SELECTED
        self.order.append(index)
        self.spent += int(self.cost[index])
        group = int(self.pool.group[index])
        self.taken_per_group[group] += 1
        if group in self._members:
            self._reserved[group] = self._reserve(group)

    @property
    def full(self) -> bool:
        """True when the budget is spent, so that no row can be taken any more."""
        return self.spent >= self.limits.budget

    def close_rest(self) -> None:
        """After the search: name the rule for rows never looked at that could not be taken."""
        if self.full:
            return  # the budget went to rows of higher gain: they stay `outranked`
        for index in np.flatnonzero(self.free):
            rule = self.refusal(int(index))
            if rule:
                self.close(int(index), rule)

    def _refuse_conflicts(self) -> None:
        """Refuse the impossible before the work, naming the smallest set of demands at odds."""
        names = self.pool.group_names
        for group, floor in self.limits.floors.items():
            if floor > self.limits.caps.get(group, floor):
                raise InfeasibleError(
                    f"group {names[group]!r}: floor {floor} is above its cap "
                    f"{self.limits.caps[group]}",
                    remedy="lower choose.group_floors or raise choose.group_caps",
                )
            if floor > len(self._members.get(group, ())):
                raise InfeasibleError(
                    f"group {names[group]!r}: floor {floor} is above its "
                    f"{len(self._members.get(group, ()))} eligible rows",
                    remedy="lower choose.group_floors or choose.min_quality",
                )
        self._refuse_included_conflicts()
        if self.slack < 0:
            wanted = {names[group]: self.limits.floors[group] for group in self._members}
            raise InfeasibleError(
                f"the floors alone cost {sum(self._reserved.values())}, "
                f"the budget is {self.limits.budget}",
                where=f"group floors {wanted}",
                remedy="raise choose.budget or lower choose.group_floors",
            )

    def _refuse_included_conflicts(self) -> None:
        for index in self.limits.include:
            if not self.free[index]:
                raise InfeasibleError(
                    f"row {self.pool.ids[index]!r} must be included, but is shut out by "
                    f"{self.status[index]}",
                    remedy="take it off one of the two lists",
                )
        spent = int(self.cost[list(self.limits.include)].sum())
        if spent > self.limits.budget:
            raise InfeasibleError(
                f"the must-include rows alone cost {spent}, the budget is {self.limits.budget}",
                remedy="raise choose.budget or shorten choose.must_include",
            )
        for group, cap in self.limits.caps.items():
            held = sum(int(self.pool.group[index]) == group for index in self.limits.include)
            if held > cap:
                raise InfeasibleError(
                    f"group {self.pool.group_names[group]!r}: {held} must-include rows, cap {cap}",
                    remedy="raise choose.group_caps or shorten choose.must_include",
                )
