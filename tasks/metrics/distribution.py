"""Is the subset distributed as the pool is, or as a target is? Four answers, each blind to some.

Each class measures against the pool; its subclass with `Target` against the target, and is
measured only where there is one.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tasks.engine.distances import (
    DomainScores,
    auc,
    kl_divergence,
    mmd_squared_of_means,
    sliced_wasserstein,
)
from tasks.metrics.view import Reference, SubsetView


@dataclass(frozen=True)
class _AgainstPool:
    better: ClassVar[str] = "lower"
    version: ClassVar[str] = "1.0.0"

    def reference(self, view: SubsetView) -> Reference:
        """What the subset is compared with."""
        return view.pool

    def told_from(self, view: SubsetView) -> DomainScores:
        """Scores that tell selected rows from those of the pool that were not."""
        return view.told_from_rest


@dataclass(frozen=True)
class _AgainstTarget:
    def reference(self, view: SubsetView) -> Reference:
        """What the subset is compared with; measured only where there is a target."""
        return view.target

    def told_from(self, view: SubsetView) -> DomainScores:
        """Scores that tell selected rows from the target's."""
        return view.told_from_target


@dataclass(frozen=True)
class MeanDiscrepancy(_AgainstPool):
    """Squared maximum mean discrepancy, biased, kernel exp(-2 (1 - cosine)) by random features.

    Range [0, 4], 0 = same distribution; lower is closer. All rows count. A random subset of k rows
    has about (1 - mean kernel) / k, not 0: compare at equal k (Gretton et al., 2012).
    """

    label: ClassVar[str] = "Mean discrepancy from pool (MMD²)"
    bounds: ClassVar[tuple[float, float]] = (0.0, 4.0)

    def __call__(self, view: SubsetView) -> float:
        """Squared distance of the mean features."""
        return mmd_squared_of_means(view.features, self.reference(view).features, None)


@dataclass(frozen=True)
class SlicedTransport(_AgainstPool):
    """Mean 1-Wasserstein distance over 128 fixed directions, of samples of at most 2,000 rows.

    Range [0, 2], 0 = same distribution; lower is closer. A random subset of k rows has about
    spread / sqrt(k), not 0: compare at equal k (Bonneel et al., 2015).
    """

    label: ClassVar[str] = "Transport distance from pool"
    bounds: ClassVar[tuple[float, float]] = (0.0, 2.0)

    def __call__(self, view: SubsetView) -> float:
        """How far, on average over directions, a row has to move."""
        return sliced_wasserstein(view.sample, self.reference(view).sample)


@dataclass(frozen=True)
class DomainAuc(_AgainstPool):
    """AUC at which a classifier tells the subset's rows from the rest of the pool.

    Range [0, 1], 0.5 = it cannot, 1 = every row is told right; lower is closer down to 0.5. Below
    it rows keep away from each other more than a random subset's, as those of herding do: what the
    classifier learns of the others is wrong for the one left out. Cross-fitted logistic regression
    on at most 1,000 rows of either side, those of the pool not selected (Lopez-Paz and Oquab,
    2017). It sees differences in the mean best. Its interval takes the fitted classifiers as they
    are.
    """

    label: ClassVar[str] = "Told from the rest (AUC, 0.5: not)"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __call__(self, view: SubsetView) -> float:
        """Chance that a selected row scores above one that was not."""
        scores = self.told_from(view)
        return auc(scores.one, scores.other)


@dataclass(frozen=True)
class ClusterDivergence(_AgainstPool):
    """Kullback-Leibler divergence of the subset's cluster shares from the pool's, in nats.

    Range [0, inf), 0 = same shares; lower is closer. Half a row is added to every cluster of
    either. A random subset has about (clusters - 1) / (2 k), not 0: compare at equal k.
    """

    label: ClassVar[str] = "Cluster divergence from pool"
    bounds: ClassVar[tuple[float, float]] = (0.0, np.inf)

    def __call__(self, view: SubsetView) -> float:
        """Divergence over clusters."""
        return kl_divergence(view.cluster_rows, self.reference(view).cluster_rows)


@dataclass(frozen=True)
class TargetDiscrepancy(_AgainstTarget, MeanDiscrepancy):
    """`MeanDiscrepancy` from the target. Range [0, 4]; lower is closer."""

    label: ClassVar[str] = "Mean discrepancy from target (MMD²)"


@dataclass(frozen=True)
class TargetTransport(_AgainstTarget, SlicedTransport):
    """`SlicedTransport` from the target. Range [0, 2]; lower is closer."""

    label: ClassVar[str] = "Transport distance from target"


@dataclass(frozen=True)
class TargetAuc(_AgainstTarget, DomainAuc):
    """`DomainAuc` between subset and target. Range [0, 1]; lower is closer."""

    label: ClassVar[str] = "Told from the target (AUC)"


@dataclass(frozen=True)
class TargetDivergence(_AgainstTarget, ClusterDivergence):
    """`ClusterDivergence` from the target. Range [0, inf); lower is closer."""

    label: ClassVar[str] = "Cluster divergence from target"
