"""What the searches for rising gains share: comparable keys, the best few rows, what was found."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.constraints import Admission
from tasks.engine.greedy import TIE_DIGITS, Objective


class Rising(Objective, Protocol):
    """An objective whose gains grow by at most `rises` with each pick."""

    rises: Float[np.ndarray, " n"]


@dataclass(frozen=True)
class Found:
    """Gains in the order of the picks; each row's last gain (or a bound of it) and shortfall.

    The shortfall is a lower bound of what a row lacked to be picked, at any step.
    """

    gains: list[float]
    final_gain: Float[np.ndarray, " n"]
    is_bound: bool
    shortfall: Float[np.ndarray, " n"]


class Keys:
    """Gains as what is compared: rounded so that equal rows tie, and per token where these count.

    A gain below 0 is worth less the more it costs: it is multiplied by the cost.
    """

    def __init__(self, admission: Admission):
        self.digits = TIE_DIGITS + len(str(len(admission.cost)))
        self.in_tokens = admission.limits.in_tokens
        self.price = admission.cost.astype(np.float64)

    def of(
        self, gains: Float[np.ndarray, " m"], rows: Int[np.ndarray, " m"] | slice
    ) -> Float[np.ndarray, " m"]:
        """The keys of these rows with these gains."""
        gains = np.round(gains, self.digits)
        if not self.in_tokens:
            return gains
        price = self.price[rows]
        return np.round(np.where(gains > 0, gains / price, gains * price), self.digits + 3)


def best_rows(keys: Float[np.ndarray, " n"], count: int) -> Int[np.ndarray, " m"]:
    """The rows of the `count` largest finite keys, the lower of equal ones, in order of index."""
    if count >= len(keys):
        best = np.arange(len(keys))
    else:
        least = np.partition(keys, len(keys) - count)[len(keys) - count]
        above = np.flatnonzero(keys > least)
        equal = np.flatnonzero(keys == least)[: count - len(above)]
        best = np.sort(np.concatenate([above, equal]))
    return best[keys[best] > -np.inf]


def take_included(objective: Objective, admission: Admission) -> list[float]:
    """Count the rows that must be included, which are taken already; returns their gains."""
    gains = []
    for index in admission.order:
        gains.append(objective.gain(index))
        objective.accept(index)
    return gains
