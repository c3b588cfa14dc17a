"""What a metric sees of a subset, or of the subset without a block of rows."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.distances import DomainScores
from tasks.engine.magnitude import distances, nearest_distance, scale_for
from tasks.engine.spectrum import spectrum
from tasks.metrics.parts import SubsetParts
from tasks.metrics.rows import BLOCKS

MAGNITUDE_ROWS: Final = 1_000  # of a sample: time grows with its cube, for every block left out


@dataclass(frozen=True)
class Reference:
    """What a subset is compared with, the pool or a target."""

    sample: Float[np.ndarray, "s d"]
    features: Float[np.ndarray, " f"]
    cluster_rows: Int[np.ndarray, " c"]


@dataclass(frozen=True)
class SubsetView:
    """A subset of k rows of a pool of n, as metrics see it; with `without` less a block of rows.

    Each statistic is made when the first metric asks for it. Classifiers are those of the whole
    subset: leaving a block out does not fit them again.
    """

    parts: SubsetParts
    without: int | None = None

    @cached_property
    def _here(self) -> np.ndarray:
        """Which rows of the pool are not left out."""
        block = self.parts.rows.block
        return np.ones(len(block), dtype=bool) if self.without is None else block != self.without

    @cached_property
    def _blocks(self) -> np.ndarray:
        return np.array([block for block in range(BLOCKS) if block != self.without])

    def _kept(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(rows[self._here[rows]])

    @cached_property
    def indices(self) -> Int[np.ndarray, " k"]:
        """The selected rows' places in the pool, sorted."""
        return self._kept(self.parts.indices)

    @cached_property
    def gram(self) -> Float[np.ndarray, "d d"]:
        """Sum of x x^T over the subset."""
        return np.asarray(self.parts.grams[self._blocks].sum(axis=0))

    @cached_property
    def spectrum(self) -> Float[np.ndarray, " r"]:
        """Eigenvalues of `gram` as shares: what all Vendi scores of the subset are made from."""
        return spectrum(self.gram)

    @cached_property
    def between(self) -> Float[np.ndarray, "s s"]:
        """Distances between the first MAGNITUDE_ROWS rows of `sample`."""
        return distances(self.sample[:MAGNITUDE_ROWS])

    @cached_property
    def scale(self) -> float:
        """The scale at which magnitude reads distances: that of as large a sample of the pool."""
        some = self.pool.sample[:MAGNITUDE_ROWS]
        return scale_for(len(some), nearest_distance(distances(some)))

    @cached_property
    def _closest(self) -> Float[np.ndarray, " m"]:
        return np.asarray(self.parts.closest[:, self._blocks].max(axis=1).astype(np.float64))

    @cached_property
    def nearest(self) -> Float[np.ndarray, " n"]:
        """Cosine of each pool row looked at to the closest selected row, 1 for a selected row.

        Looked at are all rows, of large pools a sample (see `rows_looked_at`).
        """
        rows = self._kept(self.parts.looked)
        closest = self._closest[np.searchsorted(self.parts.searched, rows)]
        chosen = np.isin(rows, self.parts.indices)
        return np.where(chosen, 1.0, np.clip(closest, -1.0, 1.0))

    @cached_property
    def neighbour(self) -> Float[np.ndarray, " k"]:
        """Cosine of each selected row to the closest other one; empty when k = 1.

        Of large subsets a sample of the rows, each to the whole subset.
        """
        if len(self.indices) < 2:
            return np.empty(0)
        rows = self._kept(self.parts.asked)
        closest = self._closest[np.searchsorted(self.parts.searched, rows)]
        return np.asarray(np.clip(closest, -1.0, 1.0))

    @property
    def quality(self) -> Float[np.ndarray, " k"]:
        """Quality of the selected rows."""
        return np.asarray(self.parts.rows.quality[self.indices])

    @property
    def cost(self) -> Int[np.ndarray, " k"]:
        """Tokens of the selected rows."""
        return np.asarray(self.parts.rows.cost[self.indices])

    @property
    def group_rows(self) -> Int[np.ndarray, " g"]:
        """Selected rows per group."""
        rows = self.parts.rows
        return np.bincount(rows.group[self.indices], minlength=rows.groups)

    @property
    def pool_group_rows(self) -> Int[np.ndarray, " g"]:
        """Pool rows per group."""
        rows = self.parts.rows
        return np.bincount(rows.group[self._here], minlength=rows.groups)

    @cached_property
    def sample(self) -> Float[np.ndarray, "s d"]:
        """The selected rows of smallest key, at most SAMPLE_ROWS."""
        return np.asarray(self.parts.rows.vectors[self._kept(self.parts.sample)])

    @cached_property
    def pool_sample(self) -> Float[np.ndarray, "p d"]:
        """The pool's rows of smallest key, at most SAMPLE_ROWS."""
        return np.asarray(self.parts.rows.vectors[self._kept(self.parts.rows.sample)])

    @cached_property
    def features(self) -> Float[np.ndarray, " f"]:
        """Mean random features of the subset."""
        return np.asarray(self.parts.feature_sums[self._blocks].sum(axis=0) / len(self.indices))

    @cached_property
    def cluster_rows(self) -> Int[np.ndarray, " c"]:
        """Selected rows per cluster."""
        rows = self.parts.rows
        return np.bincount(rows.clusters[self.indices], minlength=rows.cluster_count)

    @cached_property
    def pool_cluster_rows(self) -> Int[np.ndarray, " c"]:
        """Pool rows per cluster."""
        rows = self.parts.rows
        return np.bincount(rows.clusters[self._here], minlength=rows.cluster_count)

    @property
    def radius(self) -> float:
        """Cosine from which a row counts as covered."""
        return self.parts.rows.radius

    @property
    def best_coverage(self) -> float:
        """Coverage of the best known subset of the size."""
        return self.parts.best_coverage

    @cached_property
    def pool(self) -> Reference:
        """The pool as what the subset is compared with."""
        rows = self.parts.rows
        features = rows.feature_sums[self._blocks].sum(axis=0) / self._here.sum()
        return Reference(self.pool_sample, features, self.pool_cluster_rows)

    @cached_property
    def target(self) -> Reference:
        """The target as what the subset is compared with; there must be one."""
        rows = self.parts.rows
        assert rows.target is not None
        clusters = np.bincount(rows.target.cluster, minlength=rows.cluster_count)
        return Reference(rows.target.vectors, rows.target_features, clusters)

    @property
    def told_from_rest(self) -> DomainScores:
        """Scores that tell selected rows (`other`) from rows not selected (`one`)."""
        parts = self.parts
        return self._told(parts.told_from_rest, self._here[parts.rest])

    @property
    def told_from_target(self) -> DomainScores:
        """Scores that tell selected rows (`other`) from the target's (`one`)."""
        scores = self.parts.told_from_target
        return self._told(scores, np.ones(len(scores.one), dtype=bool))

    def _told(self, scores: DomainScores, others: np.ndarray) -> DomainScores:
        return DomainScores(scores.one[others], scores.other[self._here[self.parts.judged]])
