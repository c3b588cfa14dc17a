"""What a family of objectives must tell, so that any of them can be mixed and searched."""

from collections.abc import Callable
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.constraints import Limits
from tasks.engine.greedy import Objective
from tasks.engine.pool import Pool


class Part(Objective, Protocol):
    """One term of a mixture: a value per subset, 0 for the empty one, told by its gains."""

    @property
    def rises(self) -> Float[np.ndarray, " n"] | float:
        """The most by which a gain can grow with one further pick: 0 where it is submodular."""

    def fresh(self) -> Self:
        """The same part with nothing picked; what it knows of the pool is shared."""

    def facts(self) -> dict[str, Any]:
        """What a result records of it at the end, beside its scale."""

    def most(self, pool: Pool, limits: Limits) -> float:
        """An upper bound of what the budget can buy: the scale that brings the value to [0, 1]."""


class Followed(Protocol):
    """The gains of a few rows, kept up to date while picks are made among them."""

    def gains(self) -> Float[np.ndarray, " p"]:
        """The gain of each of these rows now."""

    def ready(self, place: int) -> bool:
        """Whether `accept` is cheap for the row at this place."""

    def prepare(self, places: list[int]) -> None:
        """Get ready to accept any of several rows (to share work among them)."""

    def accept(self, place: int) -> None:
        """Add the row at this place (beside `accept` of the part itself)."""


@runtime_checkable
class TrackedPart(Part, Protocol):
    """A part that can tell the gains of all rows at once, and follow those of a few."""

    def all_gains(self) -> Float[np.ndarray, " n"]:
        """The gain of every row now."""

    def all_bounds(self) -> Float[np.ndarray, " n"]:
        """Upper bounds of all gains now, where they are cheaper than the gains; else the gains."""

    def follow(self, rows: Int[np.ndarray, " p"]) -> Followed:
        """Start to follow some rows; until the next `follow`, picks come from them alone."""


class Bounded:
    """An objective that is submodular and already scaled, as a part: nothing else is known."""

    rises: float = 0.0

    def __init__(self, make: Callable[[], Objective]):
        self.make, self.objective = make, make()
        self.first_bounds = self.objective.first_bounds
        self.prepare, self.ready = self.objective.prepare, self.objective.ready
        self.gain, self.accept = self.objective.gain, self.objective.accept

    def fresh(self) -> "Bounded":
        """The same objective, made anew."""
        return Bounded(self.make)

    def facts(self) -> dict[str, Any]:
        """Nothing that is known here."""
        return {}

    def most(self, pool: Pool, limits: Limits) -> float:
        """Its value lies in [0, 1] as it is."""
        return 1.0


def best_affordable(value: Float[np.ndarray, " n"], pool: Pool, limits: Limits) -> float:
    """Sum of the largest values that the budget could buy (in tokens: per token, fractional).

    An upper bound of any submodular function whose gains over the empty set are `value`.
    """
    cost = pool.cost.astype(np.float64) if limits.in_tokens else np.ones(len(pool))
    order = np.argsort(-value / cost, kind="stable")
    spent = np.minimum(np.cumsum(cost[order]), limits.budget)
    bought = np.diff(spent, prepend=0.0) / cost[order]
    return float((bought * value[order]).sum())


def affordable_rows(pool: Pool, limits: Limits) -> float:
    """How many rows of mean cost the budget buys, at most all of them."""
    if not limits.in_tokens:
        return float(min(limits.budget, len(pool)))
    return float(min(limits.budget / pool.cost.mean(), len(pool)))
