"""Selector `facility_location`: cover the pool and prefer good rows."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from scipy import sparse

from schemas.errors import SettingsError
from schemas.results import Selection
from tasks.engine.budgeted import search
from tasks.engine.columns import SimilarityColumns
from tasks.engine.constraints import Limits
from tasks.engine.edges import uncovered_edges
from tasks.engine.evidence import selection_of
from tasks.engine.pool import Pool
from tasks.engine.tiles import column_tiles, map_row_blocks
from tasks.engine.watch import Watch


@dataclass(frozen=True)
class FacilityLocation:
    """Maximise (1 - w) sum_{j in S} q_j / Q + w sum_i max_{j in S} max(0, x_i . x_j) / C.

    w is `diversity_weight`; Q is the sum of the best qualities the budget could buy and C the value
    of the whole pool (sum of x_i . x_i), so that both terms reach 1 at best. Lazy greedy gives the
    picks of plain greedy, at least 1 - 1/e of the optimum for a budget in rows without floors and
    caps (Nemhauser, Wolsey, Fisher 1978), half of it with caps (a partition matroid). In tokens the
    better of two orders, gain per token and gain, at least (1 - 1/e) / 2 (Leskovec et al., 2007).
    Time O(n^2 d) for the first bounds, memory O(n) and a cache of columns.
    """

    version: ClassVar[str] = "1.0.0"
    draw: ClassVar[str] = "greedy"
    diversity_weight: float = 0.5  # w in [0, 1]

    def __post_init__(self) -> None:
        if not 0 <= self.diversity_weight <= 1:
            raise SettingsError(f"diversity_weight must lie in [0, 1]; got {self.diversity_weight}")

    def __call__(
        self, pool: Pool, limits: Limits, seed: int, watch: Watch | None = None
    ) -> Selection:
        """Choose rows of `pool` in order of gain; a tie goes to the lower id. `seed` is unused."""
        found = search(
            lambda: CoverageAndQuality(pool, limits, self.diversity_weight), pool, limits, watch
        )
        objective: CoverageAndQuality = found.objective
        return selection_of(
            self,
            found.admission,
            np.array(found.gains),
            final_gain=found.bounds,
            is_bound=np.ones(len(pool), dtype=bool),
            quality_per_gain=objective.quality_scale,
            shortfall=found.shortfall,
            totals={
                **found.totals,
                "objective": round(float(sum(found.gains)), 9),
                "quality_scale": objective.quality_scale,
                "coverage_scale": objective.coverage_scale,
            },
        )


class CoverageAndQuality:
    """The objective above, with the current coverage of every row."""

    def __init__(self, pool: Pool, limits: Limits, weight: float):
        n = len(pool)
        self.vectors, self.quality, self.weight = pool.vectors, pool.quality, weight
        self.columns = SimilarityColumns(pool.vectors)
        self.covered = np.zeros(n, dtype=np.float32)
        self.columns_computed = 0
        self.next_look = n // 16  # columns after which to see whether few edges are left
        self.edges: sparse.csc_array | None = None
        own = np.einsum("ij,ij->i", pool.vectors, pool.vectors, dtype=np.float64)
        coverage_total = float(own.sum())
        quality_total = best_affordable_quality(pool, limits)
        self.coverage_scale = weight / coverage_total if coverage_total else 0.0
        self.quality_scale = (1 - weight) / quality_total if quality_total else 0.0

    def first_bounds(self) -> Float[np.ndarray, " n"]:
        """Gains over the empty set, one blocked pass over all pairs (none if w is 0)."""
        value = self.quality_scale * self.quality
        if not self.weight:
            return value

        def reach(rows: slice) -> Float[np.ndarray, " b"]:
            total = np.zeros(rows.stop - rows.start)
            for _, tile in column_tiles(self.vectors[rows], self.vectors):
                np.maximum(tile, 0.0, out=tile)
                total += tile.sum(axis=1, dtype=np.float64)
            return total

        reached = np.concatenate([np.zeros(0), *map_row_blocks(len(self.quality), reach)])
        return value + self.coverage_scale * reached

    def ready(self, index: int) -> bool:
        """Whether the row's column is kept."""
        return not self.weight or self.edges is not None or index in self.columns

    def prepare(self, indices: list[int]) -> None:
        """Compute several columns in one product, or at some point all edges that still matter."""
        self.columns_computed += len(indices)
        if self.columns_computed > self.next_look:
            self.next_look += max(1, len(self.quality) // 16)
            self.edges = uncovered_edges(self.vectors, self.covered)
        if self.edges is None:
            self.columns.prepare(indices)

    def _reach(self, index: int) -> tuple[np.ndarray | slice, Float[np.ndarray, " m"]]:
        """Rows that a row may still add to, and their similarities with it."""
        if self.edges is None:
            return slice(None), self.columns.column(index)
        part = slice(*self.edges.indptr[index : index + 2])
        return self.edges.indices[part], self.edges.data[part]

    def gain(self, index: int) -> float:
        """Quality plus what the row would add to the coverage of all rows."""
        value = self.quality_scale * float(self.quality[index])
        if not self.weight:
            return value
        rows, similarity = self._reach(index)
        added = np.maximum(similarity - self.covered[rows], 0.0)
        return value + self.coverage_scale * float(added.sum(dtype=np.float64))

    def accept(self, index: int) -> None:
        """Raise the coverage of every row to its similarity with this one."""
        if self.weight:
            rows, similarity = self._reach(index)
            self.covered[rows] = np.maximum(self.covered[rows], similarity)
            self.columns.forget(index)


def best_affordable_quality(pool: Pool, limits: Limits) -> float:
    """Sum of the best qualities the budget could buy (in tokens: best per token, fractional)."""
    cost = pool.cost.astype(np.float64) if limits.in_tokens else np.ones(len(pool))
    order = np.argsort(-pool.quality / cost, kind="stable")
    spent = np.minimum(np.cumsum(cost[order]), limits.budget)
    bought = np.diff(spent, prepend=0.0) / cost[order]
    return float((bought * pool.quality[order]).sum())
