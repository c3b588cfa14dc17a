"""How well a classifier tells two samples apart, with an interval."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtri
from scipy.stats import rankdata

from tasks.engine.distances import domain_scores
from tasks.metrics.intervals import CONFIDENCE

FOLDS: Final = 5
DECIMALS: Final = 6  # of a score: below, the order of sums would decide ties


@dataclass(frozen=True)
class Domain:
    """`auc` in [0, 1]: .5 where a linear classifier cannot tell A from B, 1 where it always can.

    `low`, `high`: its 95 % interval. `of_a`, `of_b`: log-odds that a row comes from A, out of fold.
    """

    auc: float
    low: float
    high: float
    of_a: Float[np.ndarray, " n"]
    of_b: Float[np.ndarray, " m"]

    @property
    def a_distance(self) -> float:
        """Proxy A-distance 2 (1 - 2 err), 0 to 2, err the mean error of both (Ben-David, 2007)."""
        error = (np.mean(self.of_a <= 0) + np.mean(self.of_b > 0)) / 2
        return float(np.clip(2 * (1 - 2 * error), 0.0, 2.0))


def tell_apart(
    a: Float[np.ndarray, "n d"],
    b: Float[np.ndarray, "m d"],
    fold_a: Int[np.ndarray, " n"],
    fold_b: Int[np.ndarray, " m"],
) -> Domain:
    """Score each row by a classifier fitted without its fold, which a content has in A and B."""
    scores = domain_scores(b, a, fold=(fold_b, fold_a))
    of_a, of_b = (np.round(side, DECIMALS) + 0.0 for side in (scores.other, scores.one))
    return Domain(*auc(of_a, of_b), of_a, of_b)


def auc(
    higher: Float[np.ndarray, " n"], lower: Float[np.ndarray, " m"]
) -> tuple[float, float, float]:
    """Chance that a value of the first exceeds one of the second (ties half), low and high of 95 %.

    The interval is DeLong's (1988), its ends within [0, 1]; [0, 1] with fewer than two values.
    """
    n, m = len(higher), len(lower)
    if min(n, m) < 2:
        return 0.5, 0.0, 1.0
    ranks = rankdata(np.concatenate([higher, lower]))
    above = (ranks[:n] - rankdata(higher)) / m  # share of the others below each value
    below = 1 - (ranks[n:] - rankdata(lower)) / n
    value = float(above.mean())
    error = float(np.sqrt(above.var(ddof=1) / n + below.var(ddof=1) / m))
    reach = float(ndtri((1 + CONFIDENCE) / 2)) * error
    return value, max(0.0, value - reach), min(1.0, value + reach)
