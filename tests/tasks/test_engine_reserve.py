"""Floors over several columns in larger pools, against a program with a variable per row."""

import numpy as np
import pytest
from scipy import optimize

from tasks.engine.completion import Completion, cheapest_completion
from tasks.engine.constraints import Admission, Limits
from tasks.engine.offers import Demand, Offer
from tasks.engine.pool import Pool
from tests.pools import pool_of

ROWS = 90


def pool(seed: int, columns: int, dearest: int) -> Pool:
    random = np.random.default_rng(seed)
    group = random.integers(0, 3, (ROWS, columns)) + 3 * np.arange(columns)
    return pool_of(np.ones((ROWS, 1)), cost=random.integers(1, dearest + 1, ROWS), group=group)


def can_be_completed(rows: Pool, limits: Limits, taken: list[int], closed: list[int]) -> bool:
    """Whether some subset holds all taken rows, none of the closed ones, and meets all demands."""
    cost = rows.cost if limits.in_tokens else np.ones(ROWS)
    low, high = np.zeros(ROWS), np.ones(ROWS)
    low[taken], high[closed] = 1, 0
    matrix, least, most = [cost], [0.0], [float(limits.budget)]
    for group in {*limits.floors, *limits.caps}:
        matrix.append((rows.group == group).any(axis=1).astype(float))
        least.append(limits.floors.get(group, 0))
        most.append(limits.caps.get(group, ROWS))
    found = optimize.milp(
        np.zeros(ROWS),
        integrality=np.ones(ROWS),
        bounds=optimize.Bounds(low, high),
        constraints=optimize.LinearConstraint(np.array(matrix), least, most),
    )
    return bool(found.status == 0)


@pytest.mark.parametrize("in_tokens", [False, True])
@pytest.mark.parametrize("columns", [2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_a_row_is_refused_exactly_if_no_completion_holds_it(
    seed: int, columns: int, in_tokens: bool
) -> None:
    rows, random = pool(seed, columns, 4 + 12 * (seed % 2)), np.random.default_rng(seed)
    groups = np.unique(rows.group).tolist()
    floors = {group: int(random.integers(3, 9)) for group in groups}
    caps = {group: floors[group] + int(random.integers(0, 5)) for group in groups[::2]}
    budget = 18 if columns == 2 else 20
    while True:
        limits = Limits(budget, in_tokens, floors, caps)
        if can_be_completed(rows, limits, [], []):
            break
        budget += 1
    admission = Admission(rows, limits)  # the least budget that will do: all is tight
    for index in random.permutation(ROWS).tolist():
        if not admission.free[index]:
            continue
        rule = admission.refusal(index)
        if random.random() < 0.5 or not rule:
            refused = not can_be_completed(rows, limits, [*admission.order, index], [])
            assert bool(rule) == refused
        if rule:
            admission.close(index, rule)
        else:
            admission.take(index)
    assert not admission.open_need
    assert admission.spent <= budget


@pytest.mark.parametrize("seed", range(8))
def test_a_slack_budget_asks_for_no_program_beyond_the_first(seed: int) -> None:
    rows = pool(seed, 2, 5)
    admission = Admission(rows, Limits(80, False, {0: 4, 3: 4, 5: 2}))
    reserve = admission.reserve
    for index in np.random.default_rng(seed).permutation(ROWS).tolist():
        if not admission.full and not admission.refusal(index):
            admission.take(index)
    assert reserve is not None
    assert reserve.solved == 1
    assert len(admission.order) == 80


@pytest.mark.parametrize("seed", range(8))
def test_closing_rows_keeps_the_plan_or_says_that_there_is_none(seed: int) -> None:
    rows, random = pool(seed, 2, 9), np.random.default_rng(seed)
    limits = Limits(60, True, {0: 4, 1: 2, 3: 4, 5: 2}, {4: 3})
    admission = Admission(rows, limits)
    assert admission.reserve is not None
    closed: list[int] = []
    for index in random.permutation(ROWS).tolist():
        sound = admission.reserve.close(index, admission.left)
        admission.free[index] = False
        closed.append(index)
        assert sound == can_be_completed(rows, limits, [], closed)
        if not sound:
            return
    raise AssertionError("without rows no floor can be met")


@pytest.mark.parametrize("seed", range(30))
def test_a_program_near_the_last_prices_finds_what_a_whole_one_does(seed: int) -> None:
    random = np.random.default_rng(seed)
    cell = np.sort(random.integers(0, 9, 400))
    order = np.lexsort((cost := random.integers(1, 200, 400), cell))
    offer = Offer.of_rows(cell[order], cost[order])
    members = np.array([[i, 3 + j] for i in range(3) for j in range(3)])
    need = random.integers(10, 40, 6)
    demand = Demand(members, need, need + random.integers(20, 60, 6))
    first = cheapest_completion(offer, demand)
    if first is None:
        return
    for change in (0, 1, 5, -8):
        other = Demand(members, np.maximum(need + change, 0), demand.room)
        whole, near = cheapest_completion(offer, other), cheapest_completion(offer, other, first)
        assert (whole is None) == (near is None)
        if isinstance(whole, Completion) and isinstance(near, Completion):
            assert offer.total(whole.count) == offer.total(near.count)
            held = np.bincount(members.ravel(), np.repeat(near.count, 2), 6)
            assert ((held >= other.need) & (held <= other.room)).all()
