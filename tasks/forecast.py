"""How long and how large a stage will be, from its past runs and what is known of it beforehand.

    seconds = start + scale * work(units) ^ exponent * exp(noise)

Bayes' rule in log-log: `log(scale)` and the exponent have normal priors (shipped, from runs of the
demo and of a million rows), each past run is a point with noise. Few runs leave the prior's
exponent and set the scale; many over a range of sizes set both. Memory has the same form.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

Z_90: Final = 1.645  # of the normal distribution: 90 % lie within so many standard deviations
NOISE: Final = 0.15  # of one run, natural logarithm: equal runs on a busy machine differ so much
SCALE_SPREAD: Final = 0.7  # of log(scale) before anything was measured: machines differ twofold
EXPONENT_SPREAD: Final = 0.15
LEAST: Final = 0.05  # seconds or megabytes beyond the start that are still told apart
LAST: Final = 50  # runs that count: the code and the machine of long ago may be others


@dataclass(frozen=True)
class Law:
    """What is known beforehand: `start` + `at_million` * (units / 1e6) ^ `exponent`."""

    start: float
    at_million: float
    exponent: float = 1.0


@dataclass(frozen=True)
class Range:
    """An estimate and the interval that holds the truth nine times of ten."""

    low: float
    middle: float
    high: float
    measured: int = 0  # past runs behind it; 0: shipped defaults alone

    def __add__(self, other: "Range") -> "Range":
        """Both together, as if both came out low, or both high: stages share machine and data."""
        return Range(
            self.low + other.low,
            self.middle + other.middle,
            self.high + other.high,
            min(self.measured, other.measured),
        )


def forecast(
    law: Law, units: float, past: Sequence[tuple[float, float]], units_spread: float = 0.0
) -> Range:
    """Predict a stage at `units` from `past` (units, seconds or megabytes), oldest first.

    `units_spread` is the standard deviation of log(units): how well the data is known.
    """
    points = [point for point in past if point[1] == point[1]][-LAST:]
    start = _start(law, points)
    if units <= 0:
        return Range(start * 0.5, start, start * 2, len(points))
    mean, covariance = _posterior(law, points, start)
    at = np.array([1.0, np.log(units / 1e6)])
    log_work = float(at @ mean)
    variance = float(at @ covariance @ at) + NOISE**2 + (mean[1] * units_spread) ** 2
    spread = Z_90 * variance**0.5
    low, middle, high = np.exp([log_work - spread, log_work, log_work + spread])
    wide = 1 + Z_90 * (NOISE if points else SCALE_SPREAD)
    return Range(start / wide + low, start + middle, start * wide + high, len(points))


def _start(law: Law, points: Sequence[tuple[float, float]]) -> float:
    """Seconds that pass whatever the size: no more than the shortest run took."""
    idle = [took for units, took in points if units <= 0]
    if idle:
        return float(np.median(idle))
    return min([law.start, *(0.95 * took for _, took in points)])


def _posterior(
    law: Law, points: Sequence[tuple[float, float]], start: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of (log scale, exponent) after the points, by normal equations."""
    prior = np.array([np.log(law.at_million), law.exponent])
    precision = np.diag([SCALE_SPREAD**-2, EXPONENT_SPREAD**-2])
    weighted = precision @ prior
    for units, took in points:
        if units <= 0:
            continue
        work = max(took - start, LEAST)
        # what is little beside the start is badly known: the start itself varies
        noise = np.hypot(NOISE, NOISE * start / work)
        at = np.array([1.0, np.log(units / 1e6)])
        precision = precision + np.outer(at, at) / noise**2
        weighted = weighted + at * np.log(work) / noise**2
    covariance = np.linalg.inv(precision)
    return covariance @ weighted, covariance
