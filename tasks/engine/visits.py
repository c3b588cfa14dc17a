"""Which pairs of rows to compare so that near rows meet: by the few centres nearest to each row.

A row lives at its nearest centre and visits the next ones that are hardly farther. It meets those
that live at any of them: rows of a large cosine have nearly the same cosines with all centres.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int

from tasks.engine.edges import TILE_COLUMNS, TILE_ROWS, Meeting, cut
from tasks.engine.tiles import map_row_blocks

REACH: Final = 0.125
BLOCK: Final = 2048


def visiting(
    near: Int[np.ndarray, "m c"],
    apart: Bool[np.ndarray, " centres"],
    asks: Bool[np.ndarray, " m"] | None = None,
) -> list[Meeting]:
    """Positions that meet; `near` holds the centres of each (-1: none), in order of the first.

    Two that live together meet only where they live `apart`, all others having met before. With
    `asks` only pairs of which at least one asks, those that live together too. A pair that meets at
    two centres is listed twice.
    """
    centres = len(apart)
    home = np.searchsorted(near[:, 0], np.arange(centres + 1)).tolist()
    guests, starts = _guests(near, centres)
    found: list[Meeting] = []
    for centre in range(centres):
        start, stop = home[centre : centre + 2]
        visitors = guests[starts[centre] : starts[centre + 1]]
        if asks is None:
            for block in cut(start, stop, TILE_ROWS):
                later = cut(block.start, stop, TILE_COLUMNS) if apart[centre] else ()
                found.append(Meeting(block, (*later, *_chunks(visitors, TILE_COLUMNS))))
        else:
            here = np.arange(start, stop)
            found += _met(here[asks[here]], np.concatenate([here, visitors]))
            found += _met(visitors[asks[visitors]], here)
    return [meeting for meeting in found if meeting.columns]


def visited(
    vectors: Float[np.ndarray, "n d"],
    centres: Float[np.ndarray, "c d"],
    near: Int[np.ndarray, "n v"],
    cosine: float,
) -> Int[np.ndarray, "n v"]:
    """The nearest centres again, with -1 for those too far for a row of this cosine to live there.

    If y lives at B and |x - y| <= r, then x is at most r |A - B| nearer to its own centre A than to
    B, and that only if x - y points from B to A. `REACH` r is allowed: of 2,397 pairs of cosine
    0.95 among 52,000 instructions all are within it, and 99 % within five eighths of it.
    """
    most = REACH * float(np.sqrt(2 * max(0.0, 1 - cosine)))
    kept = near.astype(np.int32)

    def look(rows: slice) -> None:
        found = np.einsum("nd,nvd->nv", vectors[rows], centres[near[rows]]).round(6)
        kept[rows][found < found[:, :1] - most] = -1

    for _ in map_row_blocks(len(near), look, BLOCK):
        pass
    return kept


def _met(rows: np.ndarray, others: np.ndarray) -> list[Meeting]:
    columns = tuple(_chunks(others, TILE_COLUMNS))
    return [Meeting(block, columns) for block in _chunks(rows, TILE_ROWS)]


def _guests(near: np.ndarray, centres: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions by the centres that they visit, in order: (positions, starts)."""
    at = near[:, 1:].ravel()
    order = np.argsort(at, kind="stable")  # those that are -1 come first
    starts = np.searchsorted(at[order], np.arange(centres + 1))
    return order // max(1, near.shape[1] - 1), starts


def _chunks(positions: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (positions[low : low + size] for low in range(0, len(positions), size))
