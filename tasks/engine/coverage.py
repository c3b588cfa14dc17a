"""The objective of facility location: quality, and how well chosen rows cover all rows."""

from typing import ClassVar, Final

import numpy as np
from jaxtyping import Bool, Float, Int

from tasks.engine.columns import SimilarityColumns
from tasks.engine.edges import NEVER, Edges
from tasks.engine.similarity import Similarity
from tasks.engine.symmetric import exact_edges, total_excess
from tasks.engine.tiles import column_tiles

LEAST_EDGES: Final = 2**24  # 8 bytes each, up to 20 while they are sorted
EDGES_PER_ROW: Final = 96
EXACT_EDGES: Final = 2**27  # of exact search: 1 GB, 2.7 GB while they are sorted
LOOKS: Final = 16  # how often to see whether few edges are left, per n columns
SAMPLED: Final = 256


def most_edges(n: int) -> int:
    """Edges that may be kept of near rows: 0.35 GB at most up to 175,000 rows, then 2 kB a row."""
    return max(LEAST_EDGES, EDGES_PER_ROW * n)


class Coverage:
    """F(S) = scale * sum over `rows` i of max_{j in S} s_ij + sum_{j in S} worth_j.

    s is a `Similarity` of two rows; a row that is not to be covered never adds. Gains come from
    columns of similarities computed in batches or, once few pairs can still add, from `edges`.
    Memory: O(n), a cache of columns (512 MB) or the edges.
    """

    submodular: ClassVar[bool] = True

    def __init__(
        self,
        vectors: Float[np.ndarray, "n d"],
        similarity: Similarity,
        worth: Float[np.ndarray, " n"],
        weight: float,
        to_cover: Bool[np.ndarray, " n"] | None = None,
    ):
        self.vectors, self.similarity, self.worth = vectors, similarity, worth
        self.columns = SimilarityColumns(vectors, similarity)
        self.covered = np.zeros(len(vectors), dtype=np.float32)
        if to_cover is not None:
            self.covered[~to_cover] = NEVER
        self.nearest: Int[np.ndarray, " n"] = np.full(len(vectors), -1, dtype=np.int32)
        own = own_similarity(vectors, similarity)
        self.total = float(own[self.covered < NEVER].sum(dtype=np.float64))
        self.scale = weight / self.total if self.total else 0.0
        self._computed = 0
        self._next_look = len(vectors) // LOOKS
        self.edges: Edges | None = None
        self.floor = self.covered  # coverage below which edges are not known

    @property
    def value(self) -> float:
        """Coverage so far, as a share of the whole pool's (1 at best)."""
        wanted = self.covered[self.covered < NEVER]
        return float(wanted.sum(dtype=np.float64)) / self.total if self.total else 0.0

    @property
    def crowded(self) -> bool:
        """Whether the cache cannot hold all columns, so that some are computed more than once."""
        return self.columns.capacity < len(self.worth)

    def first_bounds(self) -> Float[np.ndarray, " n"]:
        """The gain of every row now, up to rounding."""
        return self.gains()

    def renewed(self) -> Float[np.ndarray, " n"]:
        """The same after picks; turns to edges if few enough are left."""
        if self.scale and self.edges is None:
            self._look()
        return self.gains()

    def ready(self, index: int) -> bool:
        """Whether `gain` needs no product."""
        return not self.scale or self.edges is not None or index in self.columns

    def prepare(self, indices: list[int]) -> None:
        """Compute several columns in one product, or at some point all edges that still matter."""
        self._computed += len(indices)
        if self.crowded and self._computed > self._next_look:
            self._next_look += max(1, len(self.worth) // LOOKS)
            self._look()
        if self.edges is None:
            self.columns.prepare(indices)

    def _look(self) -> None:
        """Turn to edges if a sample of rows says that they are few enough."""
        if self.edges_above(self.covered) <= EXACT_EDGES:
            self.columns = SimilarityColumns(self.vectors, self.similarity)  # frees its columns
            self.use(exact_edges(self.vectors, self.similarity, self.covered))

    def edges_above(self, covered: Float[np.ndarray, " n"]) -> float:
        """About how many pairs are more similar than this, by a sample of rows."""
        n = len(self.worth)
        sample = np.arange(0, n, max(1, n // SAMPLED))
        seen = 0
        for _, tile in column_tiles(self.vectors[sample], self.vectors):
            seen += int((self.similarity.of(tile) > covered[sample, None]).sum())
        return seen * (n / len(sample))

    def settle(self) -> None:
        """Recompute coverage by the exact similarity to each row's nearest chosen row."""
        from tasks.engine.kernels.edges import pairwise

        every = np.arange(len(self.worth), dtype=np.int32)
        exact = pairwise(self.vectors, every, self.nearest, np.float32(self.similarity.width))
        np.copyto(self.covered, exact, where=self.nearest >= 0)

    def use(self, edges: Edges) -> None:
        """From now on take gains from these edges."""
        self.edges, self.floor = edges, self.covered.copy()
        self.columns = SimilarityColumns(self.vectors, self.similarity)

    def gain(self, index: int) -> float:
        """Worth plus what the row would add to the coverage of all rows."""
        from tasks.engine.kernels.coverage import excess
        from tasks.engine.kernels.lazy import edge_gain

        if not self.scale:
            return float(self.worth[index])
        if self.edges is None:
            added = excess(self.columns.column(index), self.covered)
            return float(self.worth[index] + self.scale * added)
        edges = self.edges.arrays
        return float(edge_gain(edges, self.covered, self.worth, self.scale, index))

    def gains(self) -> Float[np.ndarray, " n"]:
        """Gains of all rows: from the edges if they are known, else by a pass over all pairs."""
        from tasks.engine.kernels.lazy import edge_gains

        if not self.scale:
            return self.worth.copy()
        if self.edges is None:
            reached = total_excess(self.vectors, self.similarity, self.covered)
            return np.asarray(self.worth + self.scale * reached)
        edges, every = self.edges.arrays, np.arange(len(self.worth))
        return np.asarray(edge_gains(edges, self.covered, self.worth, self.scale, every))

    def accept(self, index: int) -> None:
        """Raise the coverage of every row to its similarity with this one."""
        from tasks.engine.kernels.coverage import raise_coverage

        if not self.scale:
            return
        if self.edges is None:
            raise_coverage(self.columns.column(index), self.covered, self.nearest, index)
            self.columns.forget(index)
            return
        part = slice(*self.edges.indptr[index : index + 2])
        rows, similarity = self.edges.rows[part], self.edges.similarity[part]
        better = similarity > self.covered[rows]
        self.covered[rows[better]], self.nearest[rows[better]] = similarity[better], index


def own_similarity(
    vectors: Float[np.ndarray, "n d"], similarity: Similarity
) -> Float[np.ndarray, " n"]:
    """Similarity of each row to itself: 1 up to rounding, and not for a row of zeros."""
    return similarity.of(np.einsum("ij,ij->i", vectors, vectors))
