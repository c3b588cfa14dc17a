"""Scorers of vectors: the contract of every one, and what each says of planted rows."""

from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest
from scipy.stats import spearmanr

from schemas.tables import RowScores
from tasks.engine.graph import neighbour_graph
from tasks.engine.magnitude import distances, magnitude, nearest_distance, scale_for, spread
from tasks.engine.neighbours import nearest_neighbours
from tasks.engine.spread import estimated_sums, exact_sums, scale_of
from tasks.scorers import COLUMNS, VECTOR_COLUMNS, VECTOR_SCORERS
from tasks.scorers.geometry import COLUMNS as GEOMETRY
from tests.tasks.test_metrics import orthogonal_clusters, random_unit, unit

scorers = pytest.mark.parametrize("name", sorted(VECTOR_SCORERS))


def scored(name: str, vectors: np.ndarray) -> dict[str, np.ndarray]:
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    return VECTOR_SCORERS[name]()(rows, nearest_neighbours(rows, 1).similarity).columns


def clustered(clusters: int, each: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    centres = np.repeat(random_unit(clusters, 64, seed), each, axis=0)
    noise = random.uniform(0.02, 0.1, (len(centres), 1))
    return unit(centres + random.normal(size=centres.shape) * noise).astype(np.float32)


@scorers
@pytest.mark.parametrize("vectors", [random_unit(40, 6, 1), np.ones((5, 4)) / 2, np.eye(1, 4)])
def test_a_scorer_returns_the_columns_it_declares_within_their_ranges(name, vectors) -> None:
    found = scored(name, vectors)
    assert found.keys() == VECTOR_SCORERS[name].columns.keys()
    for column, values in found.items():
        about = VECTOR_COLUMNS[column]
        present = values[~np.isnan(values)]
        assert values.shape == (len(vectors),)
        assert np.isfinite(present).all()
        assert (present >= about.low - 1e-6).all()
        assert (present <= about.high + 1e-6).all()
        assert all((about.unit, about.source, about.meaning))
        assert about.direction in ("higher", "lower", "middle", "neither")


@scorers
def test_a_scorer_is_frozen_and_tells_version_and_settings(name) -> None:
    scorer = VECTOR_SCORERS[name]()
    with pytest.raises(FrozenInstanceError):
        scorer.version = "9"
    method = scorer(np.eye(3, dtype=np.float32), np.zeros(3)).method
    assert method.version == scorer.version
    assert method.settings.keys() == {field.name for field in fields(scorer)}


@scorers
def test_no_rows_give_empty_columns(name) -> None:
    found = VECTOR_SCORERS[name]()(np.empty((0, 4), np.float32), np.empty(0)).columns
    assert all(len(values) == 0 for values in found.values())


@scorers
def test_the_order_of_rows_does_not_matter_and_equal_rows_score_alike(name) -> None:
    vectors = np.concatenate([random_unit(300, 6, 2), random_unit(300, 6, 2)[:20]])
    order = np.random.default_rng(3).permutation(320)
    straight, shuffled = scored(name, vectors), scored(name, vectors[order])
    for column, values in straight.items():
        np.testing.assert_allclose(values[order], shuffled[column], atol=1e-6)
        np.testing.assert_allclose(values[:20], values[300:], atol=1e-6)


def test_column_names_are_unique_over_all_registries_and_the_score_table() -> None:
    declared = [column for one in VECTOR_SCORERS.values() for column in one.columns]
    assert len(declared) == len(set(declared)) == len(VECTOR_COLUMNS)
    assert not set(declared) & {*COLUMNS, *GEOMETRY, *RowScores.to_schema().columns}


def test_the_loss_of_the_worked_rows_is_their_part_of_the_score() -> None:
    found = scored("vendi", orthogonal_clusters(2, 1))["vendi_loss"]
    assert found == pytest.approx(3 * (1 - np.array([2, 2, 1]) / 1.8), abs=1e-5)


def test_a_row_of_its_own_is_the_rarest_and_the_most_isolated() -> None:
    vectors = np.concatenate([clustered(6, 30, seed=4), np.eye(1, 64)])
    for name in VECTOR_SCORERS:
        for column, values in scored(name, vectors).items():
            assert values.argmax() == 180, column


class TestSpreadOfManyRows:
    def test_tiles_give_the_sums_of_all_pairs(self) -> None:
        vectors = clustered(12, 60, seed=5)
        between = distances(vectors)
        scale = scale_of(nearest_neighbours(vectors, 1).similarity)
        assert scale == pytest.approx(scale_for(720, nearest_distance(between)), rel=1e-3)
        weights = 1 / exact_sums(vectors, scale)
        assert weights == pytest.approx(spread(between, scale), rel=1e-3)
        exact = magnitude(between, scale)
        assert spearmanr(weights, exact.weights)[0] > 0.99
        assert weights.sum() <= exact.value * (1 + 1e-4)

    def test_neighbours_and_landmarks_come_within_the_stated_error(self) -> None:
        vectors = clustered(40, 100, seed=6)
        graph = neighbour_graph(vectors, 32)
        scale = scale_of(graph.cosine[:, 0])
        exact, estimated = exact_sums(vectors, scale), estimated_sums(vectors, scale, graph)
        assert (1 / estimated).sum() == pytest.approx((1 / exact).sum(), rel=5e-3)
        assert spearmanr(estimated, exact)[0] > 0.99
