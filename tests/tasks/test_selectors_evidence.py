"""What a selection says of the rows it left out is true: changed so, they enter, or they do not."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tasks.selectors.facility_location as module
from schemas.results import OUTRANKED, SELECTED, Selection
from tasks.engine.constraints import Limits
from tasks.engine.pool import Pool
from tasks.selectors import SELECTORS
from tasks.selectors.facility_location import FacilityLocation, best_affordable_quality
from tasks.selectors.top_quality import TopQuality
from tests.brute_force import Worth, allowed_subsets
from tests.pools import in_rows, limits_for, pool_of, pools, random_pool, with_

STEP = 1e-5


def enters(selector: Any, pool: Pool, limits: Limits, index: int, quality: float) -> bool:
    """Whether a row is selected once its quality is another."""
    raised = pool.quality.copy()
    raised[index] = quality
    found = selector(with_(pool, quality=raised), limits, 0)
    return bool(found.status[index] == SELECTED)


def row_limits(data: st.DataObject, pool: Pool) -> Limits:
    """Limits in rows that can be met."""
    limits = in_rows(data.draw(limits_for(pool)), min_quality=0.0)  # which quality itself decides
    assume(len(allowed_subsets(pool, limits)))
    return limits


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_top_quality_names_the_quality_that_lets_a_row_in(data: st.DataObject) -> None:
    pool = data.draw(pools())
    limits = row_limits(data, pool)
    found = TopQuality()(pool, limits, 0)
    for index in np.flatnonzero(found.status == OUTRANKED):
        needed = found.needed_quality[index]
        if not found.gain_is_bound[index] and not np.isnan(needed):
            assert enters(TopQuality(), pool, limits, index, needed + STEP)
        limit = 1.0 if np.isnan(needed) else needed
        if len(found.gains) > len(limits.include) and limit - STEP > pool.quality[index]:
            assert not enters(TopQuality(), pool, limits, index, limit - STEP)


def test_top_quality_claims_no_exact_quality_where_groups_have_bounds() -> None:
    pool = pool_of(np.ones((4, 1)), quality=[0.9, 0.6, 0.5, 0.1], group=[0, 1, 1, 0])
    limits = Limits(2, caps={0: 1})
    found = TopQuality()(pool, limits, 0)
    assert found.indices.tolist() == [0, 1]
    assert found.status[3] == OUTRANKED
    assert not enters(
        TopQuality(), pool, limits, 3, 0.7
    )  # above the last pick: the cap is in force
    assert found.gain_is_bound[3]
    assert not TopQuality()(pool, Limits(2), 0).gain_is_bound.any()


@settings(max_examples=80, deadline=None)
@given(st.data(), st.sampled_from([0.3, 0.8]))
def test_below_the_needed_quality_facility_location_never_takes_a_row(
    data: st.DataObject, weight: float
) -> None:
    pool = data.draw(pools(most=7))
    limits = row_limits(data, pool)
    selector = FacilityLocation(weight)
    total = best_affordable_quality(pool, limits)
    with pytest.MonkeyPatch.context() as patch:  # the claim is for the scales of this run
        patch.setattr(module, "best_affordable_quality", lambda *_: total)
        found = selector(pool, limits, 0)
        for index in np.flatnonzero(found.status == OUTRANKED):
            needed = found.needed_quality[index]
            limit = 1.0 if np.isnan(needed) else needed - STEP
            if len(found.gains) > len(limits.include) and limit > pool.quality[index]:
                assert not enters(selector, pool, limits, index, limit)


def test_a_row_that_lost_to_its_twin_needs_little_more_than_the_twin() -> None:
    pool = pool_of([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], quality=[0.6, 0.5, 1.0, 1.0])
    limits = Limits(3)
    selector = FacilityLocation(0.5)
    found = selector(pool, limits, 0)
    assert found.status.tolist() == [SELECTED, OUTRANKED, SELECTED, SELECTED]
    assert found.needed_quality[1] <= 0.6 + STEP, "beating the twin is enough"
    assert enters(selector, pool, limits, 1, 0.61)


def test_a_row_that_only_quality_one_lets_in_needs_quality_one() -> None:
    pool = pool_of([[1.0], [1.0], [1.0], [1.0], [-1.0]], quality=[0.0, 0.0, 1.0, 1.0, 1.0])
    limits = Limits(3, include=(0,))
    found = FacilityLocation(0.8)(pool, limits, 0)
    assert found.indices.tolist() == [0, 4, 2]
    assert found.needed_quality[1] == 1.0, "a tie with row 2, and the lower id"


@settings(max_examples=80, deadline=None)
@given(st.data(), st.sampled_from([0.3, 1.0]), st.sampled_from(["exact", "fast"]))
def test_final_gains_of_facility_location_are_exact_or_upper_bounds(
    data: st.DataObject, weight: float, mode: str
) -> None:
    pool = data.draw(pools())
    limits = data.draw(limits_for(pool))
    assume(len(allowed_subsets(pool, limits)))
    found = FacilityLocation(weight, mode=mode)(pool, limits, 0)  # type: ignore[arg-type]
    worth, taken = Worth(pool, limits, weight), [*limits.preselected, *found.indices.tolist()]
    for index in np.flatnonzero(found.status == OUTRANKED).tolist():
        gain = worth.gain(taken, index)
        assert found.gain_is_bound[index] or mode == "exact"
        assert found.final_gain[index] >= gain - 1e-6
        assert found.gain_is_bound[index] or found.final_gain[index] <= gain + 1e-6


@pytest.mark.parametrize("name", ["top_quality", "uniform", "stratified"])
def test_with_the_needed_budget_a_row_is_in_and_with_one_row_less_it_is_not(name: str) -> None:
    pool = random_pool(40)
    selector = SELECTORS[name]()
    found = selector(pool, Limits(10), 3)
    lost = np.flatnonzero(found.status == OUTRANKED)
    assert len(lost) == 30
    for index in lost:
        needed = int(found.needed_budget_rows[index])
        assert needed > 10
        assert selector(pool, Limits(needed), 3).status[index] == SELECTED
        assert selector(pool, Limits(needed - 1), 3).status[index] == OUTRANKED


@pytest.mark.parametrize("name", SELECTORS)
def test_a_needed_quality_or_budget_is_told_of_outranked_rows_alone(name: str) -> None:
    pool = random_pool(30)
    limits = Limits(8, floors={1: 2}, caps={0: 2}, include=(4,), exclude=(5, 6))
    found: Selection = SELECTORS[name]()(pool, limits, 0)
    others = found.status != OUTRANKED
    assert others.sum() > 8
    assert np.isnan(found.needed_quality[others]).all()
    assert np.isnan(found.needed_budget_rows[others]).all()
    known = found.needed_quality[~np.isnan(found.needed_quality)]
    assert ((known >= 0) & (known <= 1)).all()
