"""What consumers of one kind share: the unit of their score, and how answers come to it."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int

from tasks.proving.task import Schedule, Task
from tasks.proving.text_bytes import bits_per_byte

Answers = Float[np.ndarray, " t"]
Rows = Int[np.ndarray, " t"]


class _ByRow(ABC):
    """A consumer whose score is that of its answers, one per test row."""

    def __call__(self, task: Task, schedule: Schedule, seed: int) -> float:
        """The score over all test rows."""
        return self.score(task, self.answers(task, schedule, seed), task.test)

    @abstractmethod
    def answers(self, task: Task, schedule: Schedule, seed: int) -> Answers:
        """Train; one value per test row."""

    @abstractmethod
    def score(self, task: Task, answers: Answers, rows: Rows) -> float:
        """The score of the answers for some rows."""


class OfLabels(_ByRow):
    """Answers are 1 for a label predicted right, else 0; the score is the share of right ones."""

    unit: ClassVar[str] = "accuracy"
    better: ClassVar[str] = "higher"
    needs: ClassVar[str] = "labels"

    def score(self, task: Task, answers: Answers, rows: Rows) -> float:
        """Share of right answers."""
        return float(answers.mean())


class OfTexts(_ByRow):
    """Answers are the bits a row costs, NaN where it was not asked; the score is bits per byte."""

    unit: ClassVar[str] = "bits per byte"
    better: ClassVar[str] = "lower"
    needs: ClassVar[str] = ""

    def score(self, task: Task, answers: Answers, rows: Rows) -> float:
        """Bits of the rows over their bytes."""
        return bits_per_byte(task, answers, rows)


class OfRatings(_ByRow):
    """Answers are predicted ratings; the score is their rank correlation with the true ones.

    Range [-1, 1]; higher is better; 0 where the predictions or the ratings are constant.
    """

    unit: ClassVar[str] = "rank correlation"
    better: ClassVar[str] = "higher"
    needs: ClassVar[str] = "ratings"

    def score(self, task: Task, answers: Answers, rows: Rows) -> float:
        """Rank correlation (Spearman, 1904) of predicted and true ratings, ties at their mean."""
        from scipy.stats import spearmanr

        truth = ratings_of(task)[rows]
        if len(rows) < 2 or np.ptp(answers) == 0 or np.ptp(truth) == 0:
            return 0.0
        return float(spearmanr(answers, truth).statistic)


class OfPairs(_ByRow):
    """Answers are by how much a row's text beats its other; the score is their order's agreement.

    Kendall's (1938) rank correlation over the pairs that are no ties: the share ordered as judged
    minus the share ordered otherwise. Range [-1, 1]; higher is better; a margin of 0 counts as 0.
    """

    unit: ClassVar[str] = "rank correlation"
    better: ClassVar[str] = "higher"
    needs: ClassVar[str] = "pairs"

    def score(self, task: Task, answers: Answers, rows: Rows) -> float:
        """Mean agreement of the signs; 0 where all pairs are ties."""
        judged = np.sign(preferences_of(task)[rows])
        agree = (np.sign(answers) * judged)[judged != 0]
        return float(agree.mean()) if len(agree) else 0.0


def preferences_of(task: Task) -> Float[np.ndarray, " n"]:
    """By how much each text was preferred to its other: 1 where no column says it."""
    return np.ones(len(task.ids)) if task.ratings is None else task.ratings


def ratings_of(task: Task) -> Float[np.ndarray, " n"]:
    """The ratings of a rated task."""
    assert task.ratings is not None
    return task.ratings
