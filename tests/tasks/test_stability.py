"""Bounded churn: what was selected before stays, within every limit, whatever selects."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InfeasibleError
from schemas.params import ChooseParams
from schemas.results import REPLACEMENT_LIMIT, SELECTED
from tasks.engine.constraints import Limits, eligible
from tasks.engine.watch import Watch
from tasks.selectors import SELECTORS
from tasks.stability import Search, Steadied, most_replacements, objective_of, steadied
from tests.brute_force import allowed_subsets
from tests.pools import limits_for, pool_of, pools, random_pool
from tests.tasks.test_selectors_limits import Ticks

WITHOUT_OBJECTIVE = {
    "k_center",
    "regularised_draw",
    "stratified",
    "top_quality",
    "uniform",
}


def steady(name, pool, limits, previous, most, seed=0) -> tuple[Steadied, Steadied]:
    """The selection within its bound, and from scratch."""
    search = Search(SELECTORS[name](), pool, limits, seed, Watch())
    scratch = search()
    found = steadied(search, scratch, np.array(sorted(previous), dtype=np.int64), most)
    return found, Steadied(scratch)


@pytest.mark.parametrize("name", SELECTORS)
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_no_more_rows_are_replaced_than_allowed_and_every_limit_holds(name, data):
    pool = data.draw(pools())
    limits = data.draw(limits_for(pool, spaced=data.draw(st.booleans())))
    previous = data.draw(st.lists(st.integers(0, len(pool) - 1), unique=True))
    most = data.draw(st.integers(0, 4))
    try:
        found, scratch = steady(name, pool, limits, previous, most)
    except InfeasibleError:
        return  # then it is so from scratch, too: the first search raised it
    chosen = found.selection.indices
    assert sum(1 << int(index) for index in chosen) in allowed_subsets(pool, limits)
    among = set(np.array(previous)[eligible(pool, limits)[previous]].tolist() if previous else [])
    left = among - set(chosen.tolist())
    facts = found.facts
    assert facts["eligible"] == len(among)
    assert len(left) <= facts["replaced"] + facts["forced_out"]
    if facts["held"]:
        assert facts["replaced"] <= most
    else:
        assert limits.min_distance
        assert limits.floors
    plain = not (limits.floors or limits.caps or limits.min_distance or limits.in_tokens)
    if plain and limits.budget >= len(among | set(limits.include)):
        assert facts["forced_out"] == 0
        assert len(left) <= most
    assert found.held <= among - set(scratch.selection.indices.tolist())
    assert (found.selection.status[chosen] == SELECTED).all()
    assert (found.selection.status == SELECTED).sum() == len(chosen) == len(set(chosen.tolist()))
    assert len(found.selection.gains) == len(found.selection.weights) == len(chosen)


@pytest.mark.parametrize("name", SELECTORS)
def test_rows_that_must_leave_leave_and_rows_kept_out_say_so(name):
    pool, before = random_pool(40), range(0, 20)
    limits = Limits(12, exclude=(0, 1), closed={2: "semantic_duplicate"})
    found, scratch = steady(name, pool, limits, before, 0)
    chosen = set(found.selection.indices.tolist())
    assert chosen <= set(range(3, 20)), "of 17 rows that may stay 12 have room; none is new"
    assert len(chosen) == 12
    assert found.facts["forced_out"] == 5
    lost = set(scratch.selection.indices.tolist()) - chosen
    assert set(np.flatnonzero(found.selection.status == REPLACEMENT_LIMIT)) == lost
    assert np.isnan(found.selection.needed_quality[sorted(lost)]).all()


@pytest.mark.parametrize("name", SELECTORS)
def test_the_objective_is_the_same_function_and_never_below_keeping_all(name):
    pool, limits = random_pool(60, seed=3), Limits(15)
    before = np.random.default_rng(1).permutation(60)[:15].tolist()
    kept_all, scratch = steady(name, pool, limits, before, 0)
    found, _ = steady(name, pool, limits, before, 4)
    assert set(kept_all.selection.indices.tolist()) == set(before)
    facts = found.facts
    if name in WITHOUT_OBJECTIVE:
        assert facts["share_of_from_scratch"] is None
        assert "no function" in facts["why_no_share"]
        return
    value = objective_of(found.selection, pool)
    assert value >= objective_of(kept_all.selection, pool)
    assert facts["share_of_from_scratch"] == round(value / facts["objective_from_scratch"], 6)
    again = Search(SELECTORS[name](), pool, limits, 0, Watch()).with_included(
        scratch.selection.indices
    )
    # gains are sums of float32, whose last bits depend on the processor and on the order of picks
    assert objective_of(again, pool) == pytest.approx(facts["objective_from_scratch"], rel=1e-6)


def test_the_rows_that_add_least_are_the_ones_replaced():
    pool = random_pool(30, seed=2)
    worst_first = np.argsort(pool.quality, kind="stable")
    found, _ = steady("top_quality", pool, Limits(10), worst_first[:10], 3)
    assert set(worst_first[:10]) - set(found.selection.indices) == set(worst_first[:3])
    assert set(found.selection.indices) - set(worst_first[:10]) == set(worst_first[-3:])
    gains = found.selection.gains
    assert (np.diff(gains) <= 0).all(), "ranked as if nothing had been kept"


def test_a_larger_budget_is_filled_without_counting_as_replacement():
    pool = random_pool(30, seed=2)
    before = np.argsort(pool.quality, kind="stable")[:10]
    found, _ = steady("top_quality", pool, Limits(14), before, 0)
    assert set(before) < set(found.selection.indices)
    assert len(found.selection.indices) == 14
    assert found.facts["replaced"] == 0


@pytest.mark.parametrize(
    ("stability", "most", "rows", "expected"),
    [(0.0, -1, 10, 10), (0.9, -1, 10, 1), (0.95, -1, 10, 0), (1.0, -1, 10, 0), (0.0, 3, 10, 3)],
)
def test_the_bound_is_the_lesser_of_both_settings(stability, most, rows, expected):
    assert most_replacements(ChooseParams(stability=stability, max_replacements=most), rows) == (
        expected
    )
    both = ChooseParams(stability=stability, max_replacements=2)
    assert most_replacements(both, rows) == min(2, expected)


def test_rows_that_were_kept_without_a_distance_leave_one_by_one_once_there_is_one():
    pool = random_pool(40, seed=1)
    limits = Limits(40, min_distance=0.2)
    found, _ = steady("top_quality", pool, limits, range(40), 0)
    chosen = pool.vectors[found.selection.indices].astype(float)
    assert (np.triu(chosen @ chosen.T, 1) <= 0.8 + 2e-6).all()
    assert found.facts["forced_out"] == 40 - len(chosen) > 0


def test_where_kept_rows_leave_no_way_to_a_floor_the_run_from_scratch_stands(caplog):
    """Row 0 is near both rows of the group whose floor is 2; those two are far from each other."""
    angles = np.deg2rad([0, 40, -40, 180])
    vectors = np.column_stack([np.cos(angles), np.sin(angles)])
    pool = pool_of(vectors, quality=[0.1, 0.9, 0.8, 0.2], group=[0, 1, 1, 0])
    limits = Limits(3, floors={1: 2}, min_distance=0.5)
    found, scratch = steady("top_quality", pool, limits, [0], 0)
    assert found.facts["held"] is False
    assert found.selection.indices.tolist() == scratch.selection.indices.tolist() == [1, 2, 3]
    assert "not held" in caplog.text


@pytest.mark.parametrize("name", SELECTORS)
def test_the_bound_and_the_floors_hold_in_a_search_that_the_clock_stops(name):
    pool, limits = random_pool(60), Limits(30, floors={0: 4, 2: 3}, include=(7,))
    search = Search(SELECTORS[name](), pool, limits, 0, Watch(1.0, clock=Ticks()))
    before = np.arange(0, 60, 3)
    found = steadied(search, search(), before, 2)
    chosen = found.selection.indices
    assert len(np.setdiff1d(before, chosen)) <= 2
    assert np.isin(7, chosen)
    assert (pool.group[chosen, 0] == 0).sum() >= 4
    assert (pool.group[chosen, 0] == 2).sum() >= 3
    assert len(found.selection.gains) == len(found.selection.weights) == len(chosen)
