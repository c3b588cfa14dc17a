"""Where a row lies among the others: nearest row, local density and cluster."""

import math
import warnings
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from tasks.engine.neighbours import nearest_in
from tasks.scorers.contract import Column

FIT_ROWS: Final = 20_000  # rows k-means looks at; all rows are assigned afterwards
MOST_CLUSTERS: Final = 1_000  # when the number is left to us
ITERATIONS: Final = 100
COSINE: Final = "cosine"
COLUMNS: Final = {  # neither end is better by itself: rare rows may be precious or garbage
    "nearest_similarity": Column("neither", -1.0, 1.0, COSINE, "", "to the closest other row"),
    "density": Column("neither", -1.0, 1.0, COSINE, "", "mean over the nearest rows"),
    "cluster": Column("neither", 0, math.inf, "number", "Lloyd 1982", "k-means on unit vectors"),
}


@dataclass(frozen=True)
class Clusters:
    """A cluster for each row, numbered from 0 by its first row; `asked` is the k of k-means."""

    labels: Int[np.ndarray, " n"]
    asked: int
    fitted_rows: int

    @property
    def count(self) -> int:
        """Clusters that hold at least one row: at most `asked`, fewer where vectors repeat."""
        return int(self.labels.max()) + 1 if len(self.labels) else 0


def cluster_rows(vectors: Float[np.ndarray, "n d"], clusters: int, seed: int) -> Clusters:
    """k-means (Lloyd 1982, k-means++ start) on a fixed sample; each row joins its nearest centre.

    `clusters` 0 means round(sqrt(n)), at most 1,000; never more than the rows fitted. Nearest is by
    cosine to the centre; ties go to the centre found first. O(fitted k d) per iteration.
    """
    rows = len(vectors)
    if not rows:
        return Clusters(np.empty(0, dtype=np.int64), 0, 0)
    stream = np.random.SeedSequence([seed, zlib.crc32(b"score.clusters")])
    chosen = np.sort(np.random.default_rng(stream).permutation(rows)[:FIT_ROWS])
    asked = min(clusters or min(round(math.sqrt(rows)), MOST_CLUSTERS), len(chosen))
    centres = _centres(vectors[chosen], asked, int(stream.generate_state(1)[0]))
    return Clusters(_by_first_row(nearest_in(vectors, centres)[0]), asked, len(chosen))


def _centres(sample: np.ndarray, clusters: int, seed: int) -> Float[np.ndarray, "k d"]:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    # One thread: the sums over rows, and so the last bits of a centre, depend on their number.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than clusters
        means = KMeans(clusters, n_init=1, max_iter=ITERATIONS, random_state=seed).fit(sample)
    centres: np.ndarray = means.cluster_centers_.astype(np.float32)
    length = np.linalg.norm(centres, axis=1, keepdims=True)
    unit = np.zeros_like(centres)
    np.divide(centres, length, out=unit, where=length > 1e-6)
    return unit


def _by_first_row(labels: np.ndarray) -> Int[np.ndarray, " n"]:
    _, first, place = np.unique(labels, return_index=True, return_inverse=True)
    numbers = np.empty(len(first), dtype=np.int64)
    numbers[np.argsort(first)] = np.arange(len(first))
    return numbers[place]
