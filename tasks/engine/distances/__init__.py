"""Distances between two samples of rows: pure functions on arrays, every seed stated."""

from tasks.engine.distances.domain import DomainScores, auc, domain_auc, domain_scores
from tasks.engine.distances.mean_discrepancy import (
    RandomFeatures,
    linear_mmd_squared,
    mmd_squared,
    mmd_squared_of_means,
)
from tasks.engine.distances.shares import kl_divergence
from tasks.engine.distances.transport import (
    directions,
    gaussian_wasserstein,
    sliced_wasserstein,
    wasserstein_of_sorted,
)

__all__ = [
    "DomainScores",
    "RandomFeatures",
    "auc",
    "directions",
    "domain_auc",
    "domain_scores",
    "gaussian_wasserstein",
    "kl_divergence",
    "linear_mmd_squared",
    "mmd_squared",
    "mmd_squared_of_means",
    "sliced_wasserstein",
    "wasserstein_of_sorted",
]
