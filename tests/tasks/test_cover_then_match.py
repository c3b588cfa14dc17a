"""Rows that cover come first; matching goes on from them, within the same limits."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InfeasibleError, SettingsError
from schemas.results import OUTRANKED
from tasks.engine import covering
from tasks.engine.constraints import Limits
from tasks.selectors.cover_then_match import CoverThenMatch
from tasks.selectors.distribution_matching import DistributionMatching
from tasks.selectors.facility_location import FacilityLocation
from tests.brute_force import allowed_subsets
from tests.pools import limits_for, pools, random_pool, with_

POOL = random_pool(300, d=8, seed=5)


def test_the_first_rows_are_those_of_facility_location_and_are_named() -> None:
    found = CoverThenMatch(0.9, covering_rows=12)(POOL, Limits(40), 0)
    cover = FacilityLocation(0.9, centred=True, mode="fast")(POOL, Limits(12), 0).indices.tolist()
    assert found.indices[:12].tolist() == cover
    assert found.covering == set(cover)
    assert len(set(found.indices.tolist())) == 40


def test_the_rest_is_picked_as_if_the_first_had_to_be_included() -> None:
    found = CoverThenMatch(1.0, covering_rows=10)(POOL, Limits(35), 0)
    first = tuple(sorted(found.indices[:10].tolist()))
    rest = DistributionMatching(1.0)(POOL, Limits(35, include=first), 0)
    assert found.indices[10:].tolist() == rest.indices[10:].tolist()
    np.testing.assert_allclose(found.gains[10:], rest.gains[10:], atol=1e-9)
    reached, wanted = (
        each.totals["parts"][name]
        for each, name in ((found, "CoverThenMatch"), (rest, "DistributionMatching"))
    )
    assert reached["mmd_squared"] == pytest.approx(wanted["mmd_squared"], abs=1e-8)


@pytest.mark.parametrize(("weight", "rows"), [(0.5, 0), (0.0, 20)])
def test_without_rows_to_cover_or_weight_it_is_distribution_matching(
    weight: float, rows: int
) -> None:
    found = CoverThenMatch(weight, covering_rows=rows)(POOL, Limits(30), 0)
    plain = DistributionMatching(weight)(POOL, Limits(30), 0)
    assert found.indices.tolist() == plain.indices.tolist()
    assert not found.covering


@settings(max_examples=80, deadline=None)
@given(st.data(), st.integers(1, 6))
def test_every_limit_holds_whatever_covers(data: st.DataObject, rows: int) -> None:
    pool = data.draw(pools())
    limits = data.draw(limits_for(pool, spaced=data.draw(st.booleans())))
    try:
        found = CoverThenMatch(0.9, covering_rows=rows)(pool, limits, 0)
    except InfeasibleError:
        return  # the contract of all selectors says when
    chosen = found.indices.tolist()
    assert sum(1 << index for index in chosen) in allowed_subsets(pool, limits)
    assert found.covering <= set(chosen) - set(limits.include)


def test_of_a_large_pool_a_sample_that_the_order_of_rows_does_not_change_is_covered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(covering, "COVERED", 80)
    part = covering.part_to_cover(POOL, Limits(50, include=(7,), preselected=(3, 250)), 20)
    assert {3, 7, 250} <= set(part.rows.tolist())
    assert 80 <= len(part.rows) <= 83
    assert part.limits.budget == 20
    assert part.rows[list(part.limits.preselected)].tolist() == [3, 7, 250]
    kept = np.sort(np.random.default_rng(0).permutation(300)[:290])
    again = covering.part_to_cover(POOL.taken(kept), Limits(50), 20)
    common = set(POOL.ids[part.rows]) & set(POOL.ids[kept])
    assert len(common - set(POOL.ids[kept][again.rows])) <= 3, "only those given"


def test_in_tokens_the_first_rows_cost_what_so_many_do_on_average() -> None:
    pool = with_(POOL, cost=np.arange(1, 301))
    part = covering.part_to_cover(pool, Limits(10_000, in_tokens=True), 4)
    assert part.limits.budget == round(4 * 150.5)
    assert part.limits.in_tokens
    assert covering.part_to_cover(pool, Limits(100, in_tokens=True), 4).limits.budget == 100


def test_less_quality_than_a_lost_row_needed_keeps_it_out_where_all_rows_cover() -> None:
    selector, limits = CoverThenMatch(0.6, covering_rows=20), Limits(20)
    found = selector(POOL, limits, 0)
    lacked = found.needed_quality - POOL.quality
    asked = np.flatnonzero(lacked > 0.01)
    assert len(asked) > 5
    for index in asked[:: len(asked) // 5].tolist():
        quality = POOL.quality.copy()
        quality[index] += lacked[index] / 2
        assert index not in selector(replace(POOL, quality=quality), limits, 0).indices


def test_of_two_ways_in_the_shorter_one_is_told() -> None:
    found = CoverThenMatch(0.6, covering_rows=10)(POOL, Limits(20), 0)
    cover = FacilityLocation(0.6, centred=True, mode="fast")(POOL, Limits(10), 0)
    lost = found.status == OUTRANKED
    assert np.isnan(found.needed_quality[~lost]).all()
    known = lost & ~np.isnan(cover.needed_quality)
    assert known.any()
    assert (found.needed_quality[known] <= cover.needed_quality[known]).all()


def test_a_negative_number_of_rows_is_refused() -> None:
    with pytest.raises(SettingsError, match="covering_rows must be at least 0; got -1"):
        CoverThenMatch(covering_rows=-1)
