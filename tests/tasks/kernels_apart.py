"""Kernels by name, each with an answer of numpy's: `python -m tests.tasks.kernels_apart NAME ...`.

Functions that numba makes are numbered by process, from a number that all processes share here, as
processes that compile alike do by chance.
"""

import sys
from collections.abc import Callable
from itertools import repeat

import numpy as np
from numba.core.bytecode import FunctionIdentity

from tasks.engine.kernels.cosines import rank_all, rank_by_cosine
from tasks.engine.kernels.edges import sort_by_row
from tasks.engine.kernels.largest import kept_positions, key_of
from tests.pools import random_pool

VECTORS = random_pool(60, d=8).vectors
COSINE = VECTORS.astype(np.float64) @ VECTORS.T.astype(np.float64)


def candidates() -> None:
    some = np.array([[7, 3, 9, 20, -1]] * 5, dtype=np.int64)
    index, cosines = np.full((5, 3), -1, np.int32), np.full((5, 3), -np.inf, np.float32)
    rank_by_cosine(VECTORS, np.arange(5), some, index, cosines)
    order = np.argsort(-COSINE[:5, some[0, :4]], axis=1)[:, :3]
    assert (index == some[0][order]).all()
    np.testing.assert_allclose(cosines, np.take_along_axis(COSINE[:5], index, 1), atol=1e-6)


def all_rows() -> None:
    index, cosines = np.full(4, -1, np.int32), np.full(4, -np.inf, np.float32)
    rank_all(VECTORS, 0, index, cosines)
    assert index.tolist() == (np.argsort(-COSINE[0, 1:])[:4] + 1).tolist()


def positions() -> None:
    keys = np.array([[key_of(code, place) for place, code in enumerate((5, 9, 7, 9))]])
    found = np.empty((1, 3), dtype=np.int64)
    kept_positions(keys, np.array([4]), 3, True, found)
    assert found.tolist() == [[1, 3, 2]]


def edges() -> None:
    rows, similarity = np.array([5, 2, 9], np.int32), np.array([0.5, 0.2, 0.9], np.float32)
    sort_by_row(np.array([0, 3]), rows, similarity)
    assert rows.tolist() == [2, 5, 9]
    np.testing.assert_array_equal(similarity, np.array([0.2, 0.5, 0.9], np.float32))


KERNELS: dict[str, Callable[[], None]] = {
    kernel.__name__: kernel for kernel in (candidates, all_rows, positions, edges)
}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        FunctionIdentity._unique_ids = repeat(0)
        KERNELS[name]()
