"""Pivotal sampling: rows with given chances, as many as these add up to, spread along an order."""

from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int

from tasks.engine.draws import uniform_keys

NEARLY: Final = 1e-9  # a chance this close to 0 or 1 is rounding
NEARLY_WHOLE: Final = 1e-6  # a sum of chances this close to a whole number is one


def duel(
    one: Float[np.ndarray, " m"], other: Float[np.ndarray, " m"], uniform: Float[np.ndarray, " m"]
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """One step for pairs of chances a, b in (0, 1): the new ones, of which one is 0 or 1.

    a + b < 1: the first gets a + b with probability a / (a + b), else the second does; the other
    gets 0. Otherwise the first is sure (1) with probability (1 - b) / (2 - a - b) and the second
    keeps a + b - 1, else the other way round. So both keep their chances on average (Deville and
    Tillé, 1998).
    """
    both = one + other
    few = both < 1
    first = uniform < np.where(few, one / both, (1 - other) / np.where(few, 1.0, 2 - both))
    winner, loser = np.where(few, both, 1.0), np.where(few, 0.0, both - 1)
    return np.where(first, winner, loser), np.where(first, loser, winner)


def draw_pivotal(
    chance: Float[np.ndarray, " n"],
    order: Int[np.ndarray, " n"],
    group: Int[np.ndarray, " n"],
    ids: np.ndarray,
    seed: int,
) -> Bool[np.ndarray, " n"]:
    """Draw rows with these chances; their number is the sum of the chances, if that is whole.

    Neighbours in `order` duel, then the undecided of neighbouring pairs, and so on up a balanced
    tree, first within each group and then across groups. So of any group the number drawn is its
    sum of chances rounded down or up, and rows close in the order are seldom drawn together. A
    last row that is still undecided is drawn with its chance. Time O(n log n).
    """
    mass = np.where(chance > 1 - NEARLY, 1.0, np.where(chance < NEARLY, 0.0, chance))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    active = np.flatnonzero((mass > 0) & (mass < 1))
    active = active[np.lexsort((place[active], group[active]))]
    own, level = group[active], 0
    while len(active) > 1:
        first = _first_of_pairs(own)
        if not len(first):  # one row is left of each group
            own = np.zeros_like(own)
            continue
        one, other = active[first], active[first + 1]
        uniform = uniform_keys(ids[one], seed, f"pivotal {level}")
        mass[one], mass[other] = duel(mass[one], mass[other], uniform)
        undecided = (mass[active] > NEARLY) & (mass[active] < 1 - NEARLY)
        active, own, level = active[undecided], own[undecided], level + 1
    last = active[np.abs(mass[active] - np.round(mass[active])) > NEARLY_WHOLE]
    mass[last] = uniform_keys(ids[last], seed, "pivotal rest") < mass[last]
    return np.asarray(mass > 0.5)


def _first_of_pairs(group: Int[np.ndarray, " m"]) -> Int[np.ndarray, " p"]:
    """Places that pair up with the next: the first, third, ... of each group, if not its last."""
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    rank = np.arange(len(group)) - np.repeat(starts, np.diff(np.append(starts, len(group))))
    follows = np.append(group[1:] == group[:-1], False)
    return np.flatnonzero((rank % 2 == 0) & follows)
