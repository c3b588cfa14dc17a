"""Consumer `linear_probe`: multinomial logistic regression on the frozen vectors."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from tasks.proving.consumers.kinds import OfLabels
from tasks.proving.task import Schedule, Task


@dataclass(frozen=True)
class LinearProbe(OfLabels):
    """Softmax regression by Adam (Kingma and Ba, 2015), the learning rate falling to 0.

    Every pass takes as many steps as any other, so that subsets of equal size, fixed or fresh each
    time (RS2), get the same number of updates. The L2 penalty is 1 / (C rows per pass), a rule that
    sees no test row. Vectors are shifted and scaled by the mean row of the schedule.
    """

    version: ClassVar[str] = "1.0.0"
    steps_per_pass: int = 25
    rate: float = 0.02
    inverse_penalty: float = 10.0  # C, as in common logistic regressions on unit-length rows

    def answers(self, task: Task, schedule: Schedule, seed: int) -> Float[np.ndarray, " t"]:
        """1 for each test row whose label is predicted, else 0."""
        assert task.labels is not None
        shift, scale = _scaling(task.vectors, schedule)
        weights = self._train(task, schedule, seed, shift, scale)
        logits = _with_one((task.vectors[task.test] - shift) * scale) @ weights
        right: np.ndarray = (logits.argmax(axis=1) == task.labels[task.test]).astype(np.float64)
        return right

    def _train(
        self, task: Task, schedule: Schedule, seed: int, shift: np.ndarray, scale: float
    ) -> Float[np.ndarray, "d1 c"]:
        random = np.random.default_rng([seed, 1])
        weights = np.zeros((task.vectors.shape[1] + 1, task.classes), dtype=np.float32)
        first, second = np.zeros_like(weights), np.zeros_like(weights)
        total, step = sum(self._steps(rows) for rows in schedule), 0
        for rows in schedule:
            penalty = np.float32(scale**2 / (self.inverse_penalty * len(rows)))
            shuffled = random.permutation(rows)
            for batch in np.array_split(shuffled, self._steps(rows)):
                inputs = _with_one((task.vectors[batch] - shift) * scale)
                gradient = _gradient(inputs, task.labels[batch], weights)  # type: ignore[index]
                gradient[:-1] += penalty * weights[:-1]  # of the weights before scaling
                step += 1
                _adam(weights, gradient, first, second, step, self.rate * (1 - step / (total + 1)))
        return weights

    def _steps(self, rows: np.ndarray) -> int:
        return min(self.steps_per_pass, len(rows))


def _scaling(vectors: np.ndarray, schedule: Schedule) -> tuple[np.ndarray, float]:
    """The mean of the rows seen, and what makes a coordinate of their spread about 1."""
    seen = vectors[np.unique(np.concatenate(schedule))].astype(np.float64)
    shift = seen.mean(axis=0)
    spread = float(np.sqrt(np.square(seen - shift).mean()))
    return shift.astype(np.float32), 1.0 / spread if spread > 1e-6 else 1.0


def _with_one(inputs: np.ndarray) -> np.ndarray:
    ones = np.ones((len(inputs), 1), dtype=np.float32)
    return np.concatenate([inputs.astype(np.float32), ones], axis=1)


def _gradient(inputs: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean gradient of the cross-entropy over a batch."""
    logits = inputs @ weights
    logits -= logits.max(axis=1, keepdims=True)
    shares = np.exp(logits, out=logits)
    shares /= shares.sum(axis=1, keepdims=True)
    shares[np.arange(len(labels)), labels] -= 1
    gradient: np.ndarray = inputs.T @ shares / np.float32(len(labels))
    return gradient


def _adam(
    weights: np.ndarray,
    gradient: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    step: int,
    rate: float,
) -> None:
    """One step of Adam, in place."""
    first *= np.float32(0.9)
    first += np.float32(0.1) * gradient
    second *= np.float32(0.999)
    second += np.float32(0.001) * np.square(gradient)
    mean = np.float32(rate / (1 - 0.9**step))
    spread = np.sqrt(second / np.float32(1 - 0.999**step)) + np.float32(1e-8)
    weights -= mean * first / spread
