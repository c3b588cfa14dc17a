"""Greedy selectors against plain greedy: every candidate tried at every step, in float64."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InfeasibleError
from schemas.results import SELECTED, Selection
from tasks.engine.constraints import Limits
from tasks.engine.pool import Pool
from tasks.selectors.facility_location import FacilityLocation
from tasks.selectors.k_center import KCenter
from tasks.selectors.top_quality import TopQuality
from tests.brute_force import Worth, allowed_subsets, may_follow, twins
from tests.pools import in_rows, limits_for, pool_of, pools

NEAR = 1e-6  # what float32 similarities may change
cases = st.data()


def follow(
    pool: Pool, limits: Limits, found: Selection, value: Callable[[list[int], int], float]
) -> None:
    """Check each pick against all rows that could have been taken in its place.

    `value` gives what a row adds to rows chosen before, preselected ones among them.
    """
    allowed = allowed_subsets(pool, limits)
    order = found.indices.tolist()
    before = list(limits.preselected)
    per_token = found.totals.get("order") == "gain per token"
    price = pool.cost if per_token else np.ones(len(pool))
    assert order[: len(limits.include)] == sorted(limits.include)
    for place in range(len(limits.include), len(order)):
        taken, pick = order[:place], order[place]
        open_rows = may_follow(allowed, taken, len(pool))
        assert pick in open_rows
        gains = {i: value(before + taken, i) for i in open_rows}  # a loss is worse if it costs more
        worth = {i: gain / price[i] if gain >= 0 else gain * price[i] for i, gain in gains.items()}
        best = max(worth.values())
        assert worth[pick] >= best - NEAR * max(1.0, abs(best))
        clear = [i for i in open_rows if worth[i] > best - NEAR]
        if len(clear) == 1:
            assert pick == clear[0]
        assert not any(twins(pool, i, pick, per_token) for i in open_rows if i < pick), (
            "a tie goes to the lower id, among rows that may be taken"
        )
        assert found.gains[place] == pytest.approx(value(before + taken, pick), abs=NEAR)
    assert may_follow(allowed, order, len(pool)) == [], "no row that fits is left out"
    assert set(np.flatnonzero(found.status == SELECTED)) == set(order)


def run_or_refuse(selector: Callable, pool: Pool, limits: Limits) -> Selection | None:
    """The selection; None where no subset meets the demands, which must be refused."""
    if len(allowed_subsets(pool, limits)):
        return selector(pool, limits, 0)
    with pytest.raises(InfeasibleError):
        selector(pool, limits, 0)
    return None


@st.composite
def spaced_limits(draw: st.DrawFn, pool: Pool) -> Limits:
    """Any limits; floors or a least distance, for both together are promised less."""
    limits = draw(limits_for(pool, spaced=draw(st.booleans())))
    return replace(limits, floors={}) if limits.min_distance else limits


def check_facility_location(pool: Pool, limits: Limits, weight: float) -> None:
    found = run_or_refuse(FacilityLocation(weight), pool, limits)
    if found is not None:
        worth = Worth(pool, limits, weight)
        follow(pool, limits, found, worth.gain)
        assert found.totals["objective"] == pytest.approx(
            worth([*limits.preselected, *found.indices]) - worth([*limits.preselected]),
            abs=NEAR * 10,
        )


@settings(max_examples=150, deadline=None)
@given(cases, st.sampled_from([0.0, 0.3, 0.8, 1.0]))
def test_facility_location_makes_the_picks_of_plain_greedy(
    data: st.DataObject, weight: float
) -> None:
    pool = data.draw(pools())
    check_facility_location(pool, data.draw(spaced_limits(pool)), weight)


@settings(max_examples=60, deadline=None)
@given(pools(most=12), st.integers(1, 12), st.sampled_from([0.5, 0.9]))
def test_facility_location_makes_the_picks_of_plain_greedy_without_constraints(
    pool: Pool, budget: int, weight: float
) -> None:
    check_facility_location(pool, Limits(budget), weight)


EYE = np.eye(6)
STRUCTURED = {
    "one row": pool_of([[1.0, 0.0]]),
    "all rows equal": pool_of(np.ones((8, 3)), cost=[3, 1, 2, 1, 1, 5, 1, 1]),
    "orthogonal": pool_of(EYE, quality=[0.1, 0.5, 0.5, 0.9, 0.0, 0.2]),
    "opposites": pool_of(np.vstack([EYE[:4], -EYE[:4]]), quality=np.linspace(0, 1, 8)),
    "pairs of twins": pool_of(EYE[[0, 0, 1, 1, 2, 2]], quality=[0.5, 0.5, 0.9, 0.1, 0.3, 0.3]),
    "quality zero": pool_of(EYE[[0, 1, 0, 2]], quality=np.zeros(4)),
    "dear twins": pool_of(EYE[[0, 0, 1, 2, 2]], cost=[4, 1, 9, 2, 2], group=[0, 0, 1, 2, 2]),
}


@pytest.mark.parametrize("name", STRUCTURED)
@pytest.mark.parametrize("in_tokens", [False, True])
def test_rows_with_a_structure_are_chosen_as_plain_greedy_does(name: str, in_tokens: bool) -> None:
    pool = STRUCTURED[name]
    for weight in (0.0, 0.5, 1.0):
        for budget in (1, 3, len(pool), 50):
            check_facility_location(pool, Limits(budget, in_tokens), weight)


def test_the_worked_example_gives_its_picks_and_gains() -> None:
    similarity = np.array([[1, 0.8, 0.1], [0.8, 1, 0.2], [0.1, 0.2, 1]])
    pool = pool_of(np.linalg.cholesky(similarity))
    found = FacilityLocation(1.0)(pool, Limits(2), 0)
    assert found.indices.tolist() == [1, 2]
    np.testing.assert_allclose(found.gains * 3, [2.0, 0.8], atol=1e-6)  # scaled by the pool's 3
    assert found.totals["objective"] * 3 == pytest.approx(2.8, abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(cases)
def test_k_center_makes_the_picks_of_the_naive_loop(data: st.DataObject) -> None:
    pool = data.draw(pools())
    limits = in_rows(data.draw(spaced_limits(pool)))
    vectors = pool.vectors.astype(np.float64)

    def distance(taken: list[int], index: int) -> float:
        if not taken:
            return float(pool.quality[index])
        return 1.0 - max(0.0, float((vectors[taken] @ vectors[index]).max()))

    found = run_or_refuse(KCenter(), pool, limits)
    if found is None:
        return
    first = not (limits.include or limits.preselected) and len(found.gains) > 0
    if first:
        assert found.gains[0] == 1.0  # nothing chosen before: as far as can be
        found.gains[0] = pool.quality[found.indices[0]]
    follow(pool, limits, found, distance)
    chosen = [*limits.preselected, *found.indices.tolist()]
    left = [distance(chosen, i) for i in range(len(pool))]
    if chosen:
        np.testing.assert_allclose(found.final_gain, left, atol=NEAR)
        assert found.totals["radius"] == pytest.approx(max(left), abs=NEAR)


@settings(max_examples=100, deadline=None)
@given(cases)
def test_top_quality_takes_the_best_rows_that_fit(data: st.DataObject) -> None:
    pool = data.draw(pools())
    limits = in_rows(data.draw(spaced_limits(pool)))
    found = run_or_refuse(TopQuality(), pool, limits)
    if found is not None:
        follow(pool, limits, found, lambda _, index: float(pool.quality[index]))
