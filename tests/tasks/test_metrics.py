"""Metrics against worked values, brute force, and the contract every metric keeps."""

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ContractError
from tasks.metrics import METRICS, TARGET_METRICS
from tasks.metrics.compare import Subset, compare
from tasks.metrics.parts import describe
from tasks.metrics.rows import BLOCKS, Rows, Target, blocks_of, keys_of
from tasks.metrics.view import SubsetView

VENDI = ["vendi_0", "vendi_05", "vendi_1", "vendi_2", "vendi_infinity"]
MAGNITUDES = ["magnitude_half", "magnitude", "magnitude_double", "spread"]
DISTANCES = [  # from the pool
    "cover_radius",
    "mean_discrepancy",
    "sliced_transport",
    "cluster_divergence",
    "group_distance",
]
GEOMETRIC = [*VENDI, *MAGNITUDES, "coverage_mean", "coverage_p05", "redundancy"]


def make_rows(vectors: np.ndarray, seed: int = 0, groups: int = 3) -> Rows:
    random = np.random.default_rng(seed)
    count = len(vectors)
    return Rows(
        vectors=vectors.astype(np.float32),
        quality=random.random(count),
        cost=random.integers(1, 50, count),
        group=random.integers(0, groups, count),
        groups=groups,
        block=blocks_of([f"row-{i}" for i in range(count)]),
        key=keys_of([f"row-{i}" for i in range(count)]),
        cluster=random.integers(0, 7, count),
    )


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def random_unit(count: int, width: int, seed: int) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(count, width)))


def measured(name: str, rows: Rows, indices: Iterable[int]) -> float:
    return METRICS[name]()(SubsetView(describe(rows, np.array(list(indices)))))


def orthogonal_clusters(*sizes: int) -> np.ndarray:
    return np.repeat(np.eye(len(sizes)), sizes, axis=0)


class TestVendi:
    @pytest.mark.parametrize(
        ("vectors", "order_1", "order_2"),
        [
            (orthogonal_clusters(2, 1), 1.8899, 1.8),  # rows e1, e1, e2
            (orthogonal_clusters(50, 25, 25), 2.8284, 2.6667),
            (orthogonal_clusters(1024, 512, 256, 128, 64, 32, 16, 8, 4, 4), 3.989, 3.000),
            (orthogonal_clusters(7), 1.0, 1.0),  # identical rows are one row
            (np.eye(6), 6.0, 6.0),  # orthonormal rows are all different
        ],
    )
    def test_it_gives_the_worked_values(
        self, vectors: np.ndarray, order_1: float, order_2: float
    ) -> None:
        rows = make_rows(vectors)
        assert measured("vendi_1", rows, range(len(vectors))) == pytest.approx(order_1, abs=5e-4)
        assert measured("vendi_2", rows, range(len(vectors))) == pytest.approx(order_2, abs=5e-4)

    def test_it_gives_the_published_value_of_the_three_row_kernel(self) -> None:
        kernel = np.array([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]])
        rows = make_rows(np.linalg.cholesky(kernel))
        assert measured("vendi_1", rows, range(3)) == pytest.approx(2.1573, abs=1e-4)
        assert measured("vendi_2", rows, range(3)) == pytest.approx(1.9481, abs=1e-4)

    def test_noise_inflates_order_one_more_than_order_two(self) -> None:
        random = np.random.default_rng(5)
        centres = np.repeat(np.eye(20, 384), 100, axis=0)
        rows = make_rows(unit(centres + random.normal(scale=0.02, size=centres.shape)))
        assert measured("vendi_1", rows, range(2000)) == pytest.approx(41.4, abs=0.3)
        assert measured("vendi_2", rows, range(2000)) == pytest.approx(26.1, abs=0.2)

    @given(st.integers(1, 30), st.integers(2, 8), st.integers(0, 10_000))
    @settings(max_examples=40, deadline=None)
    def test_it_equals_the_spectrum_of_the_full_similarity_matrix(
        self, count: int, width: int, seed: int
    ) -> None:
        vectors = random_unit(count, width, seed)
        rows = make_rows(vectors)
        shares = np.clip(np.linalg.eigvalsh(vectors @ vectors.T) / count, 1e-300, None)
        expected = math.exp(-(shares * np.log(shares)).sum())
        assert measured("vendi_1", rows, range(count)) == pytest.approx(expected, rel=1e-5)
        assert measured("vendi_2", rows, range(count)) == pytest.approx(
            1 / np.square(shares).sum(), rel=1e-5
        )
        assert 1 - 1e-9 <= measured("vendi_2", rows, range(count)) <= expected * (1 + 1e-5)
        assert expected <= min(count, width) * (1 + 1e-5)


