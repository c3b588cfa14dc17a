"""The spectrum of a Gram matrix, effective numbers of any order, and what one row adds to them.

Gram matrices add: the sum over shards is that of all rows, and a shard can be subtracted again.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from jaxtyping import Float

from tasks.engine.one_thread import one_thread

TINY: Final = 1e-10  # shares below it are rounding errors of a float64 matrix of float32 rows
GRAM_ROWS: Final = 4096  # rows turned to float64 at a time


def gram_of(parts: Iterable[Float[np.ndarray, "n d"]], width: int) -> Float[np.ndarray, "d d"]:
    """Sum x x^T over the rows of all parts, in float64 and in their order. O(n d^2)."""
    gram = np.zeros((width, width))
    with one_thread():  # one order of summation, whatever the machine
        for part in parts:
            for start in range(0, len(part), GRAM_ROWS):
                block = part[start : start + GRAM_ROWS].astype(np.float64)
                gram += block.T @ block
    return gram


def spectrum(gram: Float[np.ndarray, "d d"]) -> Float[np.ndarray, " r"]:
    """Eigenvalues above `TINY` of the trace, as shares that add to 1, largest first."""
    with one_thread():
        shares = np.linalg.eigvalsh(gram)[::-1] / np.trace(gram)
    shares = shares[shares > TINY]
    found: np.ndarray = shares / shares.sum()
    return found


def effective_number(shares: Float[np.ndarray, " r"], order: float) -> float:
    """Hill number (sum p^q)^(1 / (1 - q)) of shares that add to 1 (Hill, 1973).

    Order 0 counts the shares, order 1 is exp of their entropy, infinity 1 / the largest. It falls
    as the order rises: small orders weigh rare shares, large ones common shares.
    """
    if order == np.inf:
        return float(1 / shares.max())
    if order == 1:
        return float(np.exp(-(shares * np.log(shares)).sum()))
    return float((shares**order).sum() ** (1 / (1 - order)))


def without_each(
    vectors: Float[np.ndarray, "n d"], gram: Float[np.ndarray, "d d"]
) -> Float[np.ndarray, " n"]:
    """Vendi score of order 2 of all rows but one, for each row of unit length; exact.

    (n - 1)^2 / (||G||_F^2 - 2 x^T G x + 1) with G the Gram matrix of the n rows. O(d^2) per row;
    NaN where no other row is left.
    """
    rows = round(float(np.trace(gram)))
    rest = np.square(gram).sum() - 2 * _forms(vectors, gram) + 1
    return (rows - 1) ** 2 / rest if rows > 1 else np.full(len(vectors), np.nan)


def rarity(
    vectors: Float[np.ndarray, "n d"], gram: Float[np.ndarray, "d d"]
) -> Float[np.ndarray, " n"]:
    """What each row adds to the entropy of the spectrum, to first order: -x^T ln(C) x - H.

    C is G / n and H its entropy, ln of the Vendi score of order 1; removing a row changes H by
    about -rarity / (n - 1). The mean over the rows of G is 0; positive: a rare direction. Shares
    below `TINY` count as `TINY`. O(d^2) per row.
    """
    with one_thread():
        values, axes = np.linalg.eigh(gram / np.trace(gram))
        logs = np.log(np.maximum(values, TINY))
        entropy = -(np.maximum(values, 0) * logs).sum()
        found: np.ndarray = -_forms(vectors, (axes * logs) @ axes.T) - entropy
    return found


def _forms(vectors: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """x^T M x for each row, in float64."""
    found = np.empty(len(vectors))
    with one_thread():
        for start in range(0, len(vectors), GRAM_ROWS):
            block = vectors[start : start + GRAM_ROWS].astype(np.float64)
            found[start : start + GRAM_ROWS] = np.einsum("ij,ij->i", block @ matrix, block)
    return found
