"""Kernel herding: its picks, its discrepancy, and the ways to search for it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from schemas.errors import SettingsError
from tasks.engine.admission import Admission
from tasks.engine.constraints import Limits
from tasks.engine.mean_similarity import mean_similarity
from tasks.engine.objectives.mixed import Mixed
from tasks.engine.pool import Pool
from tasks.engine.rising_greedy import rising_greedy
from tasks.engine.shortlist_greedy import shortlist_greedy
from tasks.engine.similarity import Similarity
from tasks.selectors.distribution_matching import DistributionMatching
from tasks.selectors.mixture import Mixture
from tests.brute_force import allowed_subsets
from tests.pools import in_rows, pool_of, pools, random_pool, with_
from tests.set_functions import (
    affordable,
    facility_location,
    gain_of,
    similarities,
    squared_discrepancy,
)
from tests.tasks.test_selectors_brute_force import follow, run_or_refuse, spaced_limits

cases = st.data()


def kernel_of(pool: Pool, width: float, centred: bool = False) -> np.ndarray:
    if width:
        return similarities(pool, width, centred)
    rows = pool.vectors.astype(np.float64)
    return rows @ rows.T


def plain(weight: float = 1.0, centred: bool = False, width: float = 0.1, **more: Any) -> Any:
    """Herding towards the pool as it is."""
    return DistributionMatching(weight, centred, width, 0.0, **more)


def herding(kernel: np.ndarray) -> Callable[[list[int], int], float]:
    """(t + 1) m(x) - sum_{s in S} k(x, s)."""
    mean = kernel.mean(axis=1)
    return lambda taken, i: float((len(taken) + 1) * mean[i] - kernel[i, taken].sum())


@settings(max_examples=60, deadline=None)
@given(cases, st.sampled_from([0.3, 1.0]), st.sampled_from([0.0, 0.1, 0.5]), st.booleans())
def test_it_makes_the_picks_of_plain_herding(
    data: st.DataObject, weight: float, width: float, centred: bool
) -> None:
    pool = data.draw(pools())
    limits = in_rows(data.draw(spaced_limits(pool)))
    centred = centred and width > 0
    kernel, k = kernel_of(pool, width, centred), min(limits.budget, len(pool))
    score, match = herding(kernel), k**2 / 2 * (kernel.mean() if width else 1.0)
    most = affordable(pool.quality, pool, limits)

    def gain(taken: list[int], index: int) -> float:
        quality = pool.quality[index] / most if most else 0.0
        return (1 - weight) * quality + weight * score(taken, index) / match

    found = run_or_refuse(plain(weight, centred, width), pool, limits)
    if found is not None:
        follow(pool, limits, found, gain)


@settings(max_examples=60, deadline=None)
@given(pools(), st.integers(1, 9), st.sampled_from([0.1, 0.5]))
def test_it_is_the_greedy_minimisation_of_the_discrepancy_which_it_tells(
    pool: Pool, budget: int, width: float
) -> None:
    kernel = kernel_of(pool, width)
    found = plain(width=width)(pool, Limits(budget), 0)
    order = found.indices.tolist()
    for place, pick in enumerate(order):
        left = [i for i in range(len(pool)) if i not in order[:place]]
        best = min(squared_discrepancy(kernel, [*order[:place], i]) for i in left)
        assert squared_discrepancy(kernel, [*order[:place], pick]) <= best + 1e-6
    told = found.totals["parts"]["DistributionMatching"]["mmd_squared"]
    assert told == pytest.approx(squared_discrepancy(kernel, order), abs=1e-6)


def test_in_tokens_a_pick_is_the_best_per_token_and_a_loss_weighs_more_the_dearer_it_is() -> None:
    pool = random_pool(40, seed=3)
    score = herding(kernel_of(pool, 0.1))
    found = plain()(pool, Limits(100, True), 0)
    taken: list[int] = []
    for pick in found.indices.tolist():
        left = 100 - int(pool.cost[taken].sum())
        open_rows = [i for i in range(40) if i not in taken and pool.cost[i] <= left]
        gain = {i: score(taken, i) for i in open_rows}
        key = {i: g / pool.cost[i] if g > 0 else g * pool.cost[i] for i, g in gain.items()}
        assert key[pick] >= max(key.values()) - 1e-6
        taken.append(pick)
    assert pool.cost[taken].sum() <= 100


def test_the_worked_example_gives_its_picks_and_scores() -> None:
    """Points 0, 1, 2 on a line with a Gaussian kernel, as unit rows with these inner products."""
    points = np.arange(3.0)
    kernel = np.exp(-((points[:, None] - points) ** 2) / 2)
    pool = pool_of(sqrtm(kernel))  # as symmetric as the points, so that ties are ties
    found = plain(width=0.0)(pool, Limits(3), 0)
    assert found.indices[:2].tolist() == [1, 0]
    np.testing.assert_allclose(found.gains[:2] * 3**2 / 2, [0.7377, 2 * 0.2774], atol=1e-4)


@pytest.mark.slow
def test_on_normal_rows_it_comes_far_nearer_to_the_pool_than_a_random_draw() -> None:
    """200 of 3,000 rows in 5 dimensions, k(a, b) = exp(-|a - b|^2 / 10): 7e-5 against 3.0e-3."""
    random = np.random.default_rng(0)
    points = random.normal(size=(3000, 5))
    squares = (points**2).sum(axis=1)
    kernel = np.exp(-(squares[:, None] + squares - 2 * points @ points.T) / 10)
    rows = np.linalg.cholesky(kernel + 1e-9 * np.eye(3000))
    pool = pool_of(rows)  # unit rows whose inner products are the kernel
    found = plain(width=0.0, mode="exact")(pool, Limits(200), 0)
    assert squared_discrepancy(kernel, found.indices) < 1e-4
    drawn = [random.choice(3000, 200, replace=False) for _ in range(5)]
    assert np.mean([squared_discrepancy(kernel, rows) for rows in drawn]) > 2e-3


class TestSearches:
    def found(self, search: Callable, pool: Pool, weight: float, **settings: object) -> tuple:
        limits = Limits(60, caps={1: 12}, include=(7,), preselected=(3, 50))
        part = plain().part(pool)
        objective = Mixed(pool, limits, weight, {"part": (1.0, part)})
        admission = Admission(pool, limits)
        gains, last, _ = search(objective, admission, **settings)
        return admission.order, gains, np.round(last, 9)

    @pytest.mark.parametrize("weight", [0.4, 1.0])
    def test_both_exact_ones_make_the_same_picks(self, weight: float) -> None:
        some = random_pool(400, d=8)
        pool = with_(some, vectors=some.vectors[np.arange(400) // 2 * 2])  # every row twice
        one, other = (self.found(s, pool, weight) for s in (shortlist_greedy, rising_greedy))
        assert one[0] == other[0]
        assert one[1] == pytest.approx(other[1], abs=1e-7)  # products of float32 numbers
        assert (other[2] >= one[2] - 1e-9).all(), "bounds of the last gains"

    def test_a_trusted_list_of_all_rows_is_exact_and_a_short_one_nearly_as_good(self) -> None:
        pool = random_pool(2000, d=12)
        kernel = kernel_of(pool, 0.1)
        exact = self.found(shortlist_greedy, pool, 1.0)
        whole = self.found(shortlist_greedy, pool, 1.0, trust=True, shortlist=2000)
        assert whole[0] == exact[0]
        assert whole[1] == pytest.approx(exact[1], abs=1e-7)
        short = self.found(shortlist_greedy, pool, 1.0, trust=True, shortlist=100)
        drawn = np.random.default_rng(0).choice(2000, 60, replace=False)
        best, near, plain = (
            squared_discrepancy(kernel, rows) for rows in (exact[0], short[0], drawn)
        )
        assert near - best < 0.05 * (plain - best)

    def test_the_mode_is_chosen_by_size_and_told(self) -> None:
        pool = random_pool(300)
        for mode, told in (("auto", "exact"), ("exact", "exact"), ("fast", "fast")):
            found = plain(mode=mode)(pool, Limits(20), 0)
            assert found.totals["mode"] == told


@settings(max_examples=40, deadline=None)
@given(cases, st.sampled_from([0.3, 1.0]))
def test_mixed_with_facility_location_every_pick_is_the_best_though_gains_may_rise(
    data: st.DataObject, weight: float
) -> None:
    pool = data.draw(pools(most=8))
    limits = in_rows(data.draw(spaced_limits(pool)))
    kernel, k = kernel_of(pool, 0.1), min(limits.budget, len(pool))
    score, match = herding(kernel), k**2 / 2 * kernel.mean()
    near = facility_location(similarities(pool))
    whole, most = near(range(len(pool))), affordable(pool.quality, pool, limits)

    def gain(taken: list[int], index: int) -> float:
        quality = pool.quality[index] / most if most else 0.0
        parts = 0.25 * score(taken, index) / match + 0.75 * gain_of(near)(taken, index) / whole
        return (1 - weight) * quality + weight * parts

    parts = {"facility_location": 3.0, "distribution_matching": 1.0}
    own = {"distribution_matching": {"centred": False, "kernel_width": 0.1, "flattening": 0.0}}
    found = run_or_refuse(Mixture(weight, parts, own), pool, limits)
    if found is not None:
        follow(pool, limits, found, gain)


@settings(max_examples=60, deadline=None)
@given(cases, st.sampled_from([0.3, 0.8]))
def test_below_the_needed_quality_a_row_is_never_taken(data: st.DataObject, weight: float) -> None:
    pool = data.draw(pools(most=8))
    limits = in_rows(data.draw(spaced_limits(pool)), min_quality=0.0)
    if not len(allowed_subsets(pool, limits)):
        return
    found = plain(weight)(pool, limits, 0)
    scale = found.totals["quality_scale"]
    share = found.totals["parts"]["DistributionMatching"]["scale"]
    score, order = herding(kernel_of(pool, 0.1)), found.indices.tolist()
    before = list(limits.preselected)
    for index in np.flatnonzero(~np.isnan(found.needed_quality)):
        quality = found.needed_quality[index] - 1e-5
        for place in range(len(limits.include), len(order)):
            taken, pick = before + order[:place], order[place]
            gain = scale * quality + share * score(taken, index)
            assert gain < scale * pool.quality[pick] + share * score(taken, pick) + 1e-7


def test_settings_out_of_bounds_are_refused() -> None:
    with pytest.raises(SettingsError, match="kernel_width"):
        DistributionMatching(kernel_width=0.001)
    with pytest.raises(SettingsError, match="mode must be one of"):
        DistributionMatching(mode="slow")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="diversity_weight"):
        DistributionMatching(diversity_weight=1.1)


def flattened(kernel: np.ndarray, power: float) -> np.ndarray:
    """Each row's share of the target, one over its density to the power."""
    weight = kernel.mean(axis=1) ** -power
    return weight / weight.sum()


