"""What a metric sees of a subset: sufficient statistics, made in one pass over the vectors.

Every statistic is kept per block of rows, so that the subset without one block (the jackknife's
replicate) costs a subtraction or a maximum, never a second pass.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from schemas.errors import ContractError
from tasks.engine.spectrum import spectrum
from tasks.engine.tiles import column_tiles, map_row_blocks

BLOCKS: Final = 20
GRAM_ROWS: Final = 4096  # rows turned to float64 at a time


@dataclass(frozen=True)
class SubsetView:
    """A subset of k rows of a pool of n, as metrics see it.

    `gram`: sum of x x^T over the subset; `nearest`: cosine of each pool row to the closest selected
    row (1 for a selected row); `neighbour`: cosine of each selected row to the closest other one
    (empty when k = 1); `group_rows`, `pool_group_rows`: rows per group in subset and pool.
    """

    gram: Float[np.ndarray, "d d"]
    nearest: Float[np.ndarray, " n"]
    neighbour: Float[np.ndarray, " k"]
    quality: Float[np.ndarray, " k"]
    cost: Int[np.ndarray, " k"]
    group_rows: Int[np.ndarray, " g"]
    pool_group_rows: Int[np.ndarray, " g"]

    @cached_property
    def spectrum(self) -> Float[np.ndarray, " r"]:
        """Eigenvalues of `gram` as shares: what all Vendi scores of the subset are made from."""
        return spectrum(self.gram)


@dataclass(frozen=True)
class Rows:
    """The pool as arrays, rows in one fixed order; `block` in [0, BLOCKS), `group` from 0."""

    vectors: Float[np.ndarray, "n d"]
    quality: Float[np.ndarray, " n"]
    cost: Int[np.ndarray, " n"]
    group: Int[np.ndarray, " n"]
    groups: int
    block: Int[np.ndarray, " n"]


@dataclass(frozen=True)
class SubsetParts:
    """A subset's statistics per block: `grams` (b, d, d) and `closest` (n, b).

    `closest[i, b]` is the cosine of pool row i to the closest other selected row of block b, -inf
    where there is none. `indices` is sorted, so no metric depends on the order of choice.
    """

    rows: Rows
    indices: Int[np.ndarray, " k"]
    grams: Float[np.ndarray, "b d d"]
    closest: Float[np.ndarray, "n b"]

    def view(self, without: int | None = None) -> SubsetView:
        """Pool and subset, or both without the rows of one block."""
        rows, here = self.rows, np.ones(len(self.rows.block), dtype=bool)
        columns = np.arange(self.closest.shape[1])
        if without is not None:
            here, columns = rows.block != without, columns[columns != without]
        kept = self.indices[here[self.indices]]
        closest = self.closest[:, columns].max(axis=1).astype(np.float64)
        nearest = closest.copy()
        nearest[kept] = 1.0
        return SubsetView(
            gram=self.grams[columns].sum(axis=0),
            nearest=np.clip(nearest[here], -1.0, 1.0),
            neighbour=np.clip(closest[kept], -1.0, 1.0) if len(kept) > 1 else np.empty(0),
            quality=rows.quality[kept],
            cost=rows.cost[kept],
            group_rows=np.bincount(rows.group[kept], minlength=rows.groups),
            pool_group_rows=np.bincount(rows.group[here], minlength=rows.groups),
        )

    @property
    def removable(self) -> list[int]:
        """Blocks that hold a selected row and are not the whole subset."""
        sizes = np.bincount(self.rows.block[self.indices], minlength=self.closest.shape[1])
        return [int(block) for block in np.flatnonzero((sizes > 0) & (sizes < len(self.indices)))]


def blocks_of(ids: Sequence[str]) -> Int[np.ndarray, " n"]:
    """Hash each row id to a block in [0, BLOCKS): stable when other rows come or go."""
    digests = (hashlib.blake2b(row.encode(), digest_size=8).digest() for row in ids)
    return np.fromiter((int.from_bytes(digest) % BLOCKS for digest in digests), np.int64)


def describe(rows: Rows, indices: Int[np.ndarray, " k"]) -> SubsetParts:
    """Gather the statistics of the subset at `indices` (distinct): O(n k d) time, O(n) memory.

    Raises `ContractError` for a subset without rows: no metric has a value for it.
    """
    if not len(indices):
        raise ContractError(
            "a subset without rows cannot be measured",
            expected="at least one row",
            remedy="raise choose.budget: it buys not even one row, for the selection or a control",
        )
    chosen = np.sort(np.asarray(indices, dtype=np.int64))
    return SubsetParts(rows, chosen, _grams(rows, chosen), _closest(rows, chosen))


def _grams(rows: Rows, chosen: np.ndarray) -> np.ndarray:
    width = rows.vectors.shape[1]
    grams = np.zeros((BLOCKS, width, width))
    with threadpool_limits(limits=1):  # one order of summation, whatever the machine
        for block in range(BLOCKS):
            members = chosen[rows.block[chosen] == block]
            for start in range(0, len(members), GRAM_ROWS):
                part = rows.vectors[members[start : start + GRAM_ROWS]].astype(np.float64)
                grams[block] += part.T @ part
    return grams


def _closest(rows: Rows, chosen: np.ndarray) -> np.ndarray:
    ordered = chosen[np.argsort(rows.block[chosen], kind="stable")]  # blocks lie side by side
    block_of = rows.block[ordered]
    place = np.full(len(rows.vectors), -1)
    place[ordered] = np.arange(len(ordered))
    selected = rows.vectors[ordered]

    def search(block: slice) -> np.ndarray:
        here = rows.vectors[block]
        own = place[block]  # where the row itself stands among the columns, -1: not selected
        best = np.full((len(here), BLOCKS), -np.inf, dtype=np.float32)
        for columns, tile in column_tiles(here, selected):
            inside = (own >= columns.start) & (own < columns.stop)
            tile[inside, own[inside] - columns.start] = -np.inf  # a row is not its own neighbour
            names, starts = np.unique(block_of[columns], return_index=True)
            top = np.maximum.reduceat(tile, starts, axis=1)
            best[:, names] = np.maximum(best[:, names], top)
        return best

    return np.concatenate(list(map_row_blocks(len(rows.vectors), search)))
