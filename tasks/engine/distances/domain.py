"""Can a classifier tell two samples apart? A two-sample test by cross-fitted regression."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

FOLDS: Final = 5
REGULARISATION: Final = 0.01  # C of the logistic regression on standardised columns
ROUNDS: Final = 200


@dataclass(frozen=True)
class DomainScores:
    """Log-odds that a row is of `other`, by a model that has not seen the row (cross-fitting)."""

    one: Float[np.ndarray, " n"]
    other: Float[np.ndarray, " m"]


def domain_auc(
    one: Float[np.ndarray, "n d"], other: Float[np.ndarray, "m d"], seed: int = 0
) -> float:
    """Probability that a row of `other` scores above one of `one`: see `domain_scores`.

    Range [0, 1]: 0.5 = the samples cannot be told apart, 1 = they are separate (Lopez-Paz and
    Oquab, 2017). Chance alone moves it by about sqrt((1/n + 1/m) / 12) around 0.5.
    """
    scores = domain_scores(one, other, seed)
    return auc(scores.one, scores.other)


def domain_scores(
    one: Float[np.ndarray, "n d"],
    other: Float[np.ndarray, "m d"],
    seed: int = 0,
    folds: int = FOLDS,
    fold: tuple[Int[np.ndarray, " n"], Int[np.ndarray, " m"]] | None = None,
) -> DomainScores:
    """Score every row by a logistic regression on standardised columns, fitted without its fold.

    Folds are drawn from `seed`; both samples weigh the same whatever their sizes. With fewer than
    two rows on a side there is nothing to fit: all scores are 0. A row in both samples should be
    left out of one, or be in the same `fold` (given, from 0) of both: in another it would be known.
    O(folds (n + m) d) per round.
    """
    rows = np.concatenate([one, other]).astype(np.float64)
    label = np.arange(len(rows)) >= len(one)
    scores = np.zeros(len(rows))
    count = min(folds, len(one), len(other))
    if count >= 2:
        random = np.random.default_rng(seed)
        drawn = fold or [random.permutation(len(part)) % count for part in (one, other)]
        place = np.concatenate(drawn)
        with threadpool_limits(limits=1):  # one order of summation, whatever the machine
            for held_out in np.unique(place):
                seen = place != held_out
                if len(np.unique(label[seen])) < 2:
                    continue  # all other rows are of one sample: nothing to learn
                scores[~seen] = _fitted(rows[seen], label[seen], rows[~seen])
    return DomainScores(scores[~label], scores[label])


def _fitted(rows: np.ndarray, label: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Log-odds of other rows by the model fitted to `rows`."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scale = StandardScaler().fit(rows)
    model = LogisticRegression(C=REGULARISATION, class_weight="balanced", max_iter=ROUNDS)
    model.fit(scale.transform(rows), label)
    return np.asarray(model.decision_function(scale.transform(others)))


def auc(low: Float[np.ndarray, " n"], high: Float[np.ndarray, " m"]) -> float:
    """Share of pairs in which the value of `high` is the larger, ties half (Mann-Whitney U).

    0.5 where a side is empty.
    """
    if not (len(low) and len(high)):
        return 0.5
    ordered = np.sort(low)
    below = np.searchsorted(ordered, high, side="left") + np.searchsorted(ordered, high, "right")
    return float(below.mean() / (2 * len(low)))
