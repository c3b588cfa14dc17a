"""Coverage and redundancy: what the subset stands for, and what it says twice."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tasks.metrics.view import SubsetView


@dataclass(frozen=True)
class CoverageMean:
    """Mean over pool rows of the cosine to the closest selected row.

    Range [-1, 1], 1 = every pool row is selected or has an equal in the subset; higher is better.
    The facility location function divided by n (Cornuejols, Fisher and Nemhauser, 1977).
    """

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "higher"
    label: ClassVar[str] = "Mean coverage"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def __call__(self, view: SubsetView) -> float:
        """Mean cosine of the pool to the subset."""
        return float(view.nearest.mean())


@dataclass(frozen=True)
class CoverageP05:
    """5th percentile (linear interpolation) over pool rows of the cosine to the subset.

    Range [-1, 1]; higher is better. How well the worst-covered twentieth of the pool is
    represented; k-center maximises the minimum of the same cosines (Gonzalez, 1985).
    """

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "higher"
    label: ClassVar[str] = "Coverage of the worst 5%"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def __call__(self, view: SubsetView) -> float:
        """Cosine that 95 % of the pool reaches."""
        return float(np.quantile(view.nearest, 0.05))


@dataclass(frozen=True)
class Redundancy:
    """Mean over selected rows of the cosine to the closest other selected row.

    Range [-1, 1], 1 = every selected row has an equal beside it; lower is better. A single row
    repeats nothing: 0.
    """

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "lower"
    label: ClassVar[str] = "Redundancy"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def __call__(self, view: SubsetView) -> float:
        """Mean cosine of a selected row to its closest companion."""
        return float(view.neighbour.mean()) if len(view.neighbour) else 0.0
