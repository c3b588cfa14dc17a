"""The Vendi family against worked and published values, shards, and removal by hand."""

import json
import math
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tasks.engine.distances import RandomFeatures
from tasks.engine.spectrum import effective_number, gram_of, rarity, spectrum, without_each
from tasks.metrics import METRICS
from tasks.metrics.parts import describe
from tasks.metrics.rows import Rows
from tasks.metrics.view import SubsetView
from tests.tasks.test_metrics import make_rows, orthogonal_clusters, random_unit, unit

ORDERS = {0.0: "vendi_0", 0.5: "vendi_05", 1.0: "vendi_1", 2.0: "vendi_2", np.inf: "vendi_infinity"}
PUBLISHED = json.loads(
    (Path(__file__).parent.parent / "data" / "vendi_scores.json").read_text(encoding="utf-8")
)["cases"]


def scores(vectors: np.ndarray) -> list[float]:
    view = SubsetView(describe(make_rows(vectors), np.arange(len(vectors))))
    return [METRICS[name]()(view) for name in ORDERS.values()]


def of_kernel(kernel: np.ndarray, order: float = 1) -> float:
    """The score from a kernel matrix itself, as its authors compute it."""
    return effective_number(spectrum(kernel), order)


def ngram_kernel(sentences: list[str]) -> np.ndarray:
    """Mean of the cosines of 1-gram and of 2-gram counts, of words and marks as they stand."""
    kernels = []
    for size in (1, 2):
        counts = []
        for sentence in sentences:
            words = re.findall(r"\w+|[^\w\s]", sentence)
            counts.append(Counter(zip(*(words[i:] for i in range(size)), strict=False)))
        known = sorted(set().union(*counts))
        table = unit(np.array([[count[gram] for gram in known] for count in counts], dtype=float))
        kernels.append(table @ table.T)
    return np.mean(kernels, axis=0)


@pytest.mark.parametrize(
    ("vectors", "expected"),
    [
        (orthogonal_clusters(2, 1), [2, 1.9428, 1.8899, 1.8, 1.5]),  # rows e1, e1, e2
        (orthogonal_clusters(50, 25, 25), [3, 2.9142, 2.8284, 2.6667, 2]),
        (orthogonal_clusters(7), [1] * 5),
        (np.eye(6), [6] * 5),
    ],
)
def test_every_order_gives_the_worked_value(vectors: np.ndarray, expected: list[float]) -> None:
    assert scores(vectors) == pytest.approx(expected, abs=1e-4)


def test_every_order_gives_the_worked_value_of_the_three_row_kernel() -> None:
    kernel = np.array([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]])
    expected = [3, 2.4203, 2.1573, 1.9481, 1.5789]
    assert scores(np.linalg.cholesky(kernel)) == pytest.approx(expected, abs=1e-4)
    assert [of_kernel(kernel, order) for order in ORDERS] == pytest.approx(expected, abs=1e-4)