@settings(max_examples=60, deadline=None)
@given(pools(), st.integers(1, 9), st.sampled_from([0.5, 1.0, 2.0]), st.booleans())
def test_flattened_it_herds_towards_the_pool_weighted_by_one_over_its_density(
    pool: Pool, budget: int, power: float, centred: bool
) -> None:
    kernel = kernel_of(pool, 0.2, centred)
    target = flattened(kernel, power)
    found = DistributionMatching(1.0, centred, 0.2, power)(pool, Limits(budget), 0)
    order, mean = found.indices.tolist(), kernel @ target
    for place, pick in enumerate(order):
        score = (place + 1) * mean - kernel[:, order[:place]].sum(axis=1)
        left = [i for i in range(len(pool)) if i not in order[:place]]
        assert score[pick] >= score[left].max() - 1e-5
    picked = np.bincount(order, minlength=len(pool)) / len(order) - target
    told = found.totals["parts"]["DistributionMatching"]["mmd_squared"]
    assert told == pytest.approx(picked @ kernel @ picked, abs=1e-6)


def test_flattened_a_rare_group_gets_what_a_large_one_gets() -> None:
    """90 rows around one direction and 10 around another: 10 picks hold 1 of them, or 4."""
    random = np.random.default_rng(0)
    centres = np.repeat(np.eye(12)[:2], [90, 10], axis=0)
    pool = pool_of(centres + 0.08 * random.normal(size=(100, 12)))
    picks = [
        DistributionMatching(1.0, False, 0.3, power)(pool, Limits(10), 0).indices
        for power in (0.0, 1.0)
    ]
    assert [int((rows >= 90).sum()) for rows in picks] == [1, 4]


def test_weights_of_rows_stood_for_are_theirs() -> None:
    """Near rows and a sample, of 6,000 weighted rows: 3 % off all pairs, and it says so."""
    pool = random_pool(6000, d=8)
    weights = np.linspace(0.1, 1.9, 6000)
    exact = mean_similarity(pool.vectors, Similarity(False, 0.2), 6000, weights)
    near = mean_similarity(pool.vectors, Similarity(False, 0.2), 5999, weights)
    off = float(np.median(np.abs(near.values / exact.values - 1)))
    assert off < 0.04
    assert off / 2 < near.error < 2 * off
    kernel = np.exp((pool.vectors[:50] @ pool.vectors.T - 1) / 0.2)
    np.testing.assert_allclose(exact.values[:50], kernel @ weights / 6000, rtol=1e-5)


def test_flattening_needs_a_kernel_and_bounds() -> None:
    with pytest.raises(SettingsError, match="flattening needs a kernel_width"):
        DistributionMatching(kernel_width=0.0, flattening=1.0)
    with pytest.raises(SettingsError, match="flattening must lie in"):
        DistributionMatching(flattening=3.0)
