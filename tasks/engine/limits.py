"""What a subset must respect, and which rows of a pool it may hold at all."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Int

from schemas.results import BELOW_MINIMUM, EXCLUDED, OUTRANKED, PRESELECTED, RULES
from tasks.engine.pool import Pool


@dataclass(frozen=True)
class Limits:
    """What a subset must respect. `budget` is in rows, or in tokens if `in_tokens`.

    `floors` and `caps` map group codes (of any attribute, see Pool) to rows; they, and the budget,
    count chosen rows alone. `include`, `exclude` and `preselected` hold row indices. Preselected
    rows are chosen elsewhere: they count for what is covered, cost nothing and are not output.
    `closed` maps an ineligible row's index to the rule that shut it out before the search. Rows of
    quality below `min_quality` are not eligible unless they are to be included. Any two chosen
    rows, and a chosen and a preselected one, are at least `min_distance` apart (1 - cosine, in
    [0, 2]; equal up to 1e-6 is far enough).
    """

    budget: int
    in_tokens: bool = False
    floors: dict[int, int] = field(default_factory=dict)
    caps: dict[int, int] = field(default_factory=dict)
    include: tuple[int, ...] = ()
    exclude: tuple[int, ...] = ()
    closed: dict[int, str] = field(default_factory=dict)
    min_quality: float = 0.0
    preselected: tuple[int, ...] = ()
    min_distance: float = 0.0


def cost_of(pool: Pool, limits: Limits) -> Int[np.ndarray, " n"]:
    """What each row costs: its tokens, or 1."""
    return pool.cost if limits.in_tokens else np.ones(len(pool), dtype=np.int64)


def below_minimum(pool: Pool, limits: Limits) -> Bool[np.ndarray, " n"]:
    """Rows too poor to be eligible; those that must be included are eligible all the same."""
    low = pool.quality < limits.min_quality
    low[list(limits.include)] = False
    return low


def standing(pool: Pool, limits: Limits) -> tuple[Int[np.ndarray, " n"], tuple[str, ...]]:
    """Each row's fate before the search as a code, and the names of the codes.

    Code 0 (outranked, so far) is a row that may be chosen. Where several rules shut a row out, a
    preselected row is called so, then one to be excluded, one in `closed`, one of low quality.
    """
    names = (*RULES, *sorted(set(limits.closed.values()) - set(RULES)))
    number = {name: place for place, name in enumerate(names)}
    code = np.full(len(pool), number[OUTRANKED], dtype=np.int8)
    if limits.min_quality > 0:
        code[below_minimum(pool, limits)] = number[BELOW_MINIMUM]
    for index, rule in limits.closed.items():
        code[index] = number[rule]
    code[list(limits.exclude)] = number[EXCLUDED]
    code[list(limits.preselected)] = number[PRESELECTED]
    return code, names


def eligible(pool: Pool, limits: Limits) -> Bool[np.ndarray, " n"]:
    """Rows that a subset within these limits might hold."""
    return np.asarray(standing(pool, limits)[0] == 0)
