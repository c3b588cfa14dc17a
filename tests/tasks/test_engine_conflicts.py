"""Demands that cannot be met: the smallest set at odds is named, in words of the settings."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schemas.errors import InfeasibleError
from tasks.engine.conflicts import minimal_conflict, smallest_conflict
from tasks.engine.constraints import Admission, Limits
from tasks.engine.demands import Ask, Demands
from tasks.engine.pool import Pool
from tests.brute_force import allowed_subsets
from tests.pools import limits_for, pool_of, pools, with_


def only(limits: Limits, asks: list[Ask]) -> Limits:
    """The limits that make these demands and no others."""
    about = {
        kind: [ask.about for ask in asks if ask.kind == kind]
        for kind in ("budget", "floor", "cap", "include", "exclude", "rule", "preselected",
                     "distance", "quality")
    }  # fmt: skip
    return Limits(
        limits.budget if about["budget"] else 10**6,
        limits.in_tokens,
        {group: limits.floors[group] for group in about["floor"]},
        {group: limits.caps[group] for group in about["cap"]},
        tuple(about["include"]),
        tuple(about["exclude"]),
        {index: rule for index, rule in limits.closed.items() if rule in about["rule"]},
        limits.min_quality if about["quality"] else 0.0,
        limits.preselected if about["preselected"] else (),
        limits.min_distance if about["distance"] else 0.0,
    )


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_the_conflict_found_cannot_be_met_and_no_smaller_one_exists(data: st.DataObject) -> None:
    pool = data.draw(pools(most=7))
    limits = data.draw(limits_for(pool, spaced=data.draw(st.booleans())))
    if limits.min_distance and data.draw(st.booleans()):
        limits = replace(limits, floors={})
    try:
        Admission(pool, limits)
        return
    except InfeasibleError:
        demands = Demands(pool, limits)
    part = smallest_conflict(demands.everything, demands.can_be_met)
    asks = [demands.asks[place] for place in np.flatnonzero(part)]
    assert not len(allowed_subsets(pool, only(limits, asks)))
    for size in range(len(asks)):
        for smaller in combinations(demands.asks, size):
            limited = only(limits, list(smaller))
            assert (limited.min_distance and limited.floors) or len(allowed_subsets(pool, limited))
    part = minimal_conflict(demands.everything, demands.can_be_met)
    asks = [demands.asks[place] for place in np.flatnonzero(part)]
    assert not len(allowed_subsets(pool, only(limits, asks)))
    for left_out in asks:
        limited = only(limits, [ask for ask in asks if ask != left_out])
        assert (limited.min_distance and limited.floors) or len(allowed_subsets(pool, limited))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_part_of_the_demands_is_judged_as_trying_all_subsets_does(data: st.DataObject) -> None:
    pool = data.draw(pools(most=7))
    limits = data.draw(limits_for(pool, spaced=data.draw(st.booleans())))
    demands = Demands(pool, limits)
    part = np.array([data.draw(st.booleans()) for _ in demands.asks])
    limited = only(limits, [demands.asks[place] for place in np.flatnonzero(part)])
    assume(not (limited.min_distance and limited.floors))
    pairs = [pair for pair in [demands.pair] if pair]
    met = len(allowed_subsets(pool, limited)) > 0
    if limited.min_distance and not met and pairs:
        return  # one pair that is too close stands for all
    assert demands.can_be_met(part) == met


@given(st.lists(st.sets(st.integers(0, 7), min_size=1, max_size=5), min_size=1, max_size=6))
def test_the_smallest_and_a_minimal_of_any_conflicts_are_found(conflicts: list[set[int]]) -> None:
    everything = np.ones(8, dtype=bool)

    def can_be_met(part: np.ndarray) -> bool:
        held = set(np.flatnonzero(part).tolist())
        return not any(conflict <= held for conflict in conflicts)

    smallest = set(np.flatnonzero(smallest_conflict(everything, can_be_met)).tolist())
    assert smallest in conflicts
    assert len(smallest) == min(map(len, conflicts))
    minimal = set(np.flatnonzero(minimal_conflict(everything, can_be_met)).tolist())
    assert minimal in conflicts
    assert not any(conflict < minimal for conflict in conflicts)


def rows(groups: str, cost: list[int] | None = None) -> Pool:
    """One row per letter: b(ooks), c(ode), w(eb)."""
    return pool_of(
        np.ones((len(groups), 1)), cost=cost, group=["bcw".index(letter) for letter in groups]
    )


@pytest.mark.parametrize(
    ("limits", "named", "remedy"),
    [
        (
            Limits(3, floors={0: 2}, caps={0: 1}),
            "together: choose.group_floors 'books' = 2; choose.group_caps 'books' = 1",
            "lower choose.group_floors 'books' to 1 or raise choose.group_caps 'books' to 2",
        ),
        (
            Limits(9, floors={2: 2, 1: 1}),
            "cannot be met: choose.group_floors 'web' = 2",
            "lower choose.group_floors 'web' to 1",
        ),
        (
            Limits(9, floors={2: 1}, exclude=(5,)),
            "choose.group_floors 'web' = 1; choose.must_exclude 'r00005'",
            "lower choose.group_floors 'web' to 0 or shorten choose.must_exclude",
        ),
        (
            Limits(9, floors={2: 1}, min_quality=0.5),
            "choose.group_floors 'web' = 1; choose.min_quality = 0.5",
            "lower choose.group_floors 'web' to 0 or lower choose.min_quality",
        ),
        (
            Limits(9, floors={2: 1}, closed={5: "zero_vector"}),
            "choose.group_floors 'web' = 1; rows shut out as zero_vector",
            "lower choose.group_floors 'web' to 0",
        ),
        (
            Limits(3, floors={0: 2, 1: 2}),
            "choose.budget = 3 rows; choose.group_floors 'books' = 2, 'code' = 2",
            "raise choose.budget to 4 or lower choose.group_floors 'books' to 1",
        ),
        (
            Limits(4, True, floors={0: 2}),
            "choose.budget = 4 tokens; choose.group_floors 'books' = 2",
            "raise choose.budget to 5",
        ),
        (
            Limits(1, include=(0, 3, 4)),
            "choose.budget = 1 rows; choose.must_include 'r00000', 'r00003'",
            "raise choose.budget to 2 or shorten choose.must_include",
        ),
        (
            Limits(9, True, include=(0, 4)),
            "choose.budget = 9 tokens; choose.must_include 'r00004'",
            "raise choose.budget to 10",
        ),
        (
            Limits(9, caps={1: 1}, include=(3, 4)),
            "choose.group_caps 'code' = 1; choose.must_include 'r00003', 'r00004'",
            "raise choose.group_caps 'code' to 2",
        ),
        (
            Limits(9, include=(3,), exclude=(3,)),
            "choose.must_include 'r00003'; choose.must_exclude 'r00003'",
            "shorten choose.must_include or shorten choose.must_exclude",
        ),
        (
            Limits(9, include=(3,), preselected=(3, 4)),
            "choose.preselected; choose.must_include 'r00003'",
            "shorten choose.preselected",
        ),
        (
            Limits(2, floors={0: 1}, include=(3, 4)),
            "choose.budget = 2 rows; choose.group_floors 'books' = 1; "
            "choose.must_include 'r00003', 'r00004'",
            "raise choose.budget to 3",
        ),
        (
            Limits(9, include=(0, 1), min_distance=0.5),
            "choose.min_distance = 0.5 (0 apart); choose.must_include 'r00000', 'r00001'",
            "lower choose.min_distance to 0",
        ),
        (
            Limits(9, include=(1,), preselected=(0,), min_distance=0.5),
            "choose.min_distance = 0.5 (0 apart); choose.preselected; choose.must_include 'r00001'",
            "lower choose.min_distance to 0 or shorten choose.preselected",
        ),
    ],
)
def test_demands_that_cannot_be_met_are_named(limits: Limits, named: str, remedy: str) -> None:
    pool = rows("bbbccw", cost=[2, 3, 9, 1, 10, 1])
    poor = with_(pool, quality=np.array([1, 1, 1, 1, 1, 0.2]))
    with pytest.raises(InfeasibleError) as error:
        Admission(poor, limits)
    assert named in error.value.problem
    assert remedy in error.value.remedy


def test_floors_of_two_attributes_at_odds_are_named_with_their_columns() -> None:
    codes = np.array([[0, 3], [0, 3], [1, 4]])
    names = ("source:books", "source:web", "", "language:de", "language:en")
    pool = with_(pool_of(np.ones((3, 1)), group=codes), group_names=names)
    with pytest.raises(InfeasibleError) as error:
        Admission(pool, Limits(9, floors={0: 2, 4: 1}, caps={3: 1}))
    assert error.value.problem == (
        "cannot be met together: choose.group_floors 'source:books' = 2; "
        "choose.group_caps 'language:de' = 1"
    )
    assert "'source:books' has 2 eligible of 2 rows" in error.value.where


def test_long_lists_are_searched_in_seconds_and_told_in_a_line() -> None:
    n = 4000
    pool = pool_of(np.ones((n, 1)), cost=np.arange(1, n + 1))
    with pytest.raises(InfeasibleError) as error:
        Admission(pool, Limits(6000, True, include=tuple(range(0, n, 2))))
    assert error.value.problem == (
        "cannot be met together: choose.budget = 6,000 tokens; "
        "choose.must_include 'r03998', 'r03996'"
    )
    with pytest.raises(InfeasibleError) as error:
        Admission(pool, Limits(1000, include=tuple(range(0, n, 2))))
    assert "'r00018' and 991 more" in str(error.value)
