"""Magnitude and spread of a subset: effective numbers of rows at a scale of distance.

Of a sample of at most 1,000 rows, at the scale t = ln n / median distance to the nearest row in as
large a sample of the pool: one scale for all subsets of a pool, recorded in measure.json. Compare
at equal k only.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tasks.engine.magnitude import magnitude, spread
from tasks.metrics.view import SubsetView


@dataclass(frozen=True)
class MagnitudeAt:
    """Magnitude at the scale t: sum of w with exp(-t ||x - y||) w = 1, by Cholesky.

    Range [1, k]; higher is better: the number of rows that lie apart (Leinster, 2013; Bunch et al.,
    2020). At t a row's nearest neighbour counts for 1 / n, so only rows nearer than usual are
    counted together. Repeated rows count once.
    """

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "higher"
    label: ClassVar[str] = "Magnitude"
    bounds: ClassVar[tuple[float, float]] = (0.0, np.inf)
    times: ClassVar[float] = 1.0  # of the scale t

    def __call__(self, view: SubsetView) -> float:
        """Magnitude of the sample."""
        return magnitude(view.between, self.times * view.scale).value


@dataclass(frozen=True)
class MagnitudeHalf(MagnitudeAt):
    """Magnitude at t / 2, where whole neighbourhoods begin to count as one. Range [1, k]."""

    label: ClassVar[str] = "Magnitude, coarser"
    times: ClassVar[float] = 0.5


@dataclass(frozen=True)
class MagnitudeDouble(MagnitudeAt):
    """Magnitude at 2 t, where only near repeats count as one. Range [1, k]."""

    label: ClassVar[str] = "Magnitude, finer"
    times: ClassVar[float] = 2.0


@dataclass(frozen=True)
class SpreadAt:
    """Spread at t / 2: sum over rows of 1 / sum over rows y of exp(-t / 2 ||x - y||).

    Range [1, magnitude_half]; higher is better (Willerton, 2015). The same question as
    magnitude's, without a linear system, so it stays sound where that one is ill-conditioned.
    """

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "higher"
    label: ClassVar[str] = "Spread"
    bounds: ClassVar[tuple[float, float]] = (1.0, np.inf)

    def __call__(self, view: SubsetView) -> float:
        """Spread of the sample."""
        return float(spread(view.between, view.scale / 2).sum())
