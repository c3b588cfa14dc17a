"""How far to go by buckets, and which pairs to look at after: told by a sample of rows."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.buckets import Buckets
from tasks.engine.coverage import Coverage, most_edges
from tasks.engine.edges import neighbouring
from tasks.engine.tiles import TILE_ROWS, column_tiles, map_row_blocks

# Of the budget, spent before pairs are looked at.
SHARES: Final = (0.05, 0.1, 0.15, 0.25, 0.4, 0.55, 0.7, 0.85)
WORTH_IT: Final = 0.005  # share of what can be gained that twice the probes must add
MOST_PAIRS: Final = 8e9  # pairs of rows looked at: all of them up to 126,000 rows
BLOCK: Final = 8192


@dataclass(frozen=True)
class Outlook:
    """`share` of the budget to spend first (1: all of it, edges would be too many).

    Then pairs in the `probes` nearest buckets hold about `captured` of what can be gained.
    """

    share: float
    probes: int
    captured: float
    sampled_rows: int


def look_ahead(
    coverage: Coverage, order: Int[np.ndarray, " k"], spent: Float[np.ndarray, " k"],
    budget: float, buckets: Buckets,
) -> Outlook:  # fmt: skip
    """Survey evenly spaced rows against all rows, at the coverage that parts of `order` give.

    `spent` is the running cost along `order`. O(512 n d) time.
    """
    n = len(coverage.vectors)
    sample = np.arange(0, n, max(1, -(-n // TILE_ROWS)))
    cuts = np.searchsorted(spent, np.array(SHARES) * budget, side="right")
    levels = _levels(coverage, sample, order, cuts)
    edges, excess = _survey(coverage, sample, levels, buckets)
    fits = np.flatnonzero(edges * (n / len(sample)) <= most_edges(n))
    if not len(fits):
        return Outlook(1.0, 0, 0.0, len(sample))
    level = int(fits[0])
    held = np.cumsum(excess[level]) / max(float(excess[level].sum()), 1e-300)
    probes = _probes(held, buckets)
    captured = float(held[probes - 1]) if excess[level].any() else 1.0
    return Outlook(SHARES[level], probes, captured, len(sample))


def _probes(held: Float[np.ndarray, " c"], buckets: Buckets) -> int:
    """Double the probes while it adds enough and the pairs are not too many."""
    sizes, probes = np.diff(buckets.starts), 1
    while probes < len(buckets):
        more = min(2 * probes, len(buckets))
        near = neighbouring(buckets, more)
        pairs = sum(int(sizes[one]) * int(sizes[near[one]].sum()) for one in range(len(near))) / 2
        if held[more - 1] - held[probes - 1] < WORTH_IT or pairs > MOST_PAIRS:
            break
        probes = more
    return probes


def _levels(
    coverage: Coverage, sample: np.ndarray, order: np.ndarray, cuts: np.ndarray
) -> Float[np.ndarray, "l b"]:
    """Coverage of the sampled rows after each part of the order."""
    now = coverage.covered[sample].copy()
    levels, low = [], 0
    for high in cuts:
        for _, tile in column_tiles(coverage.vectors[sample], coverage.vectors[order[low:high]]):
            np.maximum(now, coverage.similarity.of(tile).max(axis=1), out=now)
        levels.append(now.copy())
        low = high
    return np.array(levels)


def _survey(
    coverage: Coverage, sample: np.ndarray, levels: np.ndarray, buckets: Buckets
) -> tuple[np.ndarray, np.ndarray]:
    from tasks.engine.kernels.outlook import survey

    near = buckets.nearest(len(buckets))[buckets.label[sample]]
    rank = np.empty(near.shape, dtype=np.int32)
    np.put_along_axis(rank, near, np.arange(near.shape[1], dtype=np.int32)[None, :], axis=1)
    labels, n = buckets.label, len(coverage.vectors)

    def look(rows: slice) -> tuple[np.ndarray, np.ndarray]:
        edges, excess = np.zeros(len(levels)), np.zeros((len(levels), len(buckets)))
        some = coverage.vectors[rows]
        for part, tile in column_tiles(coverage.vectors[sample], some):
            near = labels[rows.start + part.start : rows.start + part.stop]
            survey(coverage.similarity.of(tile), near, rank, levels, edges, excess)
        return edges, excess

    parts = list(map_row_blocks(n, look, BLOCK))
    edges, excess = (np.sum(column, axis=0) for column in zip(*parts, strict=True))
    return edges, excess