class TestCoverageAndRedundancy:
    @given(st.integers(1, 40), st.integers(2, 6), st.data())
    @settings(max_examples=60, deadline=None)
    def test_they_equal_brute_force_over_all_pairs(
        self, count: int, width: int, data: st.DataObject
    ) -> None:
        vectors = random_unit(count, width, data.draw(st.integers(0, 10_000)))
        chosen = data.draw(st.lists(st.integers(0, count - 1), min_size=1, unique=True))
        rows = make_rows(vectors)
        cosine = vectors.astype(np.float32).astype(np.float64) @ vectors.T
        nearest = [max(1.0 if i == j else cosine[i, j] for j in chosen) for i in range(count)]
        others = [max(cosine[i, j] for j in chosen if j != i) for i in chosen if len(chosen) > 1]
        assert measured("coverage_mean", rows, chosen) == pytest.approx(np.mean(nearest), abs=1e-5)
        assert measured("coverage_p05", rows, chosen) == pytest.approx(
            np.percentile(nearest, 5), abs=1e-5
        )
        assert measured("redundancy", rows, chosen) == pytest.approx(
            np.mean(others) if others else 0.0, abs=1e-5
        )

    def test_the_answer_is_the_same_when_the_pool_spans_several_tiles(self) -> None:
        vectors = random_unit(2600, 4, seed=3).astype(np.float32)
        chosen = np.arange(0, 2600, 1, dtype=np.int64)[::-1][:2300]
        view = SubsetView(describe(make_rows(vectors), chosen))
        cosine = vectors[np.sort(chosen)] @ vectors[np.sort(chosen)].T
        np.fill_diagonal(cosine, -np.inf)
        np.testing.assert_allclose(view.neighbour, cosine.max(axis=1), atol=1e-6)

    def test_a_duplicate_beside_every_selected_row_makes_redundancy_one(self) -> None:
        rows = make_rows(np.repeat(np.eye(4), 2, axis=0))
        assert measured("redundancy", rows, range(8)) == 1.0
        assert measured("redundancy", rows, [0, 2, 4, 6]) == 0.0


class TestGroupDistance:
    def test_it_is_half_the_sum_of_share_differences(self) -> None:
        rows = make_rows(np.eye(10))
        rows = replace(rows, group=np.array([0] * 5 + [1] * 3 + [2] * 2))
        # pool shares .5 .3 .2; subset 1 1 0 of 2: .5 .5 0 -> (0 + .2 + .2) / 2
        assert measured("group_distance", rows, [0, 5]) == pytest.approx(0.2)

    def test_a_subset_of_one_group_lies_as_far_as_the_other_groups_are_large(self) -> None:
        rows = make_rows(np.eye(10))
        rows = replace(rows, group=np.array([0] * 9 + [1]))
        assert measured("group_distance", rows, [9]) == pytest.approx(0.9)


