"""Planted faults in a small pool: what each selector lets in, where it holds by construction.

Vectors are hashed words: a copy lies on its original, a stranger shares hardly a word.
"""

import numpy as np
import pytest
from sklearn.feature_extraction.text import HashingVectorizer

from schemas.params import Params
from tasks.paths import Paths
from tasks.proving.candidates import candidates_of
from tests.benchmarks.planted import RATES, documents, interval, recovered
from tests.benchmarks.planting import COPY, NOISE, OUTLIER, Rates, plant

BUDGET, SEEDS = 0.15, 3
STRANGERS = [f"zq{place} xv{place} kj{place} wq{place} pj{place}" for place in range(40)]


def encode(texts):
    found = HashingVectorizer(n_features=512, norm="l2", alternate_sign=False).transform(texts)
    return found.toarray().astype(np.float32)


@pytest.fixture(scope="module")
def pools():
    texts, groups = documents()
    short = [" ".join(text.split()[:40]) for text in texts]
    rates = Rates(rare_groups=5)
    return [plant("small", short[:400], groups[:400], STRANGERS, encode, seed, rates)
            for seed in range(SEEDS)]  # fmt: skip


@pytest.fixture(scope="module")
def lines(pools, tmp_path_factory):
    params, paths = Params(), Paths(tmp_path_factory.mktemp("planted"))
    parts = [candidates_of(one.task, params, paths) for one in pools]
    found = recovered(pools, parts, params, BUDGET)
    return {(line.method, line.rate): line for line in found}


def test_what_is_planted_is_there_at_its_rate_and_copies_name_their_originals(pools):
    for pool in pools:
        clean = int((pool.kind == "").sum())
        assert (pool.kind == COPY).sum() == round(0.1 * clean)
        assert (pool.kind == NOISE).sum() == round(0.1 * clean)
        assert (pool.kind == OUTLIER).sum() == round(0.05 * clean)
        texts = np.array(pool.task.texts, dtype=object)
        for row in np.flatnonzero(pool.kind == COPY):
            original = texts[pool.original[row]]
            assert pool.kind[pool.original[row]] == ""
            assert original.rstrip(".?!").lower() in texts[row].lower()
        assert all(len(rows) == 3 and not pool.kind[rows].any() for rows in pool.rare)


def test_every_selector_and_control_has_every_rate_as_a_share(lines):
    assert len(lines) == len(RATES) * len({method for method, _ in lines})
    assert all(0 <= line.share <= 1 and line.low <= line.delta <= line.high
               for line in lines.values())  # fmt: skip


def test_uniform_keeps_what_is_planted_at_the_budget_and_stands_for_itself(lines, pools):
    planted = sum(int((pool.kind == NOISE).sum()) for pool in pools)
    error = np.sqrt(BUDGET * (1 - BUDGET) / planted)
    assert abs(lines["uniform", "noise"].share - BUDGET) < 4 * error
    assert lines["uniform", "kept_twice"].share < 4 * BUDGET**2
    assert {lines["uniform", rate].delta for rate in RATES} == {0.0}


def test_farthest_rows_first_takes_in_every_outlier_and_no_row_twice(lines):
    assert lines["k_center", "outliers"].share > 0.9
    assert lines["k_center", "kept_twice"].share == 0


def test_volume_and_coverage_take_no_row_twice(lines):
    for method in ("log_determinant", "facility_location", "diversity_only", "default"):
        assert lines[method, "kept_twice"].share == 0, method


def test_the_interval_is_student_s():
    assert interval(np.array([1.0, 2.0, 3.0])) == pytest.approx((2, -0.4841, 4.4841), abs=1e-4)
