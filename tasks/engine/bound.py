"""What no subset can exceed: an upper bound of the objective of facility location."""

from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int

from tasks.engine.admission import Admission
from tasks.engine.columns import SimilarityColumns
from tasks.engine.coverage import Coverage, most_edges
from tasks.engine.edges import NEVER
from tasks.engine.nearest_chosen import NearestChosen
from tasks.engine.symmetric import exact_edges

ROUNDS: Final = 60
EDGE_VISITS: Final = 1e9  # edges looked at in all rounds together
PATIENCE: Final = 5
SHRINK: Final = 0.7
MEMORY: Final = 0.5  # of the last direction in the next
FIRST_SHARES: Final = (0.05, 0.1, 0.25, 0.5, 1.0)  # of the picks, whose coverage levels stay above


def upper_bound(
    coverage: Coverage,
    reached: float,
    floor: Float[np.ndarray, " n"],
    cost: Int[np.ndarray, " n"],
    budget: int,
    open_rows: Bool[np.ndarray, " n"],
) -> float:
    """The least bound found of F over subsets of `open_rows` within the budget.

    For any levels y >= 0, F(S) <= scale sum_i y_i + sum_{j in S} (worth_j + scale sum_i
    max(0, s_ij - y_i)), and the best S for the right side is a (fractional) knapsack: the
    Lagrangian dual of the location problem (Cornuejols, Fisher, Nemhauser 1977), of which the
    usual bound F(S) + best remaining gains is the case y = coverage. Levels are improved by
    deflected subgradient steps (Camerini, Fratta, Maffioli 1975) toward the middle of the best
    bound and `reached`, which is F of a subset, and stay at or above `floor`, below which edges
    are not known.
    """
    from tasks.engine.kernels.bound import times_covered
    from tasks.engine.kernels.lazy import edge_gains

    assert coverage.edges is not None
    edges, scale = coverage.edges.arrays, coverage.scale
    rows = np.flatnonzero(open_rows & (cost <= budget))
    wanted = coverage.covered < NEVER
    level, best, step, stale = coverage.covered.copy(), np.inf, 1.0, 0
    direction = np.zeros(len(level))
    rounds = int(min(ROUNDS, max(1, EDGE_VISITS / max(1, len(edges[1])))))
    for _ in range(rounds):
        gain = edge_gains(edges, level, coverage.worth, scale, rows)
        taken, share = _knapsack(gain, cost[rows], budget)
        bound = scale * float(level[wanted].sum(dtype=np.float64)) + float(gain[taken] @ share)
        stale = 0 if bound < best else stale + 1
        best = min(best, bound)
        step = step * SHRINK if stale and stale % PATIENCE == 0 else step
        times = times_covered(edges, level, rows[taken], share)
        direction = np.where(wanted, times - 1.0, 0.0) + MEMORY * direction
        direction[(direction < 0) & (level <= floor)] = 0.0
        length = float(direction @ direction)
        if not length or bound <= reached:
            break
        move = step * (bound - (best + reached) / 2) / scale / length
        level = np.clip(level + move * direction, floor, np.maximum(floor, 1.0)).astype(np.float32)
    return best


def connect(coverage: Coverage, admission: Admission) -> bool:
    """Know all edges above what the first picks cover, so that levels may fall to there.

    For coverage whose search needed none, or only those above what most picks cover. As few first
    picks as leave `most_edges`; False, and nothing is changed, where all picks leave more.
    O(n^2 d / 2) time.
    """
    near, taken = NearestChosen(coverage.vectors), 0
    near.add(np.array(admission.limits.preselected, dtype=np.int64))
    order = np.array(admission.order, dtype=np.int64)
    for share in FIRST_SHARES:
        more = int(np.ceil(share * len(order)))
        near.add(order[taken:more])
        floor, taken = coverage.similarity.of(near.cosine.copy()), more
        floor[coverage.covered >= NEVER] = NEVER
        if coverage.edges_above(floor) <= most_edges(len(floor)):
            # What the search took gains from makes room first.
            coverage.columns = SimilarityColumns(coverage.vectors, coverage.similarity)
            coverage.edges = None
            coverage.edges = exact_edges(coverage.vectors, coverage.similarity, floor)
            coverage.floor = floor
            return True
    return False


def _knapsack(
    gain: Float[np.ndarray, " m"], cost: Int[np.ndarray, " m"], budget: int
) -> tuple[Int[np.ndarray, " t"], Float[np.ndarray, " t"]]:
    """Best rows by gain per cost until the budget is spent, the last one in part."""
    rate = gain / cost
    if cost.min(initial=1) == cost.max(initial=1) and len(gain) > budget:
        best = np.argpartition(-rate, int(budget // cost[0]) - 1)[: int(budget // cost[0])]
        return best, np.ones(len(best))
    order = np.argsort(-rate, kind="stable")
    spent = np.cumsum(cost[order])
    count = min(int(np.searchsorted(spent, budget, side="left")) + 1, len(order))
    share = np.ones(count)
    if count and spent[count - 1] > budget:
        share[-1] = 1 - (spent[count - 1] - budget) / cost[order[count - 1]]
    return order[:count], share
