"""Folded rows: their products are upper bounds, and tight where rows are near."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.folded import KEPT, NARROW, PARTS, fold
from tests.benchmarks.synthetic import clustered


@given(seed=st.integers(0, 2**32 - 1), d=st.integers(NARROW + 1, 700), zeros=st.booleans())
def test_no_product_is_smaller_than_the_true_one(seed: int, d: int, zeros: bool) -> None:
    rows = clustered(40, d, seed)
    if zeros:
        rows[:, KEPT:] = 0.0
    order = np.random.default_rng(seed).permutation(len(rows))
    folded = fold(rows, order).astype(np.float64)
    true = rows[order].astype(np.float64) @ rows[order].T.astype(np.float64)
    assert folded.shape == (40, KEPT + PARTS)
    assert (folded @ folded.T >= true - 1e-12).all()  # the sums themselves round
    assert np.linalg.norm(folded, axis=1) == pytest.approx(
        np.linalg.norm(rows[order], axis=1), 1e-4
    )


def test_rows_of_one_direction_keep_their_product() -> None:
    rows = clustered(30, 384, 3)
    near = rows * np.float32(0.5)
    both = fold(np.concatenate([rows, near]), np.arange(60)).astype(np.float64)
    true = np.einsum("nd,nd->n", rows, near, dtype=np.float64)
    assert np.einsum("nd,nd->n", both[:30], both[30:]) == pytest.approx(true, rel=1e-4)


def test_narrow_rows_stay_as_they_are() -> None:
    rows, order = clustered(30, NARROW, 4), np.arange(30)[::-1]
    assert (fold(rows, order) == rows[order]).all()
