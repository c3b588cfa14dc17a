"""LanceDB: the embedding cache and the rows people search, against brute force."""

import shutil

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.storage.vectors import VectorStore, checksums, vector_array, vector_type
from tasks.storage.vectors.upkeep import Upkeep

WIDTH = 6
HOSTILE = [
    "a'b",
    'q"uote',
    "'; DROP TABLE rows; --",
    "line\nbreak",
    "日本 🙂",
    " ",
    "null",
    "\x00z",
]
SCHEMA = pa.schema([("id", pa.string()), ("text", pa.string()), ("vector", vector_type(WIDTH))])


def unit(count: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, WIDTH)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def publish(store: VectorStore, ids: list[str], vectors: np.ndarray, tag: str) -> None:
    columns = [pa.array(ids), pa.array([f"text of {i}" for i in ids]), vector_array(vectors)]
    batch = pa.RecordBatch.from_arrays(columns, schema=SCHEMA)
    store.publish(iter([batch.slice(0, 3), batch.slice(3)]), SCHEMA, tag)


@pytest.fixture
def store(tmp_path) -> VectorStore:
    return VectorStore(tmp_path / "lancedb")


def hashes(*names: str) -> pl.Series:
    return pl.Series(list(names), dtype=pl.String)


def test_the_cache_gives_back_what_it_was_given_at_any_place(store, tmp_path):
    cache, vectors = store.cache("m" * 64, WIDTH), unit(5)
    assert len(cache.places()) == 0
    cache.add(hashes("c", "a", "b"), np.array([3, 1, 2]), vectors[:3])
    cache.add(hashes("e", "d"), np.array([5, 4]), vectors[3:])
    for again in (cache, VectorStore(tmp_path / "lancedb").cache("m" * 64, WIDTH)):
        known = dict(again.places().select("content_sha256", "place").iter_rows())
        assert known == {"c": 0, "a": 1, "b": 2, "e": 3, "d": 4}
        found = again.take(np.array([4, 0, 2, 0]))
        assert found["content_sha256"].to_pylist() == ["d", "c", "b", "c"]
        assert found["tokens"].to_pylist() == [4, 3, 2, 3]
        flat = found["vector"].combine_chunks().flatten().to_numpy().reshape(-1, WIDTH)
        assert flat.tobytes() == vectors[[4, 0, 2, 0]].tobytes()


def test_content_added_twice_counts_as_its_last(store):
    cache, vectors = store.cache("m" * 64, WIDTH), unit(3)
    cache.add(hashes("a", "b"), np.array([1, 1]), vectors[:2])
    cache.add(hashes("a"), np.array([9]), vectors[2:])
    assert sorted(cache.places().select("content_sha256", "place").rows()) == [("a", 2), ("b", 1)]


@given(row=st.integers(0, 4), word=st.integers(0, WIDTH), bits=st.integers(1, 2**32 - 1))
def test_no_change_of_one_word_keeps_the_checksum(row, word, bits):
    vectors, tokens = unit(5), np.arange(5)
    before = checksums(tokens, vectors)
    if word == WIDTH:
        tokens[row] ^= bits
    else:
        vectors.view(np.uint32)[row, word] ^= bits
    assert (checksums(tokens, vectors) != before).tolist() == [i == row for i in range(5)]


def test_two_models_have_two_caches(store):
    store.cache("a" * 64, WIDTH).add(hashes("x"), np.array([1]), unit(1))
    assert len(store.cache("b" * 64, WIDTH).places()) == 0
    assert len(store.cache("c" * 64, 3).places()) == 0


def test_the_nearest_rows_are_those_of_brute_force(store):
    ids, vectors = [f"r{i:03}" for i in range(200)], unit(200)
    assert not store.has("emb-1")
    publish(store, ids, vectors, "emb-1")
    assert store.has("emb-1")
    query = unit(1, seed=9)[0]
    cosine = vectors.astype(np.float64) @ query
    wanted = sorted(zip(-cosine, ids, strict=True))[:7]
    found = store.nearest("emb-1", query, 7, ["id", "text"])
    assert found["id"].to_list() == [name for _, name in wanted]
    assert found["similarity"].to_list() == pytest.approx([-c for c, _ in wanted], abs=2e-6)
    assert found["text"][0] == f"text of {wanted[0][1]}"
    assert len(store.nearest("emb-1", query, 500, ["id"])) == 200


