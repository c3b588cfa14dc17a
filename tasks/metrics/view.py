"""What a metric sees of a subset: sufficient statistics, made in one pass over the vectors.

Every statistic is kept per block of rows, so that the subset without one block (the jackknife's
replicate) costs a subtraction or a maximum, never a second pass.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from schemas.errors import ContractError
from tasks.engine.distances import DomainScores, domain_scores
from tasks.engine.magnitude import distances, nearest_distance, scale_for
from tasks.engine.one_thread import one_thread
from tasks.engine.spectrum import spectrum
from tasks.metrics.closest import closest_per_block, rows_looked_at
from tasks.metrics.rows import BLOCKS, SAMPLE_ROWS, Rows, Target, blocks_of, keys_of

__all__ = [
    "BLOCKS",
    "Rows",
    "SubsetParts",
    "SubsetView",
    "Target",
    "blocks_of",
    "describe",
    "keys_of",
]
GRAM_ROWS: Final = 4096  # rows turned to float64 at a time
MAGNITUDE_ROWS: Final = 1_000  # of a sample: time grows with its cube, for every block left out
DOMAIN_ROWS: Final = 1_000  # of either side that a classifier is to tell apart


@dataclass(frozen=True)
class Reference:
    """What a subset is compared with, the pool or a target."""

    sample: Float[np.ndarray, "s d"]
    features: Float[np.ndarray, " f"]
    cluster_rows: Int[np.ndarray, " c"]


@dataclass(frozen=True)
class SubsetParts:
    """A subset's statistics per block of rows; `indices` is sorted, so no metric depends on order.

    `closest[i, b]` is the cosine of row `searched[i]` to the closest other selected row of block b,
    -inf where there is none. `looked`: which pool rows `nearest` is of, `asked`: which selected
    rows `neighbour` is of; `searched` holds both. What few metrics need is made when one asks.
    """

    rows: Rows
    indices: Int[np.ndarray, " k"]
    looked: Int[np.ndarray, " p"]
    asked: Int[np.ndarray, " a"]
    searched: Int[np.ndarray, " m"]
    closest: Float[np.ndarray, "m b"]
    best_coverage: float = 1.0  # of any known subset of the size: see `CoverageRelative`

    @cached_property
    def grams(self) -> Float[np.ndarray, "b d d"]:
        """Sum of x x^T over the selected rows of each block."""
        return _grams(self.rows, self.indices)

    @cached_property
    def feature_sums(self) -> Float[np.ndarray, "b f"]:
        """Sum of the random features over the selected rows of each block."""
        return self.rows.feature_sums_of(self.indices)

    @cached_property
    def sample(self) -> Int[np.ndarray, " s"]:
        """The selected rows of smallest key."""
        return self.rows.first(self.indices, SAMPLE_ROWS)

    @cached_property
    def judged(self) -> Int[np.ndarray, " s"]:
        """The selected rows that a classifier is to tell from others."""
        return self.rows.first(self.indices, DOMAIN_ROWS)

    @cached_property
    def rest(self) -> Int[np.ndarray, " r"]:
        """Rows that were not selected, of smallest key: what `judged` are told from."""
        left = np.ones(len(self.rows.vectors), dtype=bool)
        left[self.indices] = False
        return self.rows.first(np.flatnonzero(left), DOMAIN_ROWS)

    @cached_property
    def told_from_rest(self) -> DomainScores:
        """Scores of `rest` and `judged`."""
        return domain_scores(self.rows.vectors[self.rest], self.rows.vectors[self.judged])

    @cached_property
    def told_from_target(self) -> DomainScores:
        """Scores of the target's rows and `judged`."""
        assert self.rows.target is not None
        return domain_scores(self.rows.target.vectors[:DOMAIN_ROWS], self.rows.vectors[self.judged])

    def view(self, without: int | None = None) -> "SubsetView":
        """Pool and subset, or both without the rows of one block; a target stays whole."""
        return SubsetView(self, without)

    @property
    def removable(self) -> list[int]:
        """Blocks that hold a selected row and are not the whole subset."""
        sizes = np.bincount(self.rows.block[self.indices], minlength=BLOCKS)
        return [int(block) for block in np.flatnonzero((sizes > 0) & (sizes < len(self.indices)))]


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


def describe(rows: Rows, indices: Int[np.ndarray, " k"]) -> SubsetParts:
    """Gather the statistics of the subset at `indices` (distinct).

    O(n k d) time, of large pools O(MOST_PAIRS d); O(n) memory. Raises `ContractError` for a subset
    without rows: no metric has a value for it.
    """
    if not len(indices):
        raise ContractError(
            "a subset without rows cannot be measured",
            expected="at least one row",
            remedy="raise choose.budget: it buys not even one row, for the selection or a control",
        )
    chosen = np.sort(np.asarray(indices, dtype=np.int64))
    looked = np.sort(rows.first(rows.all, rows_looked_at(len(rows.vectors), len(chosen))))
    asked = np.sort(rows.first(chosen, rows_looked_at(len(chosen), len(chosen))))
    searched = np.union1d(looked, asked)
    closest = closest_per_block(rows.vectors, searched, chosen, rows.block, BLOCKS)
    return SubsetParts(rows, chosen, looked, asked, searched, closest)


def _grams(rows: Rows, chosen: np.ndarray) -> np.ndarray:
    width = rows.vectors.shape[1]
    grams = np.zeros((BLOCKS, width, width))
    with one_thread():  # one order of summation, whatever the machine
        for block in range(BLOCKS):
            members = chosen[rows.block[chosen] == block]
            for start in range(0, len(members), GRAM_ROWS):
                part = rows.vectors[members[start : start + GRAM_ROWS]].astype(np.float64)
                grams[block] += part.T @ part
    return grams