def test_the_published_values_are_reproduced() -> None:
    points, matrix, sentences = PUBLISHED
    line = np.array(points["samples"], dtype=float)
    kernel = np.exp(-np.abs(line[:, None] - line))
    assert of_kernel(kernel) == pytest.approx(points["value"], abs=1e-4)
    assert of_kernel(np.array(matrix["matrix"])) == pytest.approx(matrix["value"], abs=1e-4)
    assert of_kernel(ngram_kernel(sentences["sentences"])) == pytest.approx(
        sentences["value"], abs=5e-3
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_orders_fall_and_stay_inside_their_bounds(seed: int) -> None:
    found = scores(random_unit(30, 12, seed))
    assert found == sorted(found, reverse=True)
    assert 1 <= found[-1] <= found[0] <= 12 + 1e-6


def test_repeating_the_whole_set_changes_no_order() -> None:
    vectors = random_unit(30, 8, seed=3)
    assert scores(np.repeat(vectors, 3, axis=0)) == pytest.approx(scores(vectors), rel=1e-6)


def test_a_duplicate_can_lower_the_score() -> None:
    assert scores(orthogonal_clusters(1, 1))[2] == pytest.approx(2)
    assert scores(orthogonal_clusters(2, 1))[2] == pytest.approx(1.89, abs=1e-2)


def test_the_rank_has_a_threshold_where_counting_what_is_positive_counts_noise() -> None:
    factors = np.random.default_rng(1).normal(size=(50, 5))
    gram = factors @ factors.T
    assert (np.linalg.eigvalsh(gram) > 0).sum() > 5
    assert effective_number(spectrum(gram), 0) == 5


def test_shards_add_up_and_a_shard_can_be_taken_away() -> None:
    vectors = random_unit(1000, 16, seed=4).astype(np.float32)
    parts = np.split(vectors, [100, 333, 700])
    whole = gram_of([vectors], 16)
    np.testing.assert_allclose(sum(gram_of([part], 16) for part in parts), whole, rtol=1e-12)
    np.testing.assert_allclose(gram_of(parts, 16), whole, rtol=1e-12)
    np.testing.assert_allclose(
        whole - gram_of([parts[0]], 16), gram_of(parts[1:], 16), rtol=1e-9, atol=1e-9
    )


def test_ten_thousand_copies_of_one_row_make_twenty_modes_one() -> None:
    random = np.random.default_rng(5)
    centres = np.repeat(np.eye(20, 384), 100, axis=0)
    rows = unit(centres + random.normal(scale=0.02, size=centres.shape))
    gram = gram_of([rows], 384)
    assert effective_number(spectrum(gram), 1) == pytest.approx(41.4, abs=0.3)
    storm = gram + 10_000 * np.outer(rows[0], rows[0])
    assert effective_number(spectrum(storm), 1) == pytest.approx(2.82, abs=0.02)


def test_the_quality_weighted_score_is_mean_quality_times_the_score() -> None:
    rows = make_rows(orthogonal_clusters(50, 25, 25))
    rows = Rows(**{**rows.__dict__, "quality": np.repeat([1.0, 0.5, 0.0], [50, 25, 25])})
    view = SubsetView(describe(rows, np.arange(100)))
    assert METRICS["vendi_quality"]()(view) == pytest.approx(0.625 * 2.8284, abs=1e-4)


class TestOneRow:
    def test_removal_at_order_two_gives_the_worked_values(self) -> None:
        vectors = orthogonal_clusters(2, 1)
        assert without_each(vectors, gram_of([vectors], 2)) == pytest.approx([2, 2, 1])

    def test_removal_at_order_two_equals_removing_the_row(self) -> None:
        vectors = random_unit(40, 7, seed=6)
        gram = gram_of([vectors], 7)
        by_hand = [effective_number(spectrum(gram - np.outer(row, row)), 2) for row in vectors]
        assert without_each(vectors, gram) == pytest.approx(by_hand, rel=1e-9)

    def test_rarity_has_mean_zero_and_tells_what_removal_at_order_one_does(self) -> None:
        random = np.random.default_rng(7)
        vectors = unit(random.normal(size=(200, 20)) * np.linspace(0.2, 2, 20))
        gram = gram_of([vectors], 20)
        entropy = math.log(effective_number(spectrum(gram), 1))
        lost = [
            entropy - math.log(effective_number(spectrum(gram - np.outer(row, row)), 1))
            for row in vectors
        ]
        found = rarity(vectors, gram)
        assert found.mean() == pytest.approx(0, abs=1e-9)
        assert np.corrcoef(found / 199, lost)[0, 1] > 0.9999
        assert np.std(found / 199 - lost) < 0.05 * np.std(lost)  # second order, and an offset

    def test_a_row_in_a_direction_of_its_own_is_the_rarest(self) -> None:
        vectors = np.concatenate([orthogonal_clusters(30, 20), [[0, 0]]])
        vectors = np.c_[vectors, np.r_[np.zeros(50), 1.0]]
        assert rarity(vectors, gram_of([vectors], 3)).argmax() == 50

    def test_a_single_row_leaves_nothing_behind(self) -> None:
        vectors = np.eye(1, 3)
        assert np.isnan(without_each(vectors, gram_of([vectors], 3))).all()
        assert rarity(vectors, gram_of([vectors], 3)) == pytest.approx([0], abs=1e-9)


class TestGaussianFeatures:
    def test_they_give_the_kernel_within_the_stated_error(self) -> None:
        vectors = random_unit(60, 10, seed=8)
        mapped = RandomFeatures(10, 0.7, 4096)(vectors).astype(float)
        squared = np.square(vectors[:, None] - vectors).sum(axis=2)
        kernel = np.exp(-squared / (2 * 0.7**2))
        deviation = (1 - kernel**2) / np.sqrt(2 * 4096)
        assert np.abs(mapped @ mapped.T - kernel).max() < 5 * deviation.max()
        assert np.linalg.norm(mapped, axis=1) == pytest.approx(1, abs=1e-5)

    def test_the_score_is_that_of_the_exact_kernel_and_shards_add(self) -> None:
        vectors = random_unit(200, 10, seed=9)
        features = RandomFeatures(10, 0.5, 2048)
        gram = gram_of((features(part) for part in np.split(vectors, 4)), 4096)
        squared = np.square(vectors[:, None] - vectors).sum(axis=2)
        exact = of_kernel(np.exp(-squared / (2 * 0.5**2)), 2)
        reach = 2 * exact / 4096  # an effective number of s is too low by a share of s / (2 D)
        assert np.trace(gram) ** 2 / np.square(gram).sum() == pytest.approx(exact, rel=reach)


def test_the_gaussian_score_counts_modes_that_lie_in_one_direction() -> None:
    spots = np.array([[1, 0], [0.8, 0.6], [0.28, 0.96], [-0.6, 0.8]])
    many = unit(np.repeat(spots, 50, axis=0))
    view = SubsetView(describe(make_rows(many), np.arange(200)))
    squared = np.square(many[:, None] - many).sum(axis=2)
    exact = of_kernel(np.exp(-squared / (2 * 0.5)), 2)
    assert METRICS["vendi_gaussian"]()(view) == pytest.approx(exact, rel=0.05)
    assert METRICS["vendi_gaussian"]()(view) > METRICS["vendi_2"]()(view)
