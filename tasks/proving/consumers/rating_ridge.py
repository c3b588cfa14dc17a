"""Consumers `rating_ridge_*`: foretell held-out ratings from the rated rows of the subset."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from tasks.proving.task import Schedule, Task
from tasks.proving.text_bytes import texts_of


class _Rated:
    """What both ridges share: the score is the rank correlation of their predictions.

    Range [-1, 1]; higher is better; 0 where the predictions or the ratings are constant. A row
    weighs as much as the share of the passes that it is in.
    """

    version: ClassVar[str] = "1.0.0"
    unit: ClassVar[str] = "rank correlation"
    better: ClassVar[str] = "higher"
    needs: ClassVar[str] = "ratings"

    def __call__(self, task: Task, schedule: Schedule, seed: int) -> float:
        """Rank correlation (Spearman, 1904) over all test rows."""
        return self.score(task, self.answers(task, schedule, seed), task.test)

    def score(
        self, task: Task, answers: Float[np.ndarray, " t"], rows: Int[np.ndarray, " t"]
    ) -> float:
        """Rank correlation of predicted and true ratings, ties at their mean rank."""
        from scipy.stats import spearmanr

        truth = ratings_of(task)[rows]
        if len(rows) < 2 or np.ptp(answers) == 0 or np.ptp(truth) == 0:
            return 0.0
        return float(spearmanr(answers, truth).statistic)

    def answers(
        self,
        task: Task,
        schedule: Schedule,
        seed: int,
    ) -> Float[np.ndarray, " t"]:
        """Predicted rating of each test row."""
        raise NotImplementedError


@dataclass(frozen=True)
class RatingRidgeVectors(_Rated):
    """Ridge regression on the embedding; deterministic, `seed` is unused.

    Its penalty is the one of `penalties` with the least leave-one-out error on the rows learnt.
    """

    penalties: tuple[float, ...] = (0.1, 1.0, 10.0)

    def answers(
        self,
        task: Task,
        schedule: Schedule,
        seed: int,
    ) -> Float[np.ndarray, " t"]:
        """Predicted rating of each test row."""
        from sklearn.linear_model import RidgeCV

        rows, weights = weighted_rows(schedule)
        vectors = task.vectors.astype(np.float64)
        model = RidgeCV(self.penalties).fit(vectors[rows], ratings_of(task)[rows], weights)
        found: np.ndarray = model.predict(vectors[task.test])
        return found


@dataclass(frozen=True)
class RatingRidgeNgrams(_Rated):
    """Ridge regression on hashed word 1-2-grams, which have never seen the embedder."""

    features: int = 2**16
    penalty: float = 1.0

    def answers(
        self,
        task: Task,
        schedule: Schedule,
        seed: int,
    ) -> Float[np.ndarray, " t"]:
        """Predicted rating of each test row."""
        from sklearn.feature_extraction.text import HashingVectorizer
        from sklearn.linear_model import Ridge

        rows, weights = weighted_rows(schedule)
        words = HashingVectorizer(ngram_range=(1, 2), n_features=self.features)
        model = Ridge(alpha=self.penalty, solver="sparse_cg", tol=1e-6)
        model.fit(words.transform(texts_of(task, rows)), ratings_of(task)[rows], weights)
        found: np.ndarray = model.predict(words.transform(texts_of(task, task.test)))
        return found


def weighted_rows(schedule: Schedule) -> tuple[Int[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """The distinct rows of all passes, and the share of the passes that each is in."""
    rows, times = np.unique(np.concatenate(schedule), return_counts=True)
    return rows, times / len(schedule)


def ratings_of(task: Task) -> Float[np.ndarray, " n"]:
    """The ratings of a rated task."""
    assert task.ratings is not None
    return task.ratings
