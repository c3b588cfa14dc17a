"""Consumers `rating_ridge_*`: foretell held-out ratings from the rated rows of the subset."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from tasks.proving.consumers.kinds import OfRatings, ratings_of
from tasks.proving.task import Schedule, Task
from tasks.proving.text_bytes import texts_of


@dataclass(frozen=True)
class RatingRidgeVectors(OfRatings):
    """Ridge regression on the embedding; deterministic, `seed` is unused.

    Its penalty is the one of `penalties` with the least leave-one-out error on the rows learnt.
    """

    version: ClassVar[str] = "1.0.0"
    penalties: tuple[float, ...] = (0.1, 1.0, 10.0)

    def answers(self, task: Task, schedule: Schedule, seed: int) -> Float[np.ndarray, " t"]:
        """Predicted rating of each test row."""
        from sklearn.linear_model import RidgeCV

        rows, weights = weighted_rows(schedule)
        vectors = task.vectors.astype(np.float64)
        model = RidgeCV(self.penalties).fit(vectors[rows], ratings_of(task)[rows], weights)
        found: np.ndarray = model.predict(vectors[task.test])
        return found


@dataclass(frozen=True)
class RatingRidgeNgrams(OfRatings):
    """Ridge regression on hashed word 1-2-grams, which have never seen the embedder."""

    version: ClassVar[str] = "1.0.0"
    features: int = 2**16
    penalty: float = 1.0

    def answers(self, task: Task, schedule: Schedule, seed: int) -> Float[np.ndarray, " t"]:
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
