"""Which rows of a sample the pool has already, word for word or nearly."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from jaxtyping import Bool

from tasks.near_duplicates import NgramSets


def near_copies(
    texts: Sequence[str], nearest: Sequence[str], ngram_words: int, threshold: float
) -> Bool[np.ndarray, " n"]:
    """Whether a text and the pool's text closest in meaning share enough word n-grams.

    Jaccard similarity of their sets of n-grams at `threshold` or above, as stage `deduplicate` has
    it; a copy whose twin is not the closest text of the pool is missed.
    """
    ours, theirs = (NgramSets.of(pl.Series(side, dtype=pl.String), ngram_words)
                    for side in (texts, nearest))  # fmt: skip
    return np.array(
        [_jaccard(ours.row(row), theirs.row(row)) >= threshold for row in range(len(ours))],
        dtype=bool,
    )


def _jaccard(a: np.ndarray, b: np.ndarray) -> float:
    shared = len(np.intersect1d(a, b, assume_unique=True))
    union = len(a) + len(b) - shared
    return shared / union if union else 0.0
