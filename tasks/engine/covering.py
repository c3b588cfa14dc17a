"""A part of a pool on which its first rows are sought: what the pool holds, at a bounded cost."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Int

from tasks.engine.draws import uniform_keys
from tasks.engine.limits import Limits, cost_of, eligible
from tasks.engine.pool import Pool

COVERED: Final = 10_000  # rows that the first ones are to cover, and are chosen from


@dataclass(frozen=True)
class Part:
    """`rows` of a pool as a pool of its own, and what limits a subset of them."""

    rows: Int[np.ndarray, " m"]
    pool: Pool
    limits: Limits


def part_to_cover(pool: Pool, limits: Limits, count: int) -> Part:
    """Up to COVERED rows, by a hash of their ids, and a budget of `count` rows or what these cost.

    Rows that must be included or were chosen elsewhere cover, and are not chosen again. Floors,
    caps and distances are left to who takes the rows chosen.
    """
    given = np.array(sorted({*limits.include, *limits.preselected}), dtype=np.int64)
    rows = np.arange(len(pool))
    if len(pool) > COVERED:
        keys = uniform_keys(pool.ids, 0, "covering")
        rows = np.union1d(np.argsort(keys, kind="stable")[:COVERED], given)
    cost = cost_of(pool, limits)
    left = limits.budget - int(cost[list(set(limits.include))].sum())
    wanted = round(count * float(cost[rows].mean())) if len(rows) else 0
    shut = np.flatnonzero(~eligible(pool, limits)[rows])
    chosen = np.searchsorted(rows, given)
    return Part(
        rows,
        pool.taken(rows),
        Limits(
            max(0, min(left, wanted)),
            limits.in_tokens,
            exclude=tuple(np.setdiff1d(shut, chosen).tolist()),
            preselected=tuple(chosen.tolist()),
        ),
    )
