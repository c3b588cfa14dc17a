"""Consumer `hashed_ngrams`: a linear classifier on words and word pairs, blind to vectors."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import ClassVar

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from tasks.near_duplicates import NgramSets
from tasks.proving.consumers.kinds import OfLabels
from tasks.proving.sparse_softmax import learn, predict
from tasks.proving.task import Schedule, Task


@dataclass(frozen=True)
class HashedNgrams(OfLabels):
    """Softmax regression by gradient steps, row by row, on hashed distinct words and word pairs.

    It reads texts alone, so that no selector can win because it shares the consumer's vectors. What
    holds it back is the number of passes, the same for every method; nothing is tuned per subset.
    """

    version: ClassVar[str] = "1.1.0"
    buckets: int = 2**18
    rate: float = 8.0  # of the first step; chosen once, on uniform subsets of CLINC150

    def answers(self, task: Task, schedule: Schedule, seed: int) -> Float[np.ndarray, " t"]:
        """1 for each test row whose label is predicted, else 0."""
        assert task.labels is not None
        offsets, features = hashed_rows(task, self.buckets)
        seen = np.unique(np.concatenate(schedule))
        known = np.unique(_taken(offsets, features, seen)[1])
        place = np.full(self.buckets, -1, dtype=np.int64)
        place[known] = np.arange(len(known))
        weights = np.zeros((len(known), task.classes), dtype=np.float32)
        random = np.random.default_rng([seed, 2])
        numbered = place[features]  # of rows never seen some are -1; no pass goes through them
        falling = self.rate * np.linspace(1.0, 0.0, len(schedule) + 1)
        for rows, rates in zip(schedule, pairwise(falling.tolist()), strict=True):
            learn((offsets, numbered), task.labels, random.permutation(rows), weights, rates)
        found = predict(*_taken(offsets, numbered, task.test), weights)
        right: np.ndarray = (found == task.labels[task.test]).astype(np.float64)
        return right


@lru_cache(maxsize=2)
def hashed_rows(
    task: Task, buckets: int
) -> tuple[Int[np.ndarray, " n1"], Int[np.ndarray, " total"]]:
    """Each row's distinct buckets as offsets and one flat array."""
    texts = pl.Series(task.texts, dtype=pl.String)
    sizes = [NgramSets.of(texts, size) for size in (1, 2)]
    owner = [np.repeat(np.arange(len(texts)), np.diff(sets.offsets)) for sets in sizes]
    codes = [(sets.hashes >> np.uint64(20)) % np.uint64(buckets) for sets in sizes]
    keys = np.concatenate(owner).astype(np.int64) * buckets + np.concatenate(codes).astype(np.int64)
    keys = np.unique(keys)
    counts = np.bincount(keys // buckets, minlength=len(texts))
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), keys % buckets


def _taken(
    offsets: np.ndarray, features: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and features of some rows alone."""
    counts = offsets[rows + 1] - offsets[rows]
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    flat = np.repeat(offsets[rows] - ends[:-1], counts) + np.arange(ends[-1])
    return ends, features[flat]
