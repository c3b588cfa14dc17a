"""The rows that lead by some key: all that a search must look at until they fall behind the rest.

Where keys only fall, a row is the best of all as long as it is ahead of the best row left out.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True, order=True)
class Place:
    """A place in the order of rows: by larger key, then by lower index; `>=` is "not behind"."""

    key: float
    minus_index: int


NOTHING: Final = Place(-np.inf, 1)  # left out: only rows that may not be chosen are behind it


@dataclass(frozen=True)
class Frontier:
    """The leading rows in order of their index, and the place of the best row left out."""

    rows: Int[np.ndarray, " p"]
    outside: Place


def frontier(key: Float[np.ndarray, " n"], count: int) -> Frontier:
    """The `count` rows of largest key, the lower index on ties; a key of -inf is no row. O(n)."""
    n = len(key)
    if count >= n:
        return Frontier(np.flatnonzero(key > -np.inf), NOTHING)
    least = np.partition(key, n - count - 1)[n - count - 1]  # the key of the best row left out
    if least == -np.inf:
        return Frontier(np.flatnonzero(key > -np.inf), NOTHING)
    above, equal = np.flatnonzero(key > least), np.flatnonzero(key == least)
    fit = count - len(above)
    rows = np.sort(np.concatenate([above, equal[:fit]]))
    return Frontier(rows, Place(float(least), -int(equal[fit])))
