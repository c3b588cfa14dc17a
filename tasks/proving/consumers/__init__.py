"""Consumers: light models that learn from a subset. Add one: a frozen dataclass in a file here."""

from typing import ClassVar, Final, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from tasks.proving.consumers.hashed_ngrams import HashedNgrams
from tasks.proving.consumers.linear_probe import LinearProbe
from tasks.proving.consumers.ngram_perplexity import NgramPerplexity
from tasks.proving.consumers.preference import PreferenceNgrams, PreferenceVectors
from tasks.proving.consumers.rating_ridge import RatingRidgeNgrams, RatingRidgeVectors
from tasks.proving.consumers.small_transformer import SmallTransformer
from tasks.proving.task import Schedule, Task


@runtime_checkable
class Consumer(Protocol):
    """Trains on a schedule of rows and says how well it does on `task.test`.

    The schedule holds one array of row indices per pass: the same each time for a fixed subset, a
    fresh one for RS2. Whatever is tuned is tuned by a rule that does not look at the test rows.
    `unit` names the score, `better` is higher or lower, `needs` is labels, ratings, pairs or empty.
    """

    version: ClassVar[str]  # raise it when equal input may give another score
    unit: ClassVar[str]
    better: ClassVar[str]
    needs: ClassVar[str]

    def __call__(self, task: Task, schedule: Schedule, seed: int) -> float:
        """Train and score on all test rows; equal arguments give equal scores."""
        ...


@runtime_checkable
class RowConsumer(Consumer, Protocol):
    """A consumer that says how it does row by row, so that the test rows' part in the error shows.

    Its `__call__` is the score of all its answers.
    """

    def answers(self, task: Task, schedule: Schedule, seed: int) -> Float[np.ndarray, " t"]:
        """Train; one value per test row (1 right and 0 wrong, a loss, a prediction)."""
        ...

    def score(
        self, task: Task, answers: Float[np.ndarray, " t"], rows: Int[np.ndarray, " t"]
    ) -> float:
        """The score of some answers; `rows` are the task's rows that they are for."""
        ...


DEAR: Final = ("small_transformer",)  # a minute or more per score: only when asked for by name
CONSUMERS: Final[dict[str, type[Consumer]]] = {
    "hashed_ngrams": HashedNgrams,
    "linear_probe": LinearProbe,
    "ngram_perplexity": NgramPerplexity,
    "preference_ngrams": PreferenceNgrams,
    "preference_vectors": PreferenceVectors,
    "rating_ridge_ngrams": RatingRidgeNgrams,
    "rating_ridge_vectors": RatingRidgeVectors,
    "small_transformer": SmallTransformer,
}
