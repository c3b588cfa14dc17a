"""The quadratic beside a similarity: its sums are exact, and it leaves little to be sampled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.control_variate import ControlVariate
from tasks.engine.mean_similarity import mean_similarity
from tasks.engine.sampled_sums import sampled_sums
from tasks.engine.similarity import Similarity
from tests.pools import random_pool

KERNEL = Similarity(width=0.2)


@given(
    st.integers(1, 60),
    st.tuples(*[st.floats(-2, 2)] * 3),
    st.booleans(),
    st.integers(0, 1000),
)
def test_sums_over_the_pool_are_those_of_all_pairs(
    n: int, coefficients: tuple[float, float, float], weighted: bool, seed: int
) -> None:
    rows = random_pool(n, d=7, seed=seed).vectors
    weights = np.random.default_rng(seed).uniform(0, 3, n) if weighted else None
    found = ControlVariate(KERNEL, coefficients).sums(rows, weights)
    cosine = rows.astype(np.float64) @ rows.T.astype(np.float64)
    quadratic = np.polynomial.polynomial.polyval(cosine, coefficients)
    expected = quadratic @ (np.ones(n) if weights is None else weights)
    np.testing.assert_allclose(found, expected, atol=1e-5 * n)


def test_the_quadratic_and_the_rest_are_the_similarity() -> None:
    control = ControlVariate(KERNEL, (0.1, -0.4, 0.3))
    cosine = np.linspace(-1, 1, 41, dtype=np.float32)
    quadratic = np.polynomial.polynomial.polyval(cosine, control.coefficients)
    rest = control.rest(cosine.copy()[None])[0]
    np.testing.assert_allclose(rest + quadratic, np.exp((cosine - 1) / 0.2), atol=1e-6)


def test_equal_rows_have_equal_sums() -> None:
    rows = random_pool(3000, d=24).vectors[np.arange(6000) // 2]
    sums, _ = sampled_sums(rows, KERNEL, 800)
    assert (sums[::2] == sums[1::2]).all()


def test_the_fit_is_the_best_of_usual_cosines_whatever_a_few_large_ones_do() -> None:
    random = np.random.default_rng(0)
    cosine = random.normal(0, 0.06, 4000)
    few = np.where(np.arange(4000) < 20, 0.8, cosine)
    left = [
        ControlVariate.fit(KERNEL, these, np.ones(4000)).rest(cosine[None].copy()).std()
        for these in (cosine, few)
    ]
    assert left[0] < KERNEL.of(cosine.copy()).std() / 20
    assert left[1] == pytest.approx(left[0], rel=0.05)


def test_no_cosines_make_a_quadratic_of_zero() -> None:
    none = np.zeros(0)
    assert ControlVariate.fit(KERNEL, none, none).coefficients == (0.0, 0.0, 0.0)


def test_it_takes_most_of_the_error_out_of_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of 200 dimensions have cosines near 0, where a quadratic says nearly all."""
    rows = random_pool(5000, d=200, seed=3).vectors
    exact = mean_similarity(rows, KERNEL).values
    found, error = sampled_sums(rows, KERNEL, 1000)
    assert np.median(np.abs(found / len(rows) / exact - 1)) < 2 * error
    nothing = ControlVariate(KERNEL, (0.0, 0.0, 0.0))
    monkeypatch.setattr("tasks.engine.sampled_sums._fitted", lambda *_: nothing)
    assert error < sampled_sums(rows, KERNEL, 1000)[1] / 4
