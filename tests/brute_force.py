"""What a subset may be and what it is worth, worked out by trying everything, in float64."""

from dataclasses import dataclass

import numpy as np

from tasks.engine.constraints import Limits
from tasks.engine.pool import Pool


def allowed_subsets(pool: Pool, limits: Limits) -> np.ndarray:
    """Every subset that meets all demands, as bit masks (2^n tried)."""
    n = len(pool)
    masks = np.arange(2**n)
    member = (masks[:, None] >> np.arange(n)) & 1  # (2^n, n)
    cost = pool.cost if limits.in_tokens else np.ones(n, dtype=np.int64)
    good = member @ cost <= limits.budget
    for group, floor in limits.floors.items():
        good &= member[:, (pool.group == group).any(axis=1)].sum(axis=1) >= floor
    for group, cap in limits.caps.items():
        good &= member[:, (pool.group == group).any(axis=1)].sum(axis=1) <= cap
    for index in limits.include:
        good &= member[:, index] == 1
    poor = [i for i in range(n) if pool.quality[i] < limits.min_quality and i not in limits.include]
    for index in (*limits.exclude, *limits.closed, *limits.preselected, *poor):
        good &= member[:, index] == 0
    for one, other in close_pairs(pool, limits):
        held = member[:, one] | (one in limits.preselected)
        good &= (held & member[:, other]) == 0
    return masks[good]


def close_pairs(pool: Pool, limits: Limits) -> list[tuple[int, int]]:
    """Pairs nearer than the least distance; a preselected row comes first, or is left out."""
    if not limits.min_distance:
        return []
    vectors = pool.vectors.astype(np.float64)
    near = 1.0 - vectors @ vectors.T < limits.min_distance - 1e-6
    return [
        (i, j)
        for i, j in zip(*np.nonzero(near), strict=True)
        if j not in limits.preselected and (i < j or i in limits.preselected)
    ]


def may_follow(allowed: np.ndarray, taken: list[int], n: int) -> list[int]:
    """Rows that some allowed subset holds together with all rows taken so far."""
    base = sum(1 << index for index in taken)
    left = [index for index in range(n) if index not in taken]
    return [i for i in left if ((allowed & (base | 1 << i)) == (base | 1 << i)).any()]


@dataclass(frozen=True)
class Worth:
    """The objective of facility location, straight from its formula."""

    pool: Pool
    limits: Limits
    weight: float

    def __call__(self, rows: list[int]) -> float:
        if not rows:
            return 0.0
        vectors = self.pool.vectors.astype(np.float64)
        near = np.maximum(vectors @ vectors[rows].T, 0.0).max(axis=1)
        coverage = near.sum() / (vectors**2).sum()
        total = self._affordable_quality()
        quality = self.pool.quality[rows].sum() / total if total else 0.0
        return float((1 - self.weight) * quality + self.weight * coverage)

    def _affordable_quality(self) -> float:
        """The best qualities per token, bought one token (or row) after another."""
        cost = self.pool.cost if self.limits.in_tokens else np.ones(len(self.pool), dtype=int)
        tokens = [q / c for q, c in zip(self.pool.quality, cost, strict=True) for _ in range(c)]
        return float(sum(sorted(tokens, reverse=True)[: self.limits.budget]))

    def gain(self, taken: list[int], index: int) -> float:
        """What a row adds to the rows taken."""
        return self([*taken, index]) - self(taken)


def twins(pool: Pool, one: int, other: int, in_tokens: bool = False) -> bool:
    """Whether two rows are equal in all that an objective sees."""
    held = pool.features_or_strata() if pool.features is not None else np.zeros((len(pool), 1))
    return bool(
        (pool.vectors[one] == pool.vectors[other]).all()
        and not (held[[one]] != held[[other]]).sum()
        and pool.quality[one] == pool.quality[other]
        and (not in_tokens or pool.cost[one] == pool.cost[other])
    )
