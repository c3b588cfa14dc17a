"""Lists of neighbours: each edge offered to its other end, and equal rows given their lists."""

from typing import Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.distinct import Distinct
from tasks.engine.tiles import map_row_blocks

BLOCK: Final = 8192


def offer_to_others(index: Int[np.ndarray, "n k"], cosine: Float[np.ndarray, "n k"]) -> None:
    """Let i into the list of its neighbour j where it ranks among the best there; in place.

    Cosines are symmetric, so this costs no product. 8 bytes per edge that is offered.
    """
    from tasks.engine.kernels.mutual import count_offers, fill_offers, merge_offers

    starts = np.zeros(len(index) + 1, dtype=np.int64)
    count_offers(index, cosine, starts)
    offers = np.empty(starts[-1], dtype=np.int64)
    fill_offers(index, cosine, starts, offers)

    def merge(rows: slice) -> None:
        merge_offers(index, cosine, starts, offers, rows.start, rows.stop)

    for _ in map_row_blocks(len(index), merge, BLOCK):
        pass


def for_all_rows(
    vectors: Float[np.ndarray, "n d"],
    groups: Distinct,
    near: Int[np.ndarray, "u k"],
    value: Float[np.ndarray, "u k"],
) -> tuple[Int[np.ndarray, "n k"], Float[np.ndarray, "n k"]]:
    """Neighbours among all rows, from those of each distinct row among the distinct ones."""
    from tasks.engine.kernels.rows import neighbours_of_equals

    n = len(groups.group)
    if len(groups) == n:
        return near, value
    members = np.argsort(groups.group, kind="stable").astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(np.bincount(groups.group, minlength=len(groups)))])
    index = np.full((n, near.shape[1]), -1, dtype=np.int32)
    cosine = np.full((n, near.shape[1]), -np.inf, dtype=np.float32)

    def spread(rows: slice) -> None:
        found = (index[rows], cosine[rows])
        neighbours_of_equals(
            vectors, groups.group, starts, members, near, value, rows.start, *found
        )

    for _ in map_row_blocks(n, spread, BLOCK):
        pass
    return index, cosine
