"""Rows of fewer numbers whose products are never smaller: they propose near pairs for less."""

from typing import Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.tiles import map_row_blocks

KEPT: Final = 152  # numbers of a row that stay as they are
PARTS: Final = 8  # of the others, of each its length
NARROW: Final = 192  # rows this wide or less stay as they are
BLOCK: Final = 8192
ABOVE: Final = np.float32(1 + 1e-5)  # more than rounding takes from a length


def fold(
    vectors: Float[np.ndarray, "n d"], order: Int[np.ndarray, " n"]
) -> Float[np.ndarray, "n e"]:
    """The rows in this order, all but their first numbers replaced by the lengths of their parts.

    x.y = sum over parts of x_p.y_p <= x_0.y_0 + sum |x_p| |y_p| (Cauchy and Schwarz), the product
    of the folded rows. For near pairs the two hardly differ, so that few others are proposed.
    Wide rows become 160 numbers, 640 bytes each.
    """
    n, d = vectors.shape
    if d <= NARROW:
        return np.asarray(vectors[order])
    folded = np.empty((n, KEPT + PARTS), dtype=np.float32)
    starts = np.arange(PARTS) * (d - KEPT) // PARTS

    def work(block: slice) -> None:
        rows = np.asarray(vectors[order[block]])
        folded[block, :KEPT] = rows[:, :KEPT]
        squares = np.add.reduceat(rows[:, KEPT:] ** 2, starts, axis=1)
        folded[block, KEPT:] = np.sqrt(squares) * ABOVE

    for _ in map_row_blocks(n, work, BLOCK):
        pass
    return folded
