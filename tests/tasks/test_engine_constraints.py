"""Budget, floors, caps and lists: kept whatever the method does, refused where they cannot be."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schemas.errors import InfeasibleError
from schemas.results import (
    EXCLUDED,
    FLOOR_RESERVE,
    GROUP_CAP,
    OUTRANKED,
    OVER_BUDGET,
    PRESELECTED,
    SELECTED,
    TIME_LIMIT,
    TOO_CLOSE,
)
from tasks.engine.constraints import Admission, Limits, eligible
from tasks.engine.pool import Pool
from tests.brute_force import allowed_subsets, close_pairs, may_follow
from tests.pools import limits_for, pool_of, pools, random_pool


def rows(groups: str, cost: list[int] | None = None) -> Pool:
    """One row per letter: b(ooks), c(ode), w(eb)."""
    return pool_of(
        np.ones((len(groups), 1)), cost=cost, group=["bcw".index(letter) for letter in groups]
    )


def pairs(groups: str, cost: list[int] | None = None) -> Pool:
    """One row per pair of letters: b, c or w, and d(e), e(n) or f(r)."""
    codes = [["bcwdef".index(letter) for letter in pair] for pair in groups.split()]
    return pool_of(np.ones((len(codes), 1)), cost=cost, group=codes)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_row_may_be_taken_exactly_if_all_demands_can_still_be_met(data: st.DataObject) -> None:
    pool = data.draw(pools())
    limits = data.draw(limits_for(pool, spaced=data.draw(st.booleans())))
    if limits.min_distance:
        limits = replace(limits, floors={})  # with both, see below
    allowed = allowed_subsets(pool, limits)
    if not len(allowed):
        with pytest.raises(InfeasibleError):
            Admission(pool, limits)
        return
    admission = Admission(pool, limits)
    refused: set[int] = set()
    while True:
        possible = [i for i in range(len(pool)) if not admission.refusal(i)]
        assert possible == may_follow(allowed, admission.order, len(pool))
        assert not refused & set(possible), "a row refused once stays refused"
        refused |= set(range(len(pool))) - set(possible)
        if not possible:
            break
        shut = [i for i in range(len(pool)) if admission.free[i] and i not in possible]
        if shut and data.draw(st.booleans()):
            index = data.draw(st.sampled_from(shut))
            admission.close(index, admission.refusal(index))
        admission.take(data.draw(st.sampled_from(possible)))
    final = sum(1 << index for index in admission.order)
    assert final in allowed, "a search that takes what it may ends with every demand met"


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_floors_with_a_distance_are_met_or_named(data: st.DataObject) -> None:
    pool = data.draw(pools())
    limits = data.draw(limits_for(pool, spaced=True))
    assume(limits.floors)
    allowed = allowed_subsets(pool, limits)
    try:
        admission = Admission(pool, limits)
    except InfeasibleError:
        assert not len(allowed)
        return
    failure = ""
    try:
        while possible := [i for i in range(len(pool)) if not admission.refusal(i)]:
            for index in np.flatnonzero(admission.free):
                if admission.refusal(index) and data.draw(st.booleans()):
                    admission.close(index, admission.refusal(index))
            admission.take(data.draw(st.sampled_from(possible)))
        admission.close_rest()
    except InfeasibleError as error:
        failure = str(error)
    if failure:
        assert "choose.group_floors" in failure
        assert "choose.min_distance" in failure
        assert close_pairs(pool, limits), "only rows that are too close may let a floor down"
        return
    assert sum(1 << index for index in admission.order) in allowed


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_lists_are_kept_and_counted(data: st.DataObject) -> None:
    pool = data.draw(pools())
    limits = data.draw(limits_for(pool))
    assume(len(allowed_subsets(pool, limits)))
    admission = Admission(pool, limits)
    assert admission.order == sorted(limits.include)
    assert admission.given == len(limits.include)
    assert (admission.status[admission.order] == SELECTED).all()
    cost = pool.cost if limits.in_tokens else np.ones(len(pool), dtype=int)
    assert admission.spent == cost[admission.order].sum()
    assert admission.left == limits.budget - admission.spent
    assert all(admission.refusal(i) == PRESELECTED for i in limits.preselected)
    for index in set(limits.exclude) - set(limits.preselected):
        assert admission.refusal(index) == EXCLUDED
    for index, rule in limits.closed.items():
        if index not in (*limits.exclude, *limits.preselected):
            assert admission.refusal(index) == rule
    start = eligible(pool, limits)
    assert (start[limits.include,]).all()
    assert sorted(np.flatnonzero(start)) == sorted(
        {*np.flatnonzero(admission.free), *limits.include}
    )


class TestRefusals:
    def test_a_row_beyond_the_budget_is_over_budget(self) -> None:
        admission = Admission(rows("bbb", cost=[2, 3, 9]), Limits(5, in_tokens=True))
        assert [admission.refusal(i) for i in range(3)] == ["", "", OVER_BUDGET]

    def test_a_row_of_a_full_group_meets_the_cap(self) -> None:
        admission = Admission(rows("bbc"), Limits(3, caps={0: 1}))
        admission.take(0)
        assert [admission.refusal(i) for i in (1, 2)] == [GROUP_CAP, ""]

    def test_what_a_floor_needs_is_not_given_away(self) -> None:
        admission = Admission(rows("bbc"), Limits(2, floors={1: 1}))
        admission.take(0)
        assert [admission.refusal(i) for i in (1, 2)] == [FLOOR_RESERVE, ""]

    def test_a_dear_row_of_a_group_below_its_floor_must_leave_room_for_the_other_floors(
        self,
    ) -> None:
        pool = rows("bbcc", cost=[1, 8, 2, 3])
        admission = Admission(pool, Limits(9, in_tokens=True, floors={0: 1, 1: 1}))
        assert [admission.refusal(i) for i in range(4)] == ["", FLOOR_RESERVE, "", ""]

    def test_one_row_may_serve_the_floors_of_two_attributes(self) -> None:
        admission = Admission(pairs("bd be ce"), Limits(1, floors={0: 1, 4: 1}))
        assert [admission.refusal(i) for i in range(3)] == [FLOOR_RESERVE, "", FLOOR_RESERVE]

    def test_a_cap_of_one_attribute_may_stand_in_the_way_of_a_floor_of_the_other(self) -> None:
        pool = pairs("bd be cd ce")  # en only by books, of which one may be taken
        admission = Admission(pool, Limits(3, floors={4: 1}, caps={0: 1, 1: 0}))
        assert [admission.refusal(i) for i in range(4)] == [FLOOR_RESERVE, "", GROUP_CAP, GROUP_CAP]

    def test_a_row_too_near_to_a_chosen_one_is_too_close(self) -> None:
        pool = pool_of([[1, 0], [1, 0.1], [0, 1], [0.1, 1]])
        admission = Admission(pool, Limits(4, min_distance=0.5, preselected=(2,)))
        admission.take(0)
        assert [admission.refusal(i) for i in range(4)] == [
            SELECTED, TOO_CLOSE, PRESELECTED, TOO_CLOSE,
        ]  # fmt: skip

    def test_rows_exactly_the_least_distance_apart_are_far_enough(self) -> None:
        admission = Admission(pool_of(np.eye(3)), Limits(3, min_distance=1.0))
        admission.take(0)
        assert [admission.refusal(i) for i in (1, 2)] == ["", ""]

    def test_rows_never_looked_at_are_outranked_if_the_budget_is_spent(self) -> None:
        admission = Admission(rows("bbb"), Limits(1))
        admission.take(1)
        admission.close_rest()
        assert admission.status.tolist() == [OUTRANKED, SELECTED, OUTRANKED]

    def test_rows_never_looked_at_get_their_rule_if_the_budget_is_not_spent(self) -> None:
        admission = Admission(rows("bbcc", cost=[4, 4, 1, 1]), Limits(6, True, caps={1: 1}))
        admission.take(0)
        admission.take(2)
        admission.close_rest()
        assert admission.status.tolist() == [SELECTED, OVER_BUDGET, SELECTED, GROUP_CAP]

    def test_rows_that_a_stopped_search_did_not_reach_are_said_to_be_so(self) -> None:
        admission = Admission(rows("bbc", cost=[4, 4, 1]), Limits(6, True))
        admission.take(0)
        admission.stopped = True
        admission.close_rest()
        assert admission.status.tolist() == [SELECTED, OVER_BUDGET, TIME_LIMIT]


def test_a_floor_counts_rows_that_must_be_included() -> None:
    admission = Admission(rows("bbc"), Limits(2, floors={0: 1}, include=(1,)))
    assert admission.refusal(2) == ""


def test_preselected_rows_count_neither_for_the_budget_nor_for_floors_and_caps() -> None:
    limits = Limits(2, floors={0: 1}, caps={0: 1}, preselected=(0,))
    admission = Admission(rows("bbb"), limits)
    admission.take(1)
    assert (admission.spent, admission.refusal(2)) == (1, GROUP_CAP)


class TestMany:
    """Picks made outside: what a search needs to keep count itself."""

    def test_what_is_taken_at_once_counts_as_taken_one_by_one(self) -> None:
        pool = random_pool(60)
        limits = Limits(90, True, caps={0: 5, 2: 4}, exclude=(3, 4))
        one, other = Admission(pool, limits), Admission(pool, limits)
        assert one.simple
        picks = []
        for index in np.random.default_rng(1).permutation(60).tolist():
            if not one.refusal(index):
                one.take(index)
                picks.append(index)
        other.take_many(picks)
        for name in ("order", "spent", "left", "room", "full"):
            assert getattr(one, name) == getattr(other, name)
        assert (one.free == other.free).all()
        assert (one.status == other.status).all()
        for mine, theirs in zip(one.open_budget(), other.open_budget(), strict=True):
            assert np.array_equal(mine, theirs)

    @settings(max_examples=100, deadline=None)
    @given(st.data())
    def test_the_arrays_alone_tell_what_may_be_taken_where_it_is_simple(
        self, data: st.DataObject
    ) -> None:
        pool = data.draw(pools())
        limits = replace(data.draw(limits_for(pool)), floors={})
        assume(len(allowed_subsets(pool, limits)))
        admission = Admission(pool, limits)
        bounded = {group // 3 for group in limits.caps if (pool.group == group).any()}
        assert admission.simple == (len(bounded) < 2)
        if admission.simple:
            left, group, room = admission.open_budget()
            told = admission.free & (admission.cost <= left) & (room[group] > 0)
            assert told.tolist() == [not admission.refusal(i) for i in range(len(pool))]

    def test_it_is_not_simple_while_a_floor_is_open_or_rows_keep_a_distance(self) -> None:
        admission = Admission(rows("bbc"), Limits(3, floors={1: 1}))
        assert not admission.simple
        admission.take(2)
        assert admission.simple
        assert not Admission(rows("bb"), Limits(2, min_distance=0.1)).simple

    @pytest.mark.parametrize("picks", [[0, 0], [0, 1, 2], [1, 4], [3], [5]])
    def test_picks_that_break_a_limit_are_refused(self, picks: list[int]) -> None:
        pool = rows("bbbccw", cost=[1, 1, 1, 9, 3, 1])
        limits = Limits(5, True, caps={0: 2, 1: 1}, exclude=(5,), include=(4,))
        with pytest.raises(InfeasibleError):
            Admission(pool, limits).take_many(picks)
