"""Consumers `preference_*`: foretell which of two held-out texts a judge preferred."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from tasks.proving.consumers.kinds import OfPairs, preferences_of
from tasks.proving.consumers.rating_ridge import weighted_rows
from tasks.proving.task import Others, Schedule, Task
from tasks.proving.text_bytes import texts_of


@dataclass(frozen=True)
class _Preference(OfPairs):
    """The model of Bradley and Terry (1952): P(text beats other) = 1 / (1 + exp(-w . difference)).

    Logistic regression without intercept on the differences of features, each pair in both orders;
    ties teach nothing, and a pair weighs what it was preferred by. Deterministic, `seed` is unused.
    """

    inverse_penalty: float = 10.0  # C, as in the linear probe

    @abstractmethod
    def differences(self, task: Task, rows: Int[np.ndarray, " k"]) -> Any:
        """Features of each row's text minus those of its other: (k, d), dense or sparse."""

    def answers(self, task: Task, schedule: Schedule, seed: int) -> Float[np.ndarray, " t"]:
        """Margin of each test row's text over its other; 0 if only ties were learnt from."""
        from sklearn.linear_model import LogisticRegression

        rows, weights = weighted_rows(schedule)
        judged = preferences_of(task)[rows]
        rows, weights, judged = rows[judged != 0], weights[judged != 0], judged[judged != 0]
        if not len(rows):
            return np.zeros(len(task.test))
        seen = self.differences(task, rows)
        stack = sparse.vstack if sparse.issparse(seen) else np.vstack
        model = LogisticRegression(C=self.inverse_penalty, fit_intercept=False, max_iter=1000)
        won = np.concatenate([judged > 0, judged < 0])
        model.fit(stack([seen, -seen]), won, np.tile(weights * np.abs(judged), 2))
        found: np.ndarray = model.decision_function(self.differences(task, task.test))
        return found


@dataclass(frozen=True)
class PreferenceVectors(_Preference):
    """On the difference of the two embeddings."""

    version: ClassVar[str] = "1.0.0"

    def differences(self, task: Task, rows: Int[np.ndarray, " k"]) -> Float[np.ndarray, "k d"]:
        """Text's vector minus other's."""
        own, other = task.vectors[rows], _others(task).vectors[rows]
        found: np.ndarray = own.astype(np.float64) - other
        return found


@dataclass(frozen=True)
class PreferenceNgrams(_Preference):
    """On the difference of hashed word 1-2-grams, which have never seen the embedder."""

    version: ClassVar[str] = "1.0.0"
    features: int = 2**16

    def differences(self, task: Task, rows: Int[np.ndarray, " k"]) -> Any:
        """Text's n-grams minus other's, each text's of unit length: a sparse (k, features)."""
        from sklearn.feature_extraction.text import HashingVectorizer

        words = HashingVectorizer(ngram_range=(1, 2), n_features=self.features)
        others = [_others(task).texts[row] for row in rows]
        found: sparse.csr_matrix = words.transform(texts_of(task, rows)) - words.transform(others)
        return found


def _others(task: Task) -> Others:
    assert task.others is not None
    return task.others
