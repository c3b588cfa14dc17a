"""Old versions, orphaned files of a killed writer, and vectors taken down, in a real LanceDB."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from tasks.storage.vectors import VectorStore, vector_type
from tasks.storage.vectors.upkeep import Upkeep

WIDTH = 8
SCHEMA = pa.schema([("id", pa.string()), ("vector", vector_type(WIDTH))])
KILLED = """
import sys, lancedb, numpy as np, pyarrow as pa
database = lancedb.connect(sys.argv[1])
table = database.open_table("rows")
vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.ones(8 * 50000, dtype="float32")), 8)
def batches():
    while True:
        yield pa.record_batch([pa.array(["x"] * 50000), vectors], schema=table.schema)
table.add(pa.RecordBatchReader.from_batches(table.schema, batches()))
"""


def publish(store: VectorStore, tag: str, count: int) -> None:
    flat = pa.array(np.random.default_rng(count).random(count * WIDTH, dtype=np.float32))
    vectors = pa.FixedSizeListArray.from_arrays(flat, type=vector_type(WIDTH))
    ids = pa.array([f"{tag}-{place}" for place in range(count)])
    store.publish(iter([pa.record_batch([ids, vectors], schema=SCHEMA)]), SCHEMA, tag)


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@pytest.fixture
def store(tmp_path) -> VectorStore:
    made = VectorStore(tmp_path)
    for tag, count in (("emb-1", 300), ("emb-2", 400), ("emb-3", 500)):
        publish(made, tag, count)
    return made


def test_versions_go_but_those_of_needed_tags_and_the_newest(store, tmp_path):
    upkeep, before = Upkeep(tmp_path), size(tmp_path)
    waste = upkeep.wasted("rows", {"emb-2"}, grace_seconds=0)
    assert (waste.versions, waste.tags, waste.orphans) == (1, ("emb-1", "emb-3"), ())
    assert size(tmp_path) == before, "looking removes nothing"
    assert store.has("emb-1")
    upkeep.reclaim(waste)
    freed = before - size(tmp_path)
    assert waste.version_bytes > 300 * WIDTH * 4
    assert waste.version_bytes <= freed < waste.version_bytes + 5000, "its manifests beside"
    assert not store.has("emb-1")
    found = store.nearest("emb-2", np.ones(WIDTH, dtype=np.float32), 400, ["id"])
    assert len(found) == 400
    assert upkeep.wasted("rows", {"emb-2"}, 0).versions == 0


def test_files_of_a_killed_writer_go_once_they_are_old_enough(store, tmp_path):
    writer = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stderr=-3)
    try:
        data, known = tmp_path / "rows.lance" / "data", size(tmp_path)
        until = time.monotonic() + 60
        while size(data) < known + 1_000_000 and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        writer.kill()
        writer.wait()
    upkeep = Upkeep(tmp_path)
    needed = {"emb-1", "emb-2", "emb-3"}
    assert upkeep.wasted("rows", needed, grace_seconds=600).orphans == ()
    waste = upkeep.wasted("rows", needed, grace_seconds=0)
    assert waste.orphan_bytes >= 1_000_000
    upkeep.reclaim(waste)
    assert not any(path.exists() for path in waste.orphans)
    assert size(tmp_path) <= known + 5000
    for tag, count in (("emb-1", 300), ("emb-2", 400), ("emb-3", 500)):
        found = store.nearest(tag, np.ones(WIDTH, dtype=np.float32), 1000, ["id"])
        assert len(found) == count


def test_a_vector_taken_down_is_in_no_file_and_the_others_stay(tmp_path):
    cache = VectorStore(tmp_path).cache("model", WIDTH)
    vectors = np.random.default_rng(0).random((50, WIDTH), dtype=np.float32)
    hashes = pl.Series([f"{place:064x}" for place in range(50)])
    for start in (0, 25):
        part = slice(start, start + 25)
        cache.add(hashes[part], np.arange(25), vectors[part])
    upkeep = Upkeep(tmp_path)
    assert upkeep.cached({hashes[7], "f" * 64}) == {"embeddings_model": 1}
    assert found(tmp_path, vectors[7].tobytes())
    upkeep.forget("embeddings_model", {hashes[7], "f" * 64})
    for trace in (vectors[7].tobytes(), hashes[7].encode()):
        assert not found(tmp_path, trace)
    assert upkeep.cached({hashes[7]}) == {}
    left = VectorStore(tmp_path).cache("model", WIDTH)
    places = left.places().sort("content_sha256")
    assert places["content_sha256"].to_list() == [h for h in hashes if h != hashes[7]]
    kept = left.take(places["place"].to_numpy())["vector"].combine_chunks()
    expected = np.delete(vectors, 7, axis=0)
    assert (kept.flatten().to_numpy().reshape(-1, WIDTH) == expected).all()


def found(folder: Path, trace: bytes) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and trace in file.read_bytes()]


def test_a_store_that_is_not_there_holds_nothing_and_is_not_made(tmp_path):
    upkeep = Upkeep(tmp_path / "none")
    assert (upkeep.tables(), upkeep.cached({"a"}), upkeep.tags_holding({"a"})) == ([], {}, [])
    assert list(tmp_path.iterdir()) == []
