"""Forecasts: a known law is recovered from its runs, intervals hold what they promise."""

import numpy as np
import pytest

from tasks.forecast import Law, forecast

LAW = Law(2.0, 100.0, 1.0)


def runs(exponent: float, at_million: float, count: int, noise: float = 0.0, seed: int = 0):
    """Past runs of a law over four decades of sizes."""
    chance = np.random.default_rng(seed)
    sizes = 10 ** chance.uniform(3, 7, count)
    work = at_million * (sizes / 1e6) ** exponent * np.exp(noise * chance.standard_normal(count))
    return [(float(size), float(2.0 + each)) for size, each in zip(sizes, work, strict=True)]


@pytest.mark.parametrize(("exponent", "at_million"), [(1.0, 300.0), (1.3, 50.0), (0.8, 1000.0)])
def test_a_known_law_is_recovered_from_its_runs(exponent, at_million):
    found = forecast(LAW, 1e6, runs(exponent, at_million, 40))
    assert found.middle == pytest.approx(2 + at_million, rel=0.1)
    assert found.measured == 40
    larger = forecast(LAW, 1e7, runs(exponent, at_million, 40))
    assert larger.middle == pytest.approx(2 + at_million * 10**exponent, rel=0.15)


def test_one_run_sets_the_scale_and_the_prior_the_shape():
    found = forecast(LAW, 1e6, [(1e6, 402.0)])
    assert found.middle == pytest.approx(402, rel=0.15)
    assert forecast(LAW, 4e6, [(1e6, 402.0)]).middle == pytest.approx(1602, rel=0.2)


def test_without_runs_the_shipped_law_holds_with_a_wide_interval():
    none, many = forecast(LAW, 1e6, []), forecast(LAW, 1e6, runs(1.0, 100.0, 30))
    assert none.middle == pytest.approx(102)
    assert none.measured == 0
    assert none.high / none.low > 4 > 2 > many.high / many.low


@pytest.mark.parametrize("count", [1, 3, 20])
def test_nine_of_ten_truths_lie_in_the_interval(count):
    held = 0
    for seed in range(150):
        chance = np.random.default_rng(seed)
        scale = 100 * np.exp(0.7 * chance.standard_normal())
        exponent = 1.0 + 0.15 * chance.standard_normal()
        past = runs(exponent, scale, count, noise=0.15, seed=seed)
        units = 10 ** chance.uniform(4, 6.5)
        truth = 2.0 + scale * (units / 1e6) ** exponent * np.exp(0.15 * chance.standard_normal())
        found = forecast(LAW, units, past)
        held += found.low <= truth <= found.high
    assert 0.82 <= held / 150 <= 0.99


def test_no_work_takes_what_the_runs_without_work_took():
    found = forecast(LAW, 0.0, [(0.0, 8.0), (0.0, 9.0), (0.0, 10.0), (1e6, 300.0)])
    assert found.middle == 9.0
    assert found.low < 9.0 < found.high


def test_data_badly_known_widens_the_interval():
    past = runs(1.0, 100.0, 30)
    sure, unsure = forecast(LAW, 1e6, past), forecast(LAW, 1e6, past, units_spread=0.5)
    assert unsure.high > 1.5 * sure.high
    assert unsure.low < sure.low < sure.middle
