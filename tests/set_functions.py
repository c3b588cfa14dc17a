"""The objectives straight from their formulas, in float64: the value of a set of rows."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse

from tasks.engine.constraints import Limits
from tasks.engine.pool import Pool

SetFunction = Callable[[Sequence[int]], float]


def similarities(pool: Pool, width: float = 0.0, centred: bool = False) -> np.ndarray:
    """max(0, cosine) or exp((cosine - 1) / width) of all pairs, centred or not."""
    rows = pool.vectors.astype(np.float64)
    if centred:
        rows = rows - rows.mean(axis=0)
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        rows = np.where(length > 1e-6, rows / np.where(length > 1e-6, length, 1.0), 0.0)
    cosine = rows @ rows.T
    return np.exp((np.minimum(cosine, 1.0) - 1.0) / width) if width else np.maximum(cosine, 0.0)


def saturated_coverage(similarity: np.ndarray, saturation: float) -> SetFunction:
    """sum_v min(sum_{j in S} s_vj, a sum_j s_vj)."""
    most = saturation * similarity.sum(axis=1)
    return lambda rows: float(np.minimum(similarity[:, list(rows)].sum(axis=1), most).sum())


def graph_cut(similarity: np.ndarray, redundancy: float) -> SetFunction:
    """sum_v sum_{j in S} s_vj - r sum_{i, j in S} s_ij."""

    def value(rows: Sequence[int]) -> float:
        some = list(rows)
        inside = similarity[np.ix_(some, some)].sum()
        return float(similarity[:, some].sum() - redundancy * inside)

    return value


def concave_features(features: sparse.csr_array, curve: Callable) -> SetFunction:
    """sum_f phi(sum_{i in S} m_if)."""
    dense = features.toarray()
    return lambda rows: float(curve(dense[list(rows)].sum(axis=0)).sum())


def facility_location(similarity: np.ndarray) -> SetFunction:
    """sum_v max_{j in S} s_vj."""
    return lambda rows: float(similarity[:, list(rows)].max(axis=1).sum()) if len(rows) else 0.0


def squared_discrepancy(kernel: np.ndarray, rows: Sequence[int]) -> float:
    """The squared maximum mean discrepancy between some rows and all rows."""
    some = list(rows)
    between = kernel[some].mean()
    return float(kernel[np.ix_(some, some)].mean() - 2 * between + kernel.mean())


def affordable(value: np.ndarray, pool: Pool, limits: Limits) -> float:
    """The best values per token (or row), bought one after another."""
    cost = pool.cost if limits.in_tokens else np.ones(len(pool), dtype=int)
    each = [v / c for v, c in zip(value, cost, strict=True) for _ in range(c)]
    return float(sum(sorted(each, reverse=True)[: limits.budget]))


def gain_of(value: SetFunction) -> Callable[[list[int], int], float]:
    """What a row adds to the rows taken."""
    return lambda taken, index: value([*taken, index]) - value(taken)


def mixed_gain(
    pool: Pool, limits: Limits, weight: float, parts: dict[SetFunction, tuple[float, float]]
) -> Callable[[list[int], int], float]:
    """Gains of (1 - w) quality / Q + w sum_p u_p F_p / M_p; `parts` gives (u_p, M_p)."""
    most = affordable(pool.quality, pool, limits)

    def gain(taken: list[int], index: int) -> float:
        total = (1 - weight) * pool.quality[index] / most if most else 0.0
        for value, (share, bound) in parts.items():
            if bound > 0:
                total += weight * share / bound * gain_of(value)(taken, index)
        return float(total)

    return gain


def most_of(value: SetFunction, pool: Pool, limits: Limits, monotone: bool = True) -> float:
    """The bound that scales a part: the best single values bought, or the whole if less."""
    singles = affordable(np.array([value([i]) for i in range(len(pool))]), pool, limits)
    most = min(value(range(len(pool))), singles) if monotone else singles
    return most if most > 1e-9 else 0.0
