"""Selectors that draw: uniform is uniform, strata get what they are due."""

import numpy as np
import pytest
from scipy import stats

from schemas.errors import SettingsError
from tasks.engine.constraints import Limits
from tasks.engine.pool import Pool
from tasks.selectors.stratified import Stratified
from tasks.selectors.uniform import Uniform
from tests.pools import pool_of, random_pool, rows_of, with_


def strata(*sizes: int) -> Pool:
    """Strata of these sizes, mixed."""
    codes = np.repeat(np.arange(len(sizes)), sizes)
    codes = np.random.default_rng(0).permutation(codes)
    return pool_of(np.ones((len(codes), 1)), stratum=codes)


def counts(pool: Pool, limits: Limits, allocation: str = "equal", seed: int = 0) -> list[int]:
    """Rows chosen per stratum."""
    found = Stratified(allocation=allocation)(pool, limits, seed)  # type: ignore[arg-type]
    return np.bincount(pool.stratum[found.indices], minlength=pool.stratum.max() + 1).tolist()


@pytest.mark.parametrize("selector", [Uniform(), Stratified()])
def test_over_many_seeds_every_row_is_drawn_equally_often(selector: Uniform | Stratified) -> None:
    pool, draws, k = random_pool(20), 1500, 5
    pool = with_(pool, stratum=np.zeros(20, dtype=np.int64))
    drawn = np.zeros(20)
    for seed in range(draws):
        drawn[selector(pool, Limits(k), seed).indices] += 1
    expected = draws * k / 20
    chi = ((drawn - expected) ** 2 / (expected * (1 - k / 20))).sum() * 19 / 20
    assert chi < stats.chi2.ppf(1 - 1e-6, 19)


def test_further_rows_never_reorder_a_uniform_draw() -> None:
    pool = random_pool(60)
    some = np.arange(0, 60, 2)
    fewer = with_(pool, **rows_of(pool, some))
    whole = pool.ids[Uniform()(pool, Limits(60), 4).indices].tolist()
    part = fewer.ids[Uniform()(fewer, Limits(60), 4).indices].tolist()
    kept = set(part)
    assert [row_id for row_id in whole if row_id in kept] == part


def test_equal_shares_fill_small_strata_and_split_the_rest() -> None:
    assert counts(strata(90, 8, 2), Limits(30)) == [20, 8, 2]


@pytest.mark.parametrize("budget", [7, 30, 55, 99])
def test_proportional_shares_are_within_one_row_of_the_strata(budget: int) -> None:
    sizes = np.array([61, 25, 9, 5])
    got = counts(strata(*sizes), Limits(budget), "proportional")
    assert sum(got) == budget
    assert (np.abs(got - budget * sizes / sizes.sum()) <= 1).all()


def test_rows_that_must_be_included_count_as_the_share_of_their_stratum() -> None:
    pool = strata(50, 50)
    include = tuple(np.flatnonzero(pool.stratum == 0)[:5].tolist())
    assert counts(pool, Limits(10, include=include)) == [5, 5]
    assert counts(pool, Limits(10, include=include), "proportional") == [5, 5]


def test_rows_that_cannot_be_chosen_count_for_no_stratum() -> None:
    pool = strata(100, 20)
    closed = np.flatnonzero(pool.stratum == 0)[20:].tolist()
    limits = Limits(20, closed=dict.fromkeys(closed, "below_min_quality"))
    assert counts(pool, limits) == [10, 10]
    assert counts(pool, limits, "proportional") == [10, 10]


def test_an_unknown_allocation_is_named() -> None:
    with pytest.raises(SettingsError, match=r"allocation must be one of .*'fair'"):
        Stratified(allocation="fair")  # type: ignore[arg-type]
