"""Comparing subsets: one record per subset and metric, each with the right kind of interval."""

import numpy as np
import polars as pl
import pytest

from schemas.tables import Comparison, check
from tasks.metrics import METRICS
from tasks.metrics.compare import Subset, compare
from tasks.metrics.rows import Rows, blocks_of


@pytest.fixture
def rows() -> Rows:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(400, 6))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Rows(
        vectors.astype(np.float32),
        random.random(400),
        random.integers(1, 90, 400),
        random.integers(0, 3, 400),
        3,
        blocks_of([str(i) for i in range(400)]),
    )


def draws(count: int) -> list[np.ndarray]:
    return [np.random.default_rng(seed).permutation(400)[:80] for seed in range(count)]


def record(records: list[dict], subset: str, metric: str) -> dict:
    return next(r for r in records if (r["subset"], r["metric"]) == (subset, metric))


def test_every_subset_has_every_metric_and_the_table_keeps_its_contract(rows: Rows) -> None:
    records = compare(rows, [Subset("selected", draws(1)), Subset("uniform", draws(5))])
    assert {(r["subset"], r["metric"]) for r in records} == {
        (subset, metric) for subset in ("selected", "uniform") for metric in METRICS
    }
    check(Comparison, pl.DataFrame(records, infer_schema_length=None))


def test_a_drawn_subset_has_the_mean_over_its_draws_and_an_interval_over_them(rows: Rows) -> None:
    found = record(compare(rows, [Subset("uniform", draws(5))]), "uniform", "mean_quality")
    means = np.array([rows.quality[draw].mean() for draw in draws(5)])
    reach = 2.776445 * means.std(ddof=1) / np.sqrt(5)
    assert (found["interval"], found["draws"]) == ("seeds", 5)
    assert found["value"] == pytest.approx(means.mean(), abs=1e-6)
    assert found["low"] == pytest.approx(means.mean() - reach, abs=2e-6)
    assert found["high"] == pytest.approx(means.mean() + reach, abs=2e-6)


def test_a_fixed_subset_has_a_jackknife_interval_near_the_plain_one_of_a_mean(rows: Rows) -> None:
    found = record(compare(rows, [Subset("selected", draws(1))]), "selected", "mean_quality")
    plain = 1.99 * rows.quality[draws(1)[0]].std(ddof=1) / np.sqrt(80)  # t(79)
    assert found["interval"] == "jackknife"
    assert 0.6 * plain < (found["high"] - found["low"]) / 2 < 1.6 * plain


def test_counts_of_a_fixed_subset_are_facts_without_an_interval(rows: Rows) -> None:
    found = record(compare(rows, [Subset("selected", draws(1))]), "selected", "rows")
    assert (found["value"], found["low"], found["interval"]) == (80.0, None, "none")


def test_an_interval_never_leaves_the_range_of_its_metric(rows: Rows) -> None:
    for row in compare(rows, [Subset("pool", [np.arange(400)]), Subset("two", [np.array([1, 2])])]):
        low, high = METRICS[row["metric"]].bounds
        if row["low"] is not None:
            assert low <= row["low"] <= row["high"] <= high


def test_a_single_row_has_values_but_no_intervals(rows: Rows) -> None:
    records = compare(rows, [Subset("one", [np.array([7])])])
    assert all(r["low"] is None and np.isfinite(r["value"]) for r in records)
