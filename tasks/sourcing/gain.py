"""Coverage gain: how much closer the target gets to its nearest row when rows are added."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import stdtr

from tasks.engine.tiles import column_tiles, map_row_blocks
from tasks.metrics.intervals import jackknife
from tasks.metrics.rows import BLOCKS


@dataclass(frozen=True)
class Gain:
    """Mean rise of a target row's largest cosine, when `rows` rows are added to a pool.

    `source` by rows of the source, `random` by as many random rows of the pool that had been taken
    out; `difference` source - random with its 95 % interval and two-sided p (jackknife over blocks
    of rows of all three samples). `ratio` source / random: what a row of the source is worth, in
    rows of the pool; None where random rows add nothing.
    """

    rows: int
    source: float
    random: float
    difference: float
    low: float
    high: float
    p: float

    @property
    def ratio(self) -> float | None:
        """What a row of the source is worth, in rows of the pool."""
        return self.source / self.random if self.random > 0 else None


@dataclass(frozen=True)
class Added:
    """Rows that could be added: vectors, block of each, and whether it would add anything at all.

    A copy of a row that the pool has, or that is itself the target, counts as added for nothing.
    """

    vectors: Float[np.ndarray, "k d"]
    block: Int[np.ndarray, " k"]
    counts: Bool[np.ndarray, " k"]

    def head(self, rows: int) -> "Added":
        """The first `rows` of them."""
        return Added(self.vectors[:rows], self.block[:rows], self.counts[:rows])


def coverage_gain(
    target: Float[np.ndarray, "t d"],
    block: Int[np.ndarray, " t"],
    covered: Float[np.ndarray, " t"],
    source: Added,
    random: Added,
) -> Gain | None:
    """Compare adding rows of a source with adding as many random rows, to a pool that lacks both.

    `covered` is each target row's cosine to the closest row of that pool. None without rows, or
    where all target rows are of one block.
    """
    rows, used = min(len(source.vectors), len(random.vectors)), np.unique(block)
    if not rows or len(used) < 2:
        return None
    tops = [_closest(target, added.head(rows)) for added in (source, random)]

    def gained(without: int | None) -> tuple[float, float]:
        here = np.ones(len(target), dtype=bool) if without is None else block != without
        columns = np.arange(BLOCKS) if without is None else np.delete(np.arange(BLOCKS), without)
        first, second = (
            float(np.maximum(top[here][:, columns].max(axis=1) - covered[here], 0.0).mean())
            for top in tops
        )
        return first, second

    ours, theirs = gained(None)
    replicates = np.array([np.subtract(*gained(int(each))) for each in used])
    low, high = jackknife(ours - theirs, replicates) or (0.0, 0.0)  # there are two blocks or more
    p = _two_sided(ours - theirs, replicates)
    return Gain(rows, ours, theirs, ours - theirs, low, high, p)


def _closest(target: np.ndarray, added: Added) -> Float[np.ndarray, "t b"]:
    """Cosine of each target row to the closest added row of each block; -1 where there is none."""

    def search(rows: slice) -> np.ndarray:
        best = np.full((rows.stop - rows.start, BLOCKS), -1.0)
        for columns, tile in column_tiles(target[rows], added.vectors):
            tile[:, ~added.counts[columns]] = -1.0
            np.maximum.at(best.T, added.block[columns], tile.T.astype(np.float64))
        return best

    return np.concatenate(list(map_row_blocks(len(target), search)))


def _two_sided(value: float, replicates: Float[np.ndarray, " b"]) -> float:
    """P-value of a difference by Student's t on the jackknife's standard error."""
    groups = len(replicates)
    spread = float(np.square(replicates - replicates.mean()).sum())
    error = np.sqrt((groups - 1) / groups * spread)
    if error == 0:
        return float(value == 0)
    return float(2 * stdtr(groups - 1, -abs(value) / error))
