"""Which demands are at odds: the smallest set of them that no subset of the pool meets."""

from collections.abc import Callable
from typing import Final

import numpy as np
from jaxtyping import Bool

from schemas.errors import WinnowError

Part = Bool[np.ndarray, " m"]
ROUNDS: Final = 60  # correction sets to collect before settling for a minimal conflict
MANY: Final = 200  # demands beyond which a minimal conflict is enough


def smallest_conflict(everything: Part, can_be_met: Callable[[Part], bool]) -> Part:
    """A set of demands that cannot be met together, of the smallest size there is.

    Every set that cannot be met meets every correction set (the demands left out of a largest set
    that can be met). So the smallest set that meets all correction sets found so far is either the
    answer or, enlarged as far as can be, gives one more (Ignatiev, Previti, Liffiton,
    Marques-Silva, 2015). Of more than `MANY` demands, or after `ROUNDS` (which only long lists of
    like demands use up), a set is returned of which no demand can be left out, though a smaller one
    may exist.
    """
    corrections: list[Part] = []
    for _ in range(ROUNDS if len(everything) <= MANY else 0):
        part = _smallest_hitting(corrections, len(everything))
        if not can_be_met(part):
            return part
        correction = ~_enlarged(part, everything, can_be_met)
        if not correction.any():
            raise WinnowError("demands that can be met were taken for a conflict")
        corrections.append(correction)
    return minimal_conflict(everything, can_be_met)


def _smallest_hitting(families: list[Part], count: int) -> Part:
    """A smallest set with a member in each family."""
    from scipy import optimize  # takes 0.4 s

    if not families:
        return np.zeros(count, dtype=bool)
    found = optimize.milp(
        np.ones(count),
        integrality=np.ones(count),
        bounds=optimize.Bounds(0, 1),
        constraints=optimize.LinearConstraint(np.array(families, dtype=np.float64), 1, np.inf),
        options={"mip_rel_gap": 0.0},
    )
    return np.asarray(found.x) > 0.5


def _enlarged(part: Part, everything: Part, can_be_met: Callable[[Part], bool]) -> Part:
    """Add demands while they can be met, whole blocks at a time, halving a block that cannot."""
    held = part.copy()

    def add(places: np.ndarray) -> None:
        wider = held.copy()
        wider[places] = True
        if can_be_met(wider):
            held[places] = True
        elif len(places) > 1:
            add(places[: len(places) // 2])
            add(places[len(places) // 2 :])

    missing = np.flatnonzero(everything & ~part)
    if len(missing):
        add(missing)
    return held


def minimal_conflict(everything: Part, can_be_met: Callable[[Part], bool]) -> Part:
    """A set of demands that cannot be met together, of which none can be left out.

    Divide and conquer (Junker, 2004): O(s log(m / s)) questions for s of m demands; earlier
    demands are preferred.
    """

    def search(base: Part, is_new: bool, rest: np.ndarray) -> np.ndarray:
        if is_new and not can_be_met(base):
            return rest[:0]
        if len(rest) == 1:
            return rest
        half = len(rest) // 2
        right = search(_with(base, rest[:half]), half > 0, rest[half:])
        left = search(_with(base, right), len(right) > 0, rest[:half])
        return np.concatenate([left, right])

    nothing = np.zeros_like(everything)
    return _with(nothing, search(nothing, False, np.flatnonzero(everything)))


def _with(part: Part, places: np.ndarray) -> Part:
    wider = part.copy()
    wider[places] = True
    return wider
