"""Chances of inclusion: proportional to weights, at most 1, adding up to what can be spent."""

from typing import Final

import numpy as np
from jaxtyping import Float, Int

LEAST_WEIGHT: Final = 1e-12  # of the largest: every row can be drawn where the budget buys it
HALVINGS: Final = 200
CLOSE: Final = 1e-12


def water_fill(weight: Float[np.ndarray, " n"], total: float) -> float:
    """The c for which sum_i min(1, c w_i) = total, w > 0; infinite if total >= n.

    Exact: rows at 1 are the m heaviest, and c = (total - m) / (weight of the others) for the least
    m that leaves no chance above 1. O(n log n).
    """
    if total >= len(weight):
        return np.inf
    falling = -np.sort(-weight)
    rest = np.cumsum(falling[::-1])[::-1]  # weight of row m and all lighter ones
    scale = (total - np.arange(len(weight))) / rest
    fits = np.flatnonzero(scale * falling <= 1.0)
    return float(max(scale[fits[0]], 0.0))


def inclusion_chances(
    weight: Float[np.ndarray, " n"],
    cost: Int[np.ndarray, " n"],
    budget: float,
    group: Int[np.ndarray, " n"],
    least: Int[np.ndarray, " g"],
    most: Int[np.ndarray, " g"],
) -> Float[np.ndarray, " n"]:
    """pi_i = min(1, c_i w_i) with sum_i pi_i cost_i = budget and group sums within [least, most].

    All c_i are one c, but for groups that would break a bound: these get the c that meets it. The
    sum grows with c, so that c is found by bisection. Where the bounds allow only a smaller sum,
    it is that; all pi are 1 where the budget buys all.
    """
    weight = np.maximum(weight, LEAST_WEIGHT * weight.max(initial=0.0))
    low, high = np.zeros(len(least)), np.full(len(least), np.inf)
    size = np.bincount(group, minlength=len(least))
    for place in np.flatnonzero((least > 0) | (most < size)):
        own = weight[group == place]
        low[place] = water_fill(own, float(least[place]))
        high[place] = water_fill(own, float(most[place]))

    scale = _scale(weight, cost, budget, group, low, high)
    with np.errstate(over="ignore", invalid="ignore"):
        chance = np.minimum(1.0, np.clip(scale, low, high)[group] * weight)
    loose = (low < scale) & (scale < high)
    moving = loose[group] & (chance < 1)
    spent, rest = float((chance * cost)[~moving].sum()), float((chance * cost)[moving].sum())
    if rest > 0:  # what bisection left over, some 1e-12 of it
        chance[moving] = np.minimum(1.0, chance[moving] * max(0.0, budget - spent) / rest)
    return np.asarray(chance)


def _scale(
    weight: np.ndarray,
    cost: np.ndarray,
    budget: float,
    group: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> float:
    """The c common to all groups that no bound binds; infinite if all that may be is bought."""

    def spent(scale: float) -> float:
        return float((np.minimum(1.0, np.clip(scale, low, high)[group] * weight) * cost).sum())

    if not len(weight):
        return np.inf
    under, over = 0.0, 1.0 / float(weight.min())
    if spent(over) <= budget:
        return np.inf
    for _ in range(HALVINGS):
        middle = (under + over) / 2
        if spent(middle) < budget:
            under = middle
        else:
            over = middle
        if over - under <= CLOSE * over:
            break
    return over
