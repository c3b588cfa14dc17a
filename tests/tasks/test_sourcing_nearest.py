"""Cosines to the whole pool, against brute force over all pairs."""

import numpy as np
import pyarrow as pa
import pytest

from tasks.sourcing import nearest
from tasks.sourcing.nearest import NOWHERE, closest_by_source, nearest_elsewhere
from tasks.storage.rows import write_batches
from tasks.storage.vectors import vector_array

ROWS, SOURCES = 700, 5


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """(path, vectors, sources) of a pool in two row groups."""
    random = np.random.default_rng(0)
    vectors = random.standard_normal((ROWS, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[650] = vectors[3]  # equally near: the lower place counts
    path = tmp_path_factory.mktemp("pool") / "vectors.parquet"
    table = pa.table({"vector": vector_array(vectors)})
    write_batches(path, table.schema, [table])
    return path, vectors, random.integers(0, SOURCES, ROWS)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(nearest, "ROW_GROUP_ROWS", 256)


def test_the_nearest_row_of_another_source_is_found(pool):
    path, vectors, source = pool
    own = np.where(np.arange(ROWS) % 2, source, NOWHERE)  # every other row is of no source
    cosine, place = nearest_elsewhere(path, vectors, own, source)
    all_pairs = np.where(own[:, None] == source, -np.inf, vectors @ vectors.T)
    np.testing.assert_allclose(cosine, all_pairs.max(axis=1), atol=1e-6)
    assert place[650] == 3
    assert (source[place[own >= 0]] != own[own >= 0]).all()


def test_the_closest_row_of_every_source_is_found_without_itself_and_those_left_out(pool):
    path, vectors, source = pool
    left_out = np.arange(ROWS) % 7 == 0
    itself = np.arange(100)
    found = closest_by_source(path, vectors[:100], itself, source, left_out)
    all_pairs = vectors[:100] @ vectors.T
    all_pairs[:, left_out] = -np.inf
    all_pairs[itself, itself] = -np.inf
    expected = np.stack([all_pairs[:, source == each].max(axis=1) for each in range(SOURCES)], 1)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_where_no_other_source_has_a_row_there_is_none(pool):
    path, vectors, _ = pool
    one = np.zeros(ROWS, dtype=np.int64)
    cosine, place = nearest_elsewhere(path, vectors[:5], one[:5], one)
    assert np.isneginf(cosine).all()
    assert (place == NOWHERE).all()
    assert not len(nearest_elsewhere(path, vectors[:0], one[:0], one)[0])
    assert closest_by_source(path, vectors[:0], one[:0], one, one == 1).shape == (0, 1)