def test_of_equally_near_rows_the_smaller_ids_come_also_at_the_end_of_the_list(store):
    ids = [f"r{i}" for i in (5, 3, 9, 1, 7, 2)]
    publish(store, ids, np.repeat(unit(1), 6, axis=0), "emb-1")
    for k in (2, 4, 6):
        found = store.nearest("emb-1", unit(1)[0], k, ["id"])
        assert found["id"].to_list() == sorted(ids)[:k]


def test_a_filter_is_applied_before_the_nearest_are_counted(store):
    publish(store, HOSTILE, unit(len(HOSTILE)), "emb-1")
    found = store.nearest("emb-1", unit(1)[0], 1, ["id"], where="id = 'null'")
    assert found["id"].to_list() == ["null"]


def test_hostile_ids_and_texts_are_only_text(store):
    publish(store, HOSTILE, unit(len(HOSTILE)), "emb-1")
    columns = pa.table({"id": HOSTILE[::-1], "verdict": [f"v {i}" for i in HOSTILE[::-1]]})
    store.join("emb-1", columns, "run-1")
    found = store.nearest("run-1", unit(1)[0], 99, ["id", "verdict", "text"])
    assert sorted(found["id"]) == sorted(HOSTILE)
    for row in found.iter_rows(named=True):
        assert row["verdict"] == f"v {row['id']}"
        assert row["text"] == f"text of {row['id']}"


def test_what_is_joined_leaves_the_vectors_and_older_tags_as_they_were(store, tmp_path):
    ids, vectors = ["a", "b", "c", "d"], unit(4)
    publish(store, ids, vectors, "emb-1")
    store.join("emb-1", pa.table({"id": ids, "rank": pa.array([1, None, 2, None])}), "run-1")
    store.join("emb-1", pa.table({"id": ids[:3], "rank": pa.array([7, 8, 9])}), "run-2")
    again = VectorStore(tmp_path / "lancedb")
    for tag, ranks in (("run-1", [1, None, 2, None]), ("run-2", [7, 8, 9, None])):
        assert (
            again.nearest(tag, vectors[0], 9, ["id", "rank"]).sort("id")["rank"].to_list() == ranks
        )
    assert again.nearest("emb-1", vectors[2], 1, ["id"]).rows() == [("c", 1.0)]


def test_tags_survive_a_newer_publication(store):
    publish(store, ["a", "b", "c", "d"], unit(4), "emb-1")
    publish(store, ["e", "f", "g", "h", "i"], unit(5, seed=1), "emb-2")
    assert store.has("emb-1")
    assert store.has("emb-2")
    assert sorted(store.nearest("emb-1", unit(1)[0], 9, ["id"])["id"]) == ["a", "b", "c", "d"]
    store.join("emb-1", pa.table({"id": ["a"], "rank": [1]}), "run-1")
    assert len(store.nearest("run-1", unit(1)[0], 9, ["id", "rank"])) == 4
    assert len(store.nearest("emb-2", unit(1)[0], 9, ["id"])) == 5


def test_a_writer_stopped_before_its_first_version_has_left_no_table(store, tmp_path):
    publish(store, list("abcde"), unit(5), "one")
    store.cache("m" * 64, WIDTH)
    for folder in (tmp_path / "lancedb").iterdir():
        shutil.rmtree(folder / "_versions")
    again = VectorStore(tmp_path / "lancedb")
    assert not again.has("one")
    assert len(again.known("m" * 64)) == 0
    assert Upkeep(tmp_path / "lancedb").tables() == []
    publish(again, list("edcba"), unit(5), "two")
    assert again.has("two")
    assert len(again.nearest("two", unit(5)[0], 5, ["id"])) == 5
    assert len(again.cache("m" * 64, WIDTH).places()) == 0
