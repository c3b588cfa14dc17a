"""Facility location that covers one group of rows: a reference set inside the pool."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import SettingsError
from tasks.engine import fast_greedy
from tasks.engine.constraints import Limits
from tasks.selectors.facility_location import FacilityLocation, Mode
from tests.brute_force import allowed_subsets
from tests.pools import random_pool

NEAR = 1e-6


def covered_by(similarity: np.ndarray, chosen: list[int]) -> float:
    return float(similarity[:, chosen].max(axis=1, initial=0.0).sum(dtype=np.float64))


@given(st.integers(0, 10_000), st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_each_pick_covers_most_of_the_group(seed: int, budget: int) -> None:
    pool = random_pool(40, seed=seed)
    reference = np.flatnonzero(pool.group[:, 0] == 2)  # "web"
    limits = Limits(budget, caps={2: 0})
    found = FacilityLocation(1.0, mode="exact", cover="web")(pool, limits, 0)
    similarity = np.maximum(pool.vectors[reference] @ pool.vectors.T, 0)
    others = np.flatnonzero(pool.group[:, 0] != 2).tolist()
    taken: list[int] = []
    for pick in found.indices.tolist():
        assert pick in others, "a cap of 0 keeps the reference out"
        value = {row: covered_by(similarity, [*taken, row]) for row in others if row not in taken}
        assert value[pick] >= max(value.values()) - NEAR
        taken.append(pick)
    assert found.totals["objective"] == pytest.approx(
        covered_by(similarity, taken) / len(reference), abs=NEAR
    )
    assert found.totals["share_of_bound"] <= 1


def test_fast_mode_covers_the_group_nearly_as_well() -> None:
    pool = random_pool(1500, d=12, seed=3)
    exact, fast = (
        FacilityLocation(1.0, mode=mode, cover="code")(pool, Limits(60, caps={1: 0}), 0)
        for mode in ("exact", "fast")
    )
    whole = FacilityLocation(1.0, mode="exact")(pool, Limits(60, caps={1: 0}), 0)
    similarity = np.maximum(pool.vectors[pool.group[:, 0] == 1] @ pool.vectors.T, 0)
    best, near, other = (covered_by(similarity, s.indices.tolist()) for s in (exact, fast, whole))
    assert near >= 0.99 * best
    assert best > other, "covering all rows covers this group less well"
    with patch.object(fast_greedy, "BUCKET_ROWS", 40):
        split = FacilityLocation(1.0, mode="fast", cover="code")(pool, Limits(60, caps={1: 0}), 0)
    assert covered_by(similarity, split.indices.tolist()) >= 0.97 * best


@given(st.integers(0, 10_000), st.integers(1, 4), st.sampled_from(["exact", "fast"]))
@settings(max_examples=60, deadline=None)
def test_value_and_bound_count_what_rows_chosen_before_do_not_cover(
    seed: int, budget: int, mode: Mode
) -> None:
    pool = random_pool(11, seed=seed)
    before = [0, 3]
    limits = Limits(budget, preselected=tuple(before))
    group = pool.group[:, 0] == pool.group[5, 0]
    name = pool.group_names[pool.group[5, 0]]
    found = FacilityLocation(1.0, mode=mode, cover=name)(pool, limits, 0)
    similarity = np.maximum(pool.vectors[group] @ pool.vectors.T, 0)

    def added(rows: list[int]) -> float:
        more = covered_by(similarity, [*before, *rows]) - covered_by(similarity, before)
        return more / int(group.sum())

    assert found.totals["objective"] == pytest.approx(added(found.indices.tolist()), abs=NEAR)
    best = max(added([i for i in range(11) if mask >> i & 1])
               for mask in allowed_subsets(pool, limits).tolist())  # fmt: skip
    assert found.totals["upper_bound"] >= best - NEAR


def test_a_group_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(SettingsError, match=r"'gold'.*\n?.*'books'"):
        FacilityLocation(cover="gold")(random_pool(10), Limits(2), 0)