class TestCoverageOfClustersAndExtremes:
    """Pool: four rows of one direction, two of a second, one of a third, each its own cluster."""

    ROWS = replace(make_rows(orthogonal_clusters(4, 2, 1)), cluster=np.array([0, 0, 0, 0, 1, 1, 2]))

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("cluster_coverage", 2 / 3),
            ("cluster_row_coverage", 6 / 7),
            ("covered_share", 6 / 7),  # the radius is 1: six of seven rows have an equal
            ("cover_radius", 1.0),
            ("least_distance", 1.0),
            ("coverage_mean", 6 / 7),
        ],
    )
    def test_one_row_of_two_clusters_gives(self, name: str, expected: float) -> None:
        assert measured(name, self.ROWS, [0, 4]) == pytest.approx(expected)

    def test_a_second_copy_brings_the_least_distance_to_nought(self) -> None:
        assert measured("least_distance", self.ROWS, [0, 1, 4]) == pytest.approx(0, abs=1e-6)

    def test_a_radius_that_is_given_counts(self) -> None:
        rows = replace(self.ROWS, known_radius=0.0)
        assert measured("covered_share", rows, [0, 4]) == 1.0


class TestDistribution:
    def test_a_subset_of_one_half_is_far_and_a_random_one_near(self) -> None:
        random = np.random.default_rng(0)
        centres = np.repeat(np.eye(2, 6), 200, axis=0)
        rows = make_rows(unit(centres + random.normal(scale=0.2, size=centres.shape)))
        rows = replace(rows, cluster=np.repeat([0, 1], 200))
        half, some = range(100), random.permutation(400)[:100]
        for name in ("mean_discrepancy", "sliced_transport", "cluster_divergence"):
            assert measured(name, rows, half) > 5 * measured(name, rows, some)
        assert measured("domain_auc", rows, some) == pytest.approx(0.5, abs=0.1)
        assert measured("domain_auc", rows, half) > 0.75  # two thirds of the rest are elsewhere

    def test_a_target_has_its_own_metrics(self) -> None:
        rows = make_rows(unit(np.random.default_rng(1).normal(size=(300, 6))))
        near = Target(rows.vectors[:100], rows.clusters[:100])
        far = Target(-np.abs(rows.vectors[:100]), np.full(100, 6))
        assert set(TARGET_METRICS).isdisjoint(METRICS)
        for name, metric in TARGET_METRICS.items():
            values = [
                metric()(SubsetView(describe(replace(rows, target=target), np.arange(100))))
                for target in (near, far)
            ]
            assert values[0] < values[1], name
            assert metric.bounds[0] <= values[0] <= values[1] <= metric.bounds[1]


def test_the_sampled_coverage_of_a_large_pool_lies_in_the_interval_around_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = make_rows(random_unit(4000, 8, seed=2))
    chosen = np.arange(0, 4000, 10)
    whole = describe(rows, chosen)
    monkeypatch.setattr("tasks.metrics.closest.MOST_PAIRS", 400 * 1000)
    monkeypatch.setattr("tasks.metrics.closest.LEAST_ROWS", 300)
    sampled = describe(rows, chosen)
    assert (len(whole.looked), len(sampled.looked), len(sampled.asked)) == (4000, 1000, 400)
    record = {r["metric"]: r for r in compare(rows, [Subset("selected", [chosen])])}
    for name in ("coverage_mean", "covered_share", "coverage_p05"):
        exact = METRICS[name]()(SubsetView(whole))
        assert record[name]["low"] <= exact <= record[name]["high"]
        assert record[name]["value"] != pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("name", METRICS)
