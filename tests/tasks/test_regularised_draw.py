"""Chances that add up to the budget, and draws that keep them: pivotal sampling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import SettingsError
from tasks.engine.constraints import Limits
from tasks.engine.inclusion import inclusion_chances, water_fill
from tasks.engine.pivotal import draw_pivotal, duel
from tasks.engine.pool import Pool
from tasks.engine.similarity_order import similarity_order
from tasks.selectors.regularised_draw import RegularisedDraw
from tests.pools import pool_of, random_pool, with_

ONE_GROUP = np.zeros(1, dtype=np.int64)
cases = st.data()


def chances(weight: list[float], budget: float, cost: list[int] | None = None) -> np.ndarray:
    """Chances without groups."""
    each = np.array(weight)
    price = np.ones(len(each), dtype=np.int64) if cost is None else np.array(cost)
    nowhere = np.zeros(len(each), dtype=np.int64)
    return inclusion_chances(each, price, budget, nowhere, ONE_GROUP, ONE_GROUP + len(each))


class TestChances:
    def test_the_worked_example(self) -> None:
        uncertainty = [0.25, 0.25, 0.16, 0.09, 0.09, 0.01]
        assert water_fill(np.array(uncertainty), 3) == pytest.approx(3 / 0.85)
        found = chances(uncertainty, 3)
        np.testing.assert_allclose(found, [0.882, 0.882, 0.565, 0.318, 0.318, 0.035], atol=5e-4)

    def test_what_would_be_above_one_is_one_and_the_rest_share_what_is_left(self) -> None:
        np.testing.assert_allclose(chances([100.0, 2.0, 1.0, 1.0], 3), [1.0, 1.0, 0.5, 0.5])

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=30),
        st.floats(0, 1),
        st.booleans(),
        st.integers(0, 2**32),
    )
    def test_they_add_up_to_the_budget_and_rise_with_the_weight(
        self, weight: list[float], share: float, in_tokens: bool, seed: int
    ) -> None:
        random = np.random.default_rng(seed)
        cost = random.integers(1, 9, len(weight)) if in_tokens else np.ones(len(weight), int)
        budget = float(round(share * int(cost.sum())))  # rows or tokens
        found = chances(weight, budget, cost.tolist())
        assert ((found >= 0) & (found <= 1)).all()
        assert (found * cost).sum() == pytest.approx(budget, rel=1e-9, abs=1e-9)
        order = np.argsort(weight)
        assert (np.diff(found[order]) >= -1e-9).all()
        inner = (found < 1 - 1e-9) & (np.array(weight) > 1e-5 * max(weight))
        if inner.sum() > 1:
            ratio = found[inner] / np.array(weight)[inner]
            np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)

    @settings(max_examples=150, deadline=None)
    @given(cases)
    def test_sums_of_groups_keep_their_bounds(self, data: st.DataObject) -> None:
        random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
        n = data.draw(st.integers(3, 30))
        group, weight = random.integers(0, 3, n), random.exponential(size=n) ** 2 + 1e-3
        size = np.bincount(group, minlength=3)
        least = random.integers(0, size + 1)
        most = random.integers(least, size + 1)
        budget = int(data.draw(st.integers(int(least.sum()), n)))
        cost = np.ones(n, dtype=np.int64)
        found = inclusion_chances(weight, cost, budget, group, least, most)
        sums = np.bincount(group, weights=found, minlength=3)
        assert (sums >= least - 1e-6).all()
        assert (sums <= most + 1e-6).all()
        assert found.sum() == pytest.approx(min(budget, most.sum()), abs=1e-6)


class TestPivotal:
    def test_the_worked_duel(self) -> None:
        many = np.full(200_000, 0.5)
        uniform = (np.arange(200_000) + 0.5) / 200_000
        one, other = duel(many, np.full(200_000, 0.7), uniform)
        assert (one == 1).mean() == pytest.approx(0.375, abs=1e-4)
        np.testing.assert_allclose(other[one == 1], 0.2)
        assert one.mean() == pytest.approx(0.5, abs=1e-4)
        assert other.mean() == pytest.approx(0.7, abs=1e-4)
        few, rest = duel(np.full(200_000, 0.2), np.full(200_000, 0.3), uniform)
        assert (few > 0).mean() == pytest.approx(0.4, abs=1e-4)
        np.testing.assert_allclose(few + rest, 0.5)

    def test_chances_are_kept_and_the_number_is_their_sum(self) -> None:
        chance = np.array([0.1, 0.9, 0.5, 0.5, 0.25, 0.75, 1.0, 0.0])
        ids = np.array([f"r{i}" for i in range(8)], dtype=object)
        draws, drawn = 20_000, np.zeros(8)
        order, group = np.array([3, 1, 0, 2, 7, 6, 5, 4]), np.zeros(8, dtype=np.int64)
        for seed in range(draws):
            found = draw_pivotal(chance, order, group, ids, seed)
            assert found.sum() == 4
            drawn += found
        spread = np.sqrt(np.maximum(chance * (1 - chance), 1e-12) / draws)
        assert (np.abs(drawn / draws - chance) <= 5 * spread).all()

    @settings(max_examples=150, deadline=None)
    @given(cases)
    def test_of_every_group_as_many_are_drawn_as_its_sum_rounded(self, data: st.DataObject) -> None:
        random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
        n, groups = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 4))
        chance, group = random.random(n).round(2), random.integers(0, groups, n)
        ids = np.array([f"r{i}" for i in range(n)], dtype=object)
        found = draw_pivotal(chance, random.permutation(n), group, ids, 7)
        for code in range(groups):
            own = chance[group == code].sum()
            assert np.floor(own - 1e-6) <= found[group == code].sum() <= np.ceil(own + 1e-6)
        assert not found[chance == 0].any()
        assert found[chance == 1].all()

    def test_neighbours_in_the_order_are_seldom_drawn_together(self) -> None:
        ids = np.array([f"r{i}" for i in range(64)], dtype=object)
        chance, group = np.full(64, 0.25), np.zeros(64, dtype=np.int64)
        together = sum(
            int((found[::2] & found[1::2]).sum())
            for seed in range(300)
            for found in [draw_pivotal(chance, np.arange(64), group, ids, seed)]
        )
        assert together == 0, "a pair that duels first never wins twice below a sum of 1"


class TestOrder:
    @settings(max_examples=60, deadline=None)
    @given(st.integers(1, 200), st.integers(1, 8), st.integers(0, 2**32))
    def test_it_holds_every_row_once(self, n: int, d: int, seed: int) -> None:
        rows = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
        assert sorted(similarity_order(rows).tolist()) == list(range(n))

    def test_neighbours_are_alike(self) -> None:
        pool = random_pool(2000, d=16)
        order = similarity_order(pool.vectors)
        near = np.einsum("ij,ij->i", pool.vectors[order[:-1]], pool.vectors[order[1:]])
        far = np.einsum("ij,ij->i", pool.vectors[:-1], pool.vectors[1:])
        assert near.mean() > far.mean() + 0.3

    def test_equal_rows_stand_in_order_of_their_index(self) -> None:
        rows = np.repeat(np.eye(2, dtype=np.float32), 40, axis=0)
        order = similarity_order(rows).tolist()
        assert order in ([*range(80)], [*range(40, 80), *range(40)])


def frequencies(selector: RegularisedDraw, pool: Pool, limits: Limits, draws: int) -> tuple:
    """How often each row is drawn, and the chances told."""
    drawn = np.zeros(len(pool))
    for seed in range(draws):
        found = selector(pool, limits, seed)
        drawn[found.indices] += 1
    return drawn / draws, found.final_gain


class TestSelector:
    @pytest.mark.parametrize(
        ("settings", "limits"),
        [
            ({}, Limits(9)),
            ({"temperature": 0.3, "mix": 0.0}, Limits(9, include=(4,), exclude=(5,))),
            ({"scores": "rank", "reference": "stratum"}, Limits(11)),
            ({"diversity_weight": 0.0}, Limits(9, floors={0: 4}, caps={1: 2})),
        ],
    )
    def test_over_many_seeds_rows_are_drawn_as_often_as_it_tells(
        self, settings: dict, limits: Limits
    ) -> None:
        pool, draws = random_pool(30), 150
        often, chance = frequencies(RegularisedDraw(**settings), pool, limits, draws)
        assert chance.sum() == pytest.approx(limits.budget)
        spread = np.sqrt(np.maximum(chance * (1 - chance), 1e-9) / draws)
        assert (np.abs(often - chance) <= 5 * spread + 1e-9).all()

    def test_the_chance_is_the_mixture_of_its_formula(self) -> None:
        pool = random_pool(50)
        selector = RegularisedDraw(0.0, temperature=0.5, mix=0.3, reference="stratum")
        found = selector(pool, Limits(5), 0)
        score = (pool.quality - pool.quality.mean()) / pool.quality.std()
        sharp = np.exp(score / 0.5) / np.exp(score / 0.5).sum()
        strata, size = np.unique(pool.stratum, return_counts=True)
        plain = 1 / (len(strata) * size[pool.stratum])
        expected = 5 * (0.7 * sharp + 0.3 * plain)
        assert (expected < 1).all()
        np.testing.assert_allclose(found.final_gain, expected)
        np.testing.assert_allclose(found.weights, 1 / expected[found.indices])

    def test_rare_rows_are_likelier_the_more_diversity_counts(self) -> None:
        rows = np.vstack([np.tile([1.0, 0.0], (30, 1)), [[0.0, 1.0]]])
        pool = pool_of(rows, quality=np.full(31, 0.5))
        rare = [RegularisedDraw(w)(pool, Limits(3), 0).final_gain[-1] for w in (0.0, 0.5, 1.0)]
        assert rare[0] == pytest.approx(3 / 31)
        assert rare[0] < rare[1] < rare[2]

    def test_weighted_sums_over_draws_estimate_the_pool(self) -> None:
        pool = random_pool(60)
        sums, sizes = [], []
        for seed in range(150):
            found = RegularisedDraw()(pool, Limits(15), seed)
            sums.append((found.weights * pool.quality[found.indices]).sum())
            sizes.append(found.weights.sum())
        assert np.mean(sums) == pytest.approx(pool.quality.sum(), rel=0.1)
        assert np.mean(sizes) == pytest.approx(60, rel=0.1)

    def test_a_budget_in_tokens_is_spent_and_what_was_put_in_is_told(self) -> None:
        pool = random_pool(80)
        for seed in range(20):
            found = RegularisedDraw()(pool, Limits(100, True), seed)
            spent = int(pool.cost[found.indices].sum())
            left = np.setdiff1d(np.arange(80), found.indices)
            assert spent <= 100 < spent + pool.cost[left].min()
            assert (found.final_gain * pool.cost).sum() == pytest.approx(100)
            kept = found.totals["drawn"] - found.totals["left_out"] + found.totals["replaced"]
            assert kept == len(found.indices)

    def test_a_small_change_of_one_quality_leaves_most_of_the_draw_as_it_was(self) -> None:
        pool = random_pool(400, d=8)
        one = RegularisedDraw(0.0)(pool, Limits(100), 3)
        better = pool.quality.copy()
        better[7] += 1e-3
        other = RegularisedDraw(0.0)(with_(pool, quality=better), Limits(100), 3)
        assert len(set(one.indices.tolist()) & set(other.indices.tolist())) >= 80

    @pytest.mark.parametrize(
        ("settings", "named"),
        [
            ({"temperature": 0.0}, "temperature"),
            ({"mix": 1.5}, "mix"),
            ({"scores": "z"}, "scores must be one of"),
            ({"reference": "all"}, "reference must be one of"),
            ({"kernel_width": 0.001}, "kernel_width"),
        ],
    )
    def test_settings_out_of_bounds_are_refused(self, settings: dict, named: str) -> None:
        with pytest.raises(SettingsError, match=named):
            RegularisedDraw(**settings)
