"""Log-determinant: greedy's very picks, worked examples, no drift after many picks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import SettingsError
from tasks.engine.constraints import Limits
from tasks.engine.objectives import log_determinant as module
from tasks.selectors.log_determinant import LogDeterminant
from tests.pools import pool_of, pools, random_pool

NEAR = 1e-5  # what float32 products may change


def value(vectors: np.ndarray, rows: list[int], strength: float) -> float:
    some = vectors[rows].astype(np.float64)
    return float(np.linalg.slogdet(np.eye(len(rows)) + strength * some @ some.T)[1])


@given(st.data(), st.sampled_from([0.5, 10.0, 1000.0]))
@settings(deadline=None, max_examples=80)
def test_each_pick_is_the_best_there_is(data: st.DataObject, strength: float) -> None:
    pool = data.draw(pools())
    budget = data.draw(st.integers(1, len(pool)))
    found = LogDeterminant(1.0, strength)(pool, Limits(budget), 0)
    taken: list[int] = []
    for pick in found.indices.tolist():
        open_rows = [row for row in range(len(pool)) if row not in taken]
        gain = {
            row: value(pool.vectors, [*taken, row], strength) - value(pool.vectors, taken, strength)
            for row in open_rows
        }
        best = max(gain.values())
        assert gain[pick] >= best - NEAR * max(1.0, best)
        equal = [row for row in open_rows if (pool.vectors[row] == pool.vectors[pick]).all()]
        assert pick == min(equal)
        taken.append(pick)
    assert len(taken) == budget


@pytest.mark.parametrize("strength", [1.0, 100.0])
def test_picks_on_a_shortlist_are_those_of_all_rows(strength: float) -> None:
    pool = random_pool(6000, d=24, seed=2)
    found = LogDeterminant(1.0, strength)(pool, Limits(400), 0)
    part = module.LogDeterminant(pool.vectors, strength)
    scale = found.totals["parts"]["LogDeterminant"]["scale"]
    for pick, gain in zip(found.indices[:60].tolist(), found.gains[:60], strict=True):
        now = part.all_gains()
        assert now[pick] >= now.max() - NEAR
        assert gain == pytest.approx(scale * now[pick], abs=NEAR)
        part.accept(pick)


def test_many_picks_leave_no_drift() -> None:
    pool = random_pool(3000, d=16, seed=5)
    found = LogDeterminant(1.0)(pool, Limits(2500), 0)
    facts = found.totals["parts"]["LogDeterminant"]
    wanted = value(pool.vectors, found.indices.tolist(), 10.0)
    assert facts["log_determinant"] == pytest.approx(wanted, rel=1e-6)
    assert found.gains.sum() / facts["scale"] == pytest.approx(wanted, rel=1e-4)
    assert found.totals["objective"] <= 1


def test_the_third_row_is_the_one_least_like_the_first() -> None:
    # rows 1 and 2 are .95 alike, 1 and 3 .1 (after the worked example of the low-rank form)
    cosine = np.array([[1, 0.95, 0.1], [0.95, 1, 0.1], [0.1, 0.1, 1]])
    found = LogDeterminant(1.0, 1000.0)(pool_of(np.linalg.cholesky(cosine)), Limits(2), 0)
    assert found.indices.tolist() == [0, 2]


def test_two_rows_have_the_value_of_the_text_book() -> None:
    # L = [[1, .5], [.5, 1]]: det(I + L) = 3.75
    rows = pool_of(np.linalg.cholesky(np.array([[1, 0.5], [0.5, 1]])))
    found = LogDeterminant(1.0, 1.0)(rows, Limits(2), 0)
    facts = found.totals["parts"]["LogDeterminant"]
    assert facts["log_determinant"] == pytest.approx(np.log(3.75), abs=1e-6)


def test_there_is_no_limit_at_the_width_of_the_vectors() -> None:
    pool = random_pool(50, d=4)
    assert len(LogDeterminant(1.0)(pool, Limits(30), 0).indices) == 30


@pytest.mark.parametrize("settings", [{"strength": 0.0}, {"strength": 1e9}, {"centred": 1}])
def test_settings_out_of_range_are_refused(settings: dict) -> None:
    with pytest.raises(SettingsError):
        LogDeterminant(**settings)
