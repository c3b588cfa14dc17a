"""The pool that subsets are measured on, and what all its subsets share."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.distances import RandomFeatures
from tasks.metrics.closest import closest_per_block, rows_looked_at

BLOCKS: Final = 20
SAMPLE_ROWS: Final = 2_000
RADIUS_DECIMALS: Final = 6


@dataclass(frozen=True)
class Target:
    """Rows that the training data should be like: vectors and the pool's nearest cluster."""

    vectors: Float[np.ndarray, "t d"]
    cluster: Int[np.ndarray, " t"]


@dataclass(frozen=True)
class Rows:
    """The pool as arrays, rows in one fixed order; `block` in [0, BLOCKS), `group` from 0.

    `key`, a hash of the id, orders the rows for samples (without it: their place); `cluster`, from
    0, is None where all rows lie in one. A subset's samples are its rows of smallest key.
    """

    vectors: Float[np.ndarray, "n d"]
    quality: Float[np.ndarray, " n"]
    cost: Int[np.ndarray, " n"]
    group: Int[np.ndarray, " n"]
    groups: int
    block: Int[np.ndarray, " n"]
    key: np.ndarray | None = None
    cluster: Int[np.ndarray, " n"] | None = None
    target: Target | None = None
    known_radius: float | None = None

    @cached_property
    def clusters(self) -> Int[np.ndarray, " n"]:
        """Cluster of each row."""
        missing = np.zeros(len(self.vectors), dtype=np.int64)
        return missing if self.cluster is None else self.cluster

    @cached_property
    def cluster_count(self) -> int:
        """Number of clusters, those of the target's rows among them."""
        of_target = [] if self.target is None else [self.target.cluster.max(initial=-1)]
        return int(max([self.clusters.max(initial=0), *of_target])) + 1

    @cached_property
    def turn(self) -> Int[np.ndarray, " n"]:
        """Place of each row in the order of `key`."""
        if self.key is None:
            return np.arange(len(self.vectors))
        turn = np.empty(len(self.key), dtype=np.int64)
        turn[np.argsort(self.key, kind="stable")] = np.arange(len(self.key))
        return turn

    def first(self, rows: Int[np.ndarray, " k"], count: int) -> Int[np.ndarray, " s"]:
        """The `count` rows of smallest key, or all if there are no more; in order of key."""
        return rows[np.argsort(self.turn[rows], kind="stable")[:count]]

    @cached_property
    def all(self) -> Int[np.ndarray, " n"]:
        """Every row."""
        return np.arange(len(self.vectors))

    @cached_property
    def sample(self) -> Int[np.ndarray, " s"]:
        """The pool's sample, at most `SAMPLE_ROWS`."""
        return self.first(self.all, SAMPLE_ROWS)

    @cached_property
    def features(self) -> RandomFeatures:
        """The random features in which means are compared."""
        return RandomFeatures(self.vectors.shape[1])

    @cached_property
    def feature_sums(self) -> Float[np.ndarray, "b f"]:
        """Sum of the pool's features per block."""
        return self.feature_sums_of(self.all)

    @cached_property
    def target_features(self) -> Float[np.ndarray, " f"]:
        """Mean features of the target."""
        assert self.target is not None
        return self.features.mean(self.target.vectors)

    def feature_sums_of(self, rows: Int[np.ndarray, " k"]) -> Float[np.ndarray, "b f"]:
        """Sum of the features of some rows per block."""
        parts = [rows[self.block[rows] == block] for block in range(BLOCKS)]
        return self.features.sums(self.vectors, parts)

    @cached_property
    def radius(self) -> float:
        """Cosine from which a row counts as covered: the median of the pool's rows to their
        nearest other row, over a sample where the pool is large; `known_radius` where given.
        """
        if self.known_radius is not None:
            return self.known_radius
        if len(self.vectors) < 2:
            return 1.0
        wanted = self.first(self.sample, rows_looked_at(len(self.sample), len(self.vectors)))
        closest = closest_per_block(self.vectors, wanted, self.all, self.block, BLOCKS)
        return round(float(np.median(closest.max(axis=1))), RADIUS_DECIMALS)


def keys_of(ids: Sequence[str]) -> np.ndarray:
    """Hash each row id to 64 bits: stable when other rows come or go."""
    digests = (hashlib.blake2b(row.encode(), digest_size=8).digest() for row in ids)
    return np.fromiter((int.from_bytes(digest) for digest in digests), np.uint64)


def blocks_of(ids: Sequence[str]) -> Int[np.ndarray, " n"]:
    """Lay each row id into a block in [0, BLOCKS) by its hash."""
    return (keys_of(ids) % np.uint64(BLOCKS)).astype(np.int64)
