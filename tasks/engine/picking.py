"""What the searches for any gains share: an objective whose gains may rise, comparable keys."""

from typing import Final, Protocol

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.admission import Admission
from tasks.engine.greedy import TIE_DIGITS, Objective, fill_floors
from tasks.engine.watch import Watch

Searched = tuple[list[float], Float[np.ndarray, " n"], Float[np.ndarray, " n"]]
NO_KEY: Final = -np.inf


class Rising(Objective, Protocol):
    """An objective whose gains grow by at most `rises` with each pick."""

    rises: Float[np.ndarray, " n"]


class Keys:
    """Gains as what is compared: rounded so that equal rows tie, and per token if `per_cost`.

    A gain below 0 is worth less the more it costs: it is multiplied by the cost.
    """

    def __init__(self, admission: Admission, per_cost: bool):
        self.digits = TIE_DIGITS + len(str(len(admission.cost)))
        self.per_cost = per_cost and admission.limits.in_tokens
        self.price = admission.cost.astype(np.float64)

    def of(
        self, gains: Float[np.ndarray, " m"], rows: Int[np.ndarray, " m"] | slice = slice(None)
    ) -> Float[np.ndarray, " m"]:
        """The keys of these rows with these gains."""
        gains = np.round(gains, self.digits)
        if not self.per_cost:
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
    return best[keys[best] > NO_KEY]


def finish_stopped(
    objective: Objective, admission: Admission, watch: Watch, keys: np.ndarray, gains: list[float]
) -> None:
    """After a search that ran out of time: meet the floors still open, best rows first."""
    if not watch.stopped:
        return

    def add(index: int) -> None:
        gains.append(float(objective.gain(index)))
        objective.accept(index)

    fill_floors(np.lexsort((np.arange(len(keys)), -keys)).tolist(), admission, add)
