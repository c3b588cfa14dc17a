"""Every selector keeps every limit, or says before the work which demands are at odds."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InfeasibleError
from schemas.results import PRESELECTED, SELECTED, TIME_LIMIT, TOO_CLOSE
from tasks.engine.constraints import Limits
from tasks.engine.watch import Watch
from tasks.selectors import SELECTORS
from tasks.selectors.facility_location import FacilityLocation
from tests.brute_force import Worth, allowed_subsets, close_pairs
from tests.pools import limits_for, pool_of, pools, random_pool

HALF = (1 - 1 / math.e) / 2


class Ticks:
    """A clock that goes on by one second at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@pytest.mark.parametrize("name", SELECTORS)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_it_chooses_is_allowed_and_nothing_allowed_is_refused(
    name: str, data: st.DataObject
) -> None:
    pool = data.draw(pools())
    limits = data.draw(limits_for(pool, spaced=data.draw(st.booleans())))
    hard = limits.min_distance > 0 and any(limits.floors.values())
    watch = Watch(data.draw(st.sampled_from([0.0, 1.0, 5.0])), clock=Ticks())
    allowed = allowed_subsets(pool, limits)
    try:
        found = SELECTORS[name]()(pool, limits, 0, watch)
    except InfeasibleError as error:
        failure = str(error)
    else:
        assert sum(1 << int(index) for index in found.indices) in allowed
        assert (found.status[found.indices] == SELECTED).all()
        assert (found.status == SELECTED).sum() == len(found.indices)
        assert (found.status[list(limits.preselected)] == PRESELECTED).all()
        assert (TIME_LIMIT in found.status) <= watch.stopped
        return
    assert hard or not len(allowed)
    if len(allowed):
        assert "choose.group_floors" in failure
        assert close_pairs(pool, limits)


@pytest.mark.parametrize("name", SELECTORS)
def test_a_search_stopped_by_the_clock_keeps_what_it_has_and_meets_the_floors(name: str) -> None:
    pool = random_pool(60)
    limits = Limits(30, floors={0: 4, 2: 3}, include=(7,))
    watch = Watch(1.0, clock=Ticks())  # a search may look at it after each pick, or now and then
    found = SELECTORS[name]()(pool, limits, 0, watch)
    whole = SELECTORS[name]()(pool, limits, 0)
    assert found.indices[:2].tolist() == whole.indices[:2].tolist(), "one pick beside the given"
    group = pool.group[found.indices, 0]
    assert (group == 0).sum() >= 4
    assert (group == 2).sum() >= 3
    assert len(found.gains) == len(found.weights) == len(found.indices)
    if watch.stopped:
        assert set(found.status) == {SELECTED, TIME_LIMIT}
        assert np.isnan(found.needed_quality).all()
    else:
        assert found.indices.tolist() == whole.indices.tolist()


@pytest.mark.parametrize("name", SELECTORS)
def test_rows_keep_their_distance_from_each_other_and_from_preselected_ones(name: str) -> None:
    pool = random_pool(60)
    limits = Limits(60, min_distance=0.2, preselected=(3, 9), include=(20,))
    found = SELECTORS[name]()(pool, limits, 0)
    rows = [*limits.preselected, *found.indices.tolist()]
    cosine = pool.vectors[rows].astype(float) @ pool.vectors[rows].T.astype(float)
    assert (np.triu(cosine, 1)[:, 2:] <= 0.8 + 2e-6).all()
    left_out = np.flatnonzero(found.status == TOO_CLOSE)
    assert len(left_out)
    nearest = pool.vectors[left_out].astype(float) @ pool.vectors[rows].T.astype(float)
    assert (nearest.max(axis=1) > 0.8).all()
    assert len(rows) + len(left_out) == 60


def test_preselected_rows_count_for_what_is_covered() -> None:
    pool = pool_of([[1, 0], [1, 0.01], [0, 1]], quality=[0.9, 0.8, 0.7])
    for name in ("facility_location", "k_center"):
        found = SELECTORS[name]()(pool, Limits(1, preselected=(0,)), 0)
        assert found.indices.tolist() == [2], "row 1 is as good as chosen already"


def test_the_trap_of_gain_per_token_is_not_stepped_into() -> None:
    """Rows of (value, cost) = (2, 1) and (10, 10) and a budget of 10: the best is 10, not 2."""
    pool = pool_of(np.eye(2), quality=[0.2, 1.0], cost=[1, 10])
    found = FacilityLocation(0.0)(pool, Limits(10, True), 0)
    assert found.indices.tolist() == [1]
    assert found.totals["order"] == "gain"
    assert found.totals["by_gain"] == pytest.approx(5 * found.totals["by_gain_per_token"])
    plenty = FacilityLocation(0.0)(pool, Limits(11, True), 0)
    assert plenty.indices.tolist() == [0, 1]


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from([0.0, 0.5, 1.0]))
def test_a_budget_in_tokens_is_spent_within_its_guarantee(
    data: st.DataObject, weight: float
) -> None:
    pool = data.draw(pools(most=8))
    limits = Limits(data.draw(st.integers(1, 15)), True)
    cheap = data.draw(st.integers(0, len(pool) - 1))
    cost = pool.cost.copy()
    cost[cheap] = 1
    pool = replace(pool, cost=cost)
    worth = Worth(pool, limits, weight)
    best = max(
        worth([i for i in range(len(pool)) if mask >> i & 1])
        for mask in allowed_subsets(pool, limits).tolist()
    )
    found = FacilityLocation(weight)(pool, limits, 0)
    assert worth(found.indices.tolist()) >= HALF * best - 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_a_second_search_is_left_out_only_where_no_row_can_be_worth_much(seed: int) -> None:
    random = np.random.default_rng(seed)
    pool = pool_of(np.ones((400, 1)), random.random(400), random.integers(1, 6, 400))
    many, few = (FacilityLocation(0.0)(pool, Limits(b, True), 0) for b in (600, 12))
    assert "by_gain" not in many.totals
    assert "by_gain" in few.totals
    best = np.zeros(601)  # by budget: the knapsack solved exactly
    for quality, cost in zip(pool.quality, pool.cost, strict=True):
        best[cost:] = np.maximum(best[cost:], best[:-cost] + quality)
    for found, budget in ((many, 600), (few, 12)):
        assert pool.quality[found.indices].sum() >= (1 - 1 / math.e) / 1.1 * best[budget]
