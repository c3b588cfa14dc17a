"""Coverage and redundancy: what the subset stands for, and what it says twice."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from tasks.metrics.view import SubsetView

ROUNDING: Final = 1e-6  # of the radius, so that a row at it counts


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
class CoveredShare:
    """Share of pool rows with a selected row at the radius or closer.

    Range [0, 1]; higher is better. The radius is the pool's own median cosine of a row to its
    nearest other row, the same for every subset of the pool (facts of measure.json state it): at
    it, half of the rows would be covered by the rest of the pool.
    """

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "higher"
    label: ClassVar[str] = "Covered share"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __call__(self, view: SubsetView) -> float:
        """Share of rows that are near enough."""
        return float((view.nearest >= view.radius - ROUNDING).mean())


@dataclass(frozen=True)
class CoverageRelative:
    """Facility location value, the sum over pool rows of max(0, cosine), against the best known.

    Range [0, 1]; higher is better. The best known is the largest value of the compared subsets,
    the greedy optimum of this very function (`diversity_only`) among them; 1 = none is better.
    """

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "higher"
    label: ClassVar[str] = "Coverage against the best known"
    bounds: ClassVar[tuple[float, float]] = (0.0, np.inf)

    def __call__(self, view: SubsetView) -> float:
        """Share of the best value."""
        return positive_coverage(view) / view.best_coverage


def positive_coverage(view: SubsetView) -> float:
    """Mean over pool rows of max(0, cosine to the closest selected row)."""
    return float(np.maximum(view.nearest, 0.0).mean())


@dataclass(frozen=True)
class ClusterCoverage:
    """Share of the pool's clusters with a selected row. Range [0, 1]; higher is better.

    Clusters are those of stage `score` (k-means); small ones count as much as large ones.
    """

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "higher"
    label: ClassVar[str] = "Clusters reached"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __call__(self, view: SubsetView) -> float:
        """Share of clusters."""
        there = view.pool_cluster_rows > 0
        return float((view.cluster_rows[there] > 0).mean())


@dataclass(frozen=True)
class ClusterRowCoverage:
    """Share of pool rows whose cluster has a selected row. Range [0, 1]; higher is better."""

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "higher"
    label: ClassVar[str] = "Rows in clusters reached"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __call__(self, view: SubsetView) -> float:
        """Share of clusters, each weighted by its rows."""
        reached = view.pool_cluster_rows[view.cluster_rows > 0].sum()
        return float(reached / view.pool_cluster_rows.sum())


@dataclass(frozen=True)
class CoverRadius:
    """Largest distance, 1 - cosine, of a pool row to its closest selected row.

    Range [0, 2]; lower is better: what k-center minimises (Gonzalez, 1985). One row decides it, an
    outlier often; of a sampled pool it is a lower bound. No interval: see `NO_INTERVAL`.
    """

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "lower"
    label: ClassVar[str] = "Cover radius"
    bounds: ClassVar[tuple[float, float]] = (0.0, 2.0)

    def __call__(self, view: SubsetView) -> float:
        """Distance of the row that is covered worst."""
        return float(1 - view.nearest.min())


@dataclass(frozen=True)
class LeastDistance:
    """Least distance, 1 - cosine, of any two selected rows.

    Range [0, 2]; higher is better: 0 = two rows are equal. A single row has no pair: 2. One pair
    decides it; of a sampled subset it is an upper bound. No interval: see `NO_INTERVAL`.
    """

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "higher"
    label: ClassVar[str] = "Least distance of two rows"
    bounds: ClassVar[tuple[float, float]] = (0.0, 2.0)

    def __call__(self, view: SubsetView) -> float:
        """Distance of the closest pair."""
        return float(1 - view.neighbour.max()) if len(view.neighbour) else 2.0


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