class TestEveryMetric:
    def test_it_does_not_depend_on_the_order_of_choice(self, name: str) -> None:
        rows = make_rows(random_unit(60, 8, seed=1))
        chosen = np.random.default_rng(2).permutation(60)[:25]
        assert measured(name, rows, chosen) == measured(name, rows, chosen[::-1])

    def test_it_does_not_depend_on_the_order_of_the_pool(self, name: str) -> None:
        rows, order = make_rows(random_unit(60, 8, 1)), np.random.default_rng(3).permutation(60)
        by_row = ("vectors", "quality", "cost", "group", "block", "key", "cluster")
        shuffled = replace(rows, **{name: getattr(rows, name)[order] for name in by_row})
        place = np.argsort(order)
        assert measured(name, shuffled, place[:25]) == pytest.approx(
            measured(name, rows, range(25)), rel=1e-9
        )

    @given(st.integers(1, 25), st.integers(0, 10_000))
    @settings(max_examples=25, deadline=None)
    def test_it_is_finite_and_inside_its_bounds(self, name: str, count: int, seed: int) -> None:
        rows = make_rows(random_unit(25, 5, seed))
        value = measured(name, rows, np.random.default_rng(seed).permutation(25)[:count])
        low, high = METRICS[name].bounds
        assert math.isfinite(value)
        assert low - 1e-6 <= value <= high + 1e-6

    def test_it_measures_a_pool_of_one_row(self, name: str) -> None:
        expected = {
            **dict.fromkeys([*VENDI, *MAGNITUDES, "vendi_gaussian"], 1),
            "coverage_mean": 1,
            "coverage_p05": 1,
            "coverage_relative": 1,
            "covered_share": 1,
            "cluster_coverage": 1,
            "cluster_row_coverage": 1,
            "domain_auc": 0.5,
            "least_distance": 2,
            "rows": 1,
        }
        rows = make_rows(np.eye(1, 4))
        own = {"mean_quality": rows.quality[0], "tokens": rows.cost[0]}
        own["vendi_quality"] = rows.quality[0]
        assert measured(name, rows, [0]) == pytest.approx({**expected, **own}.get(name, 0))

    def test_the_whole_pool_is_covered_and_has_the_pools_shares(self, name: str) -> None:
        rows = make_rows(random_unit(40, 6, seed=4))
        ones = ("mean", "p05", "relative")
        expected = {f"coverage_{name}": 1 for name in ones} | {"covered_share": 1, "rows": 40}
        expected |= {"cluster_coverage": 1, "cluster_row_coverage": 1, "domain_auc": 0.5}
        expected |= dict.fromkeys(DISTANCES, 0)
        expected |= {"mean_quality": rows.quality.mean(), "tokens": rows.cost.sum()}
        value = measured(name, rows, range(40))
        if name in expected:
            assert value == pytest.approx(expected[name], abs=1e-9)
        else:
            assert value < METRICS[name].bounds[1]

    def test_it_says_its_version_direction_and_source_of_meaning(self, name: str) -> None:
        metric = METRICS[name]
        assert metric.better in {"higher", "lower", "neither"}
        assert metric.version.count(".") == 2
        assert "Range" in (metric.__doc__ or "")

    def test_two_threads_give_the_same_bits_as_one(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = make_rows(random_unit(1500, 16, seed=6))
        values = set()
        for threads in ("1", "2"):
            monkeypatch.setenv("OMP_NUM_THREADS", threads)
            values.add(measured(name, rows, range(0, 1500, 3)))
        assert len(values) == 1


@pytest.mark.parametrize("name", GEOMETRIC)
def test_a_rotation_of_the_space_changes_nothing(name: str) -> None:
    vectors = random_unit(80, 6, seed=8)
    rotation, _ = np.linalg.qr(np.random.default_rng(9).normal(size=(6, 6)))
    turned = measured(name, make_rows(vectors @ rotation), range(30))
    assert turned == pytest.approx(measured(name, make_rows(vectors), range(30)), rel=1e-5)


def test_a_subset_without_rows_is_refused_with_a_remedy() -> None:
    with pytest.raises(ContractError, match="without rows"):
        describe(make_rows(np.eye(3)), np.empty(0, dtype=np.int64))


def test_blocks_do_not_change_when_other_rows_arrive() -> None:
    before = blocks_of([f"row-{i}" for i in range(500)])
    after = blocks_of([f"row-{i}" for i in range(1000)])
    np.testing.assert_array_equal(before, after[:500])
    assert np.bincount(after, minlength=BLOCKS).min() > 20  # 50 expected
