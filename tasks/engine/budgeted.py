"""Searches under a budget: one in rows, one or two in tokens, of which the better is returned."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from tasks.engine.admission import Admission
from tasks.engine.greedy import Objective, lazy_greedy
from tasks.engine.limits import Limits, eligible
from tasks.engine.pool import Pool
from tasks.engine.watch import Watch

SINGLE_SHARE: Final = 0.1  # a best single row worth less of the result cannot have been missed
SAME: Final = 1e-9  # relative difference of two results that is rounding


@dataclass
class Found:
    """What one search came to: gains of the rows taken, in order, and what it says of the others.

    `bounds` and `shortfall` as by `lazy_greedy`; `totals` says how the budget was searched.
    """

    admission: Admission
    gains: list[float]
    bounds: Float[np.ndarray, " n"]
    shortfall: Float[np.ndarray, " n"] | None = None
    objective: Any = None
    totals: dict[str, Any] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """What the chosen rows add to those that had to be there."""
        return float(sum(self.gains[self.admission.given :]))


def search(
    make_objective: Callable[[], Objective], pool: Pool, limits: Limits, watch: Watch | None = None
) -> Found:
    """Greedy search for a monotone submodular objective; of a fresh one for each pass.

    Rows, no floors and caps: at least 1 - 1/e of the optimum (Nemhauser, Wolsey, Fisher, 1978).
    Tokens: see `better_of`.
    """
    watch = watch or Watch()

    def attempt(per_cost: bool, phase: str) -> Found:
        admission, objective = Admission(pool, limits), make_objective()
        gains, bounds, shortfall = lazy_greedy(objective, admission, watch, per_cost, phase)
        return Found(admission, gains, bounds, shortfall, objective)

    return better_of(attempt, limits, watch)


def better_of(attempt: Callable[[bool, str], Found], limits: Limits, watch: Watch) -> Found:
    """Search by gain per token, then by plain gain if that may be better; return the better.

    `attempt(per_cost, phase)` makes a whole search. In tokens, without floors and caps, the result
    reaches (1 - 1/e) / 2 = 0.316 of the optimum of a monotone submodular objective (Leskovec et
    al., 2007), which neither order does alone: of rows (value 2, cost 1) and (10, 10) the first
    takes 2 of the budget 10. The second search is left out where no single row can be worth more
    than `SINGLE_SHARE` of what the first found: for the first row r of the optimum that no longer
    fitted, F(found) + F({r}) >= (1 - 1/e) optimum (the argument of the same proof), so that the
    first search alone has (1 - 1/e) / (1 + SINGLE_SHARE) = 0.57 of it.
    """
    if not limits.in_tokens:
        return attempt(False, "search")
    first = attempt(True, "by gain per token")
    first.totals = {"order": "gain per token", "by_gain_per_token": round(first.value, 9)}
    if watch.stopped or best_single(first) <= SINGLE_SHARE * first.value:
        return first
    second = attempt(False, "by gain")
    values = {**first.totals, "by_gain": round(second.value, 9)}
    won = second if second.value > first.value * (1 + SAME) else first
    won.totals = {**values, "order": "gain" if won is second else "gain per token"}
    return won


def best_single(found: Found) -> float:
    """An upper bound of what any row that the budget can buy is worth by itself.

    After a search by gain per token, no row was worth more per token than its first pick. 0 where
    both orders are one: nothing was picked, or all rows cost the same.
    """
    admission = found.admission
    picks, cost = admission.order[admission.given :], admission.cost
    left = admission.limits.budget - int(cost[admission.order[: admission.given]].sum())
    dear = cost[eligible(admission.pool, admission.limits) & (cost <= left)]
    if not picks or dear.min() == dear.max():
        return 0.0
    return found.gains[admission.given] / int(cost[picks[0]]) * int(dear.max())
