"""Proposed products in each number format: never further from the truth than their margin."""

from typing import get_args

import numpy as np
import pytest

from schemas.errors import SettingsError
from tasks.engine.products import SPIKY, VARIABLE, Format, Products, fastest_format
from tests.benchmarks.synthetic import clustered

FORMATS = get_args(Format)


def spiky(n: int, d: int) -> np.ndarray:
    """Rows of which a few dimensions hold most, as principal components do."""
    rows = clustered(n, d, 7) * np.r_[10.0, 5.0, 3.0, np.ones(d - 3)]
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


POOLS = {
    "whole": clustered(300, 48, 7),
    "odd width": clustered(150, 20, 7),
    "spiky": spiky(200, 130),
}


@pytest.fixture(params=POOLS)
def rows(request: pytest.FixtureRequest) -> np.ndarray:
    return POOLS[request.param]


@pytest.mark.parametrize("form", FORMATS)
def test_no_proposal_is_off_by_more_than_the_margin(rows: np.ndarray, form: Format) -> None:
    products = Products(rows, form=form)
    true = rows.astype(np.float64) @ rows.T.astype(np.float64)
    codes = products.tile(slice(0, len(rows)), slice(0, len(rows)))
    assert np.abs(products.values(codes) - np.minimum(true, 1.0)).max() <= products.margin
    assert products.margin < {"fp32": 1e-4, "bf16": 0.01, "int8": 0.08}[form]


@pytest.mark.parametrize("form", FORMATS)
def test_codes_order_as_the_proposed_products_do(rows: np.ndarray, form: Format) -> None:
    products = Products(rows, form=form)
    codes = products.tile(slice(0, 40), slice(0, len(rows))).ravel().copy()
    value = products.values(codes)
    assert (np.diff(value[np.argsort(codes, kind="stable")]) >= 0).all()
    assert len(np.unique(codes)) == len(np.unique(value + 0.0))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("cosine", [-0.5, 0.0, 0.3, 0.95, 1.0])
def test_no_pair_of_a_cosine_is_missed(rows: np.ndarray, form: Format, cosine: float) -> None:
    products = Products(rows, form=form)
    true = rows.astype(np.float64) @ rows.T.astype(np.float64)
    codes = products.tile(slice(0, len(rows)), slice(0, len(rows)))
    wanted = true >= cosine
    assert (codes[wanted] >= products.at_least(np.array(cosine))).all()


@pytest.mark.parametrize("form", FORMATS)
def test_rows_may_be_named_in_any_order(rows: np.ndarray, form: Format) -> None:
    order = np.random.default_rng(0).permutation(len(rows))
    plain, turned = Products(rows, form=form), Products(rows, order, form=form)
    some = np.array([3, 77, 20])
    codes = turned.tile(some, np.arange(0, len(rows), 5)).copy()
    assert (plain.tile(order[some], order[np.arange(0, len(rows), 5)]) == codes).all()


def test_spiky_rows_are_told_more_sharply_where_the_margin_counts() -> None:
    rows = POOLS["spiky"]
    assert np.abs(rows).max() * len(rows[0]) ** 0.5 > SPIKY
    sharp, plain = (Products(rows, form="int8", ranked=ranked) for ranked in (False, True))
    assert sharp.margin < 0.8 * plain.margin


def test_other_rows_meet_those_that_were_rotated() -> None:
    rows, few = POOLS["spiky"], slice(0, 40)
    codes = Products(rows, form="int8").padded_query(rows[few])[:40, : len(rows)]
    true = rows[few].astype(np.float64) @ rows.T.astype(np.float64)
    for mine, theirs in zip(codes, true, strict=True):
        assert np.corrcoef(mine, theirs)[0, 1] > 0.999


def test_a_format_can_be_asked_for_and_a_wrong_one_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fastest_format.cache_clear()
    try:
        monkeypatch.setenv(VARIABLE, "bf16")
        assert fastest_format() == "bf16"
        fastest_format.cache_clear()
        monkeypatch.setenv(VARIABLE, "fp8")
        with pytest.raises(SettingsError, match="fp8"):
            fastest_format()
    finally:
        fastest_format.cache_clear()
