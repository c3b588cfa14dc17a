"""Maximum mean discrepancy: how far the mean of one sample lies from another's, in features."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.one_thread import one_thread

BANDWIDTH: Final = 0.5**0.5  # the kernel of two unit rows is then exp(-2 (1 - cosine))
BLOCK_ROWS: Final = 4096  # rows whose features are held at a time


@dataclass(frozen=True)
class RandomFeatures:
    """Random Fourier features of the Gaussian kernel exp(-|a - b|^2 / (2 bandwidth^2)).

    phi(x) = [cos Wx, sin Wx] / sqrt(D) with D = `pairs` rows W ~ N(0, I / bandwidth^2) drawn from
    `seed` (Rahimi and Recht, 2007); |phi(x)| = 1, and phi(x) . phi(y) is the kernel up to an error
    of about 1 / sqrt(D).
    """

    width: int
    bandwidth: float = BANDWIDTH
    pairs: int = 256
    seed: int = 0

    @cached_property
    def _frequencies(self) -> np.ndarray:
        random = np.random.default_rng(self.seed)
        return np.asarray(random.standard_normal((self.width, self.pairs)) / self.bandwidth)

    def __call__(self, rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n f"]:
        """Features of the rows, f = 2 D."""
        angle = np.asarray(rows, dtype=np.float64) @ self._frequencies
        both = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
        return np.asarray(both / np.sqrt(self.pairs))

    def mean(self, rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " f"]:
        """Mean of the features."""
        return np.asarray(self.sums(rows, [np.arange(len(rows))])[0] / len(rows))

    def sums(
        self, rows: Float[np.ndarray, "n d"], parts: Sequence[Int[np.ndarray, " m"]]
    ) -> Float[np.ndarray, "p f"]:
        """Sum of the features over each part of the rows, in blocks: O(n d D) time."""
        totals = np.zeros((len(parts), 2 * self.pairs))
        with one_thread():  # one order of summation, whatever the machine
            for total, part in zip(totals, parts, strict=True):
                for start in range(0, len(part), BLOCK_ROWS):
                    total += self(rows[part[start : start + BLOCK_ROWS]]).sum(axis=0)
        return totals


def mmd_squared(
    one: Float[np.ndarray, "n d"],
    other: Float[np.ndarray, "m d"],
    features: RandomFeatures | None = None,
    unbiased: bool = False,
) -> float:
    """Squared maximum mean discrepancy under the Gaussian kernel of `features`.

    Biased: |mean phi(one) - mean phi(other)|^2 (Gretton et al., 2012), range [0, 4], 0 for equal
    samples; two samples of one distribution have about (1/n + 1/m) (1 - mean kernel). Unbiased:
    pairs of a row with itself left out; its mean is then 0, and it may be negative.
    """
    features = features or RandomFeatures(one.shape[1])
    means = features.mean(one), features.mean(other)
    return mmd_squared_of_means(*means, (len(one), len(other)) if unbiased else None)


def mmd_squared_of_means(
    one: Float[np.ndarray, " f"], other: Float[np.ndarray, " f"], rows: tuple[int, int] | None
) -> float:
    """The same from the mean features of two samples; of so many `rows` each: the unbiased form.

    A single row has no pair: its own term is then left at its mean over pairs, 0.
    """
    if rows is None:
        return float(np.square(one - other).sum())
    within = [
        (count * float(mean @ mean) - 1) / (count - 1) if count > 1 else 0.0
        for count, mean in zip(rows, (one, other), strict=True)
    ]
    return within[0] + within[1] - 2 * float(one @ other)


def linear_mmd_squared(one: Float[np.ndarray, "n d"], other: Float[np.ndarray, "m d"]) -> float:
    """Squared distance of the two mean rows: the discrepancy under the kernel a . b. Range >= 0."""
    gap = one.mean(axis=0, dtype=np.float64) - other.mean(axis=0, dtype=np.float64)
    return float(gap @ gap)
