"""Budget, floors, caps and lists: kept whatever the method does, refused where they cannot be."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from schemas.errors import InfeasibleError
from schemas.results import EXCLUDED, FLOOR_RESERVE, GROUP_CAP, OUTRANKED, OVER_BUDGET, SELECTED
from tasks.engine.constraints import Admission, Limits
from tasks.engine.pool import Pool
from tests.brute_force import allowed_subsets, may_follow
from tests.pools import limits_for, pool_of, pools


def rows(groups: str, cost: list[int] | None = None) -> Pool:
    """One row per letter: b(ooks), c(ode), w(eb)."""
    return pool_of(
        np.ones((len(groups), 1)), cost=cost, group=["bcw".index(letter) for letter in groups]
    )


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_row_may_be_taken_exactly_if_all_demands_can_still_be_met(data: st.DataObject) -> None:
    pool = data.draw(pools())
    limits = data.draw(limits_for(pool))
    allowed = allowed_subsets(pool, limits)
    if not len(allowed):
        with pytest.raises(InfeasibleError):
            Admission(pool, limits)
        return
    admission = Admission(pool, limits)
    refused: set[int] = set()
    slack = admission.slack
    while True:
        possible = [i for i in range(len(pool)) if not admission.refusal(i)]
        assert possible == may_follow(allowed, admission.order, len(pool))
        assert not refused & set(possible), "a row refused once stays refused"
        refused |= set(range(len(pool))) - set(possible)
        assert admission.slack <= slack, "slack never grows"
        slack = admission.slack
        if not possible:
            break
        shut = [i for i in range(len(pool)) if admission.free[i] and i not in possible]
        if shut and data.draw(st.booleans()):
            index = data.draw(st.sampled_from(shut))
            admission.close(index, admission.refusal(index))
        admission.take(data.draw(st.sampled_from(possible)))
    final = sum(1 << index for index in admission.order)
    assert final in allowed, "a search that takes what it may ends with every demand met"


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_lists_are_kept_and_counted(data: st.DataObject) -> None:
    pool = data.draw(pools())
    limits = data.draw(limits_for(pool))
    assume(len(allowed_subsets(pool, limits)))
    admission = Admission(pool, limits)
    assert admission.order == sorted(limits.include)
    assert (admission.status[admission.order] == SELECTED).all()
    cost = pool.cost if limits.in_tokens else np.ones(len(pool), dtype=int)
    assert admission.spent == cost[admission.order].sum()
    assert all(admission.status[i] == EXCLUDED for i in limits.exclude)
    assert all(admission.refusal(i) == EXCLUDED for i in limits.exclude)
    for index, rule in limits.closed.items():
        assert admission.refusal(index) == (EXCLUDED if index in limits.exclude else rule)


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

    def test_rows_never_looked_at_are_outranked_if_the_budget_is_spent(self) -> None:
        admission = Admission(rows("bbb"), Limits(1))
        admission.take(1)
        admission.close_rest()
        assert admission.status.tolist() == [OUTRANKED, SELECTED, OUTRANKED]

    def test_rows_never_looked_at_get_their_rule_if_the_budget_is_not_spent(self) -> None:
        admission = Admission(rows("bbc", cost=[4, 4, 1]), Limits(6, in_tokens=True))
        admission.take(0)
        admission.close_rest()
        assert admission.status.tolist() == [SELECTED, OVER_BUDGET, OUTRANKED]


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        (Limits(3, floors={0: 2}, caps={0: 1}), "'books': floor 2 is above its cap 1"),
        (Limits(9, floors={2: 2}), "'web': floor 2 is above its 1 eligible rows"),
        (Limits(9, floors={2: 1}, exclude=(5,)), "'web': floor 1 is above its 0 eligible rows"),
        (Limits(9, floors={2: 1}, closed={5: "below_min_quality"}), "0 eligible rows"),
        (Limits(3, floors={0: 2, 1: 2}), "floors alone cost 4, the budget is 3"),
        (Limits(1, include=(0, 3)), "must-include rows alone cost 2, the budget is 1"),
        (Limits(9, caps={1: 1}, include=(3, 4)), "'code': 2 must-include rows, cap 1"),
        (Limits(9, include=(3,), exclude=(3,)), "'r00003' must be included, but is shut out"),
        (Limits(2, floors={0: 1}, include=(3, 4)), "'r00004' cannot be taken: floor_reserve"),
    ],
)
def test_demands_that_cannot_be_met_are_named(limits: Limits, named: str) -> None:
    with pytest.raises(InfeasibleError, match=named):
        Admission(rows("bbbccw"), limits)


def test_a_floor_counts_rows_that_must_be_included() -> None:
    admission = Admission(rows("bbc"), Limits(2, floors={0: 1}, include=(1,)))
    assert admission.refusal(2) == ""
