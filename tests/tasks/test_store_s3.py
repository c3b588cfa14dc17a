"""LanceDB on S3: the same answers as on disk, whole versions for readers, faults survived."""

import shutil
import threading

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from pydantic import ValidationError

from schemas.errors import StorageError
from schemas.params import Params
from tasks import deduplicate, embed
from tasks.catalog import publish_decisions
from tasks.search import search
from tasks.stage import Paths
from tasks.storage.vectors import VectorStore, vector_array, vector_type
from tests.s3 import BUCKET, Proxy, first
from tests.tasks.test_catalog_search import TEXTS, decide
from tests.tasks.test_score import write_documents

STORE = f"s3://{BUCKET}/team/lance"
WIDTH = 4


def prepare(root, model, store):
    """Run the stages that fill the store, and decide; returns settings and paths."""
    paths = Paths(root)
    params = Params.model_validate({"store": store, "embed": {"model": str(model)}})
    write_documents(paths, [{"id": name, "text": text} for name, text in TEXTS.items()])
    deduplicate.run(params, paths)
    embed.run(params, paths)
    decide(paths, kept=["r1", "r4"])
    return params, paths


class TestSearch:
    @pytest.mark.parametrize("where", ["", "verdict = 'kept'"])
    @pytest.mark.slow
    def test_rows_and_similarities_are_those_found_on_disk(
        self, s3_server, tmp_path, tiny_model, where
    ):
        on_disk = prepare(tmp_path / "disk", tiny_model, "")
        on_s3 = prepare(tmp_path / "s3", tiny_model, STORE)
        for text in ("Water, fire!", "law"):
            assert search(text, 5, *on_s3, where=where) == search(text, 5, *on_disk, where=where)
        vectors = [paths.table("vectors").read_bytes() for _, paths in (on_disk, on_s3)]
        assert vectors[0] == vectors[1]
        assert not (tmp_path / "s3/artifacts/lancedb").exists()
        assert all(key.startswith("team/lance/") for key in s3_server.names())

    @pytest.mark.slow
    def test_another_machine_with_the_artifacts_finds_the_rows_already_there(
        self, s3_server, tmp_path, tiny_model
    ):
        params, paths = prepare(tmp_path / "one", tiny_model, STORE)
        found = search("bird", 3, params, paths)
        shutil.copytree(tmp_path / "one", tmp_path / "other")
        before = s3_server.names()
        assert search("bird", 3, params, Paths(tmp_path / "other")) == found
        assert s3_server.names() == before, "nothing was written"

    @pytest.mark.slow
    def test_a_lost_prefix_is_made_anew_from_parquet(self, s3_server, tmp_path, tiny_model):
        params, paths = prepare(tmp_path, tiny_model, STORE)
        found = search("bird", 3, params, paths)
        for key in s3_server.names():
            s3_server.client.delete_object(Bucket=BUCKET, Key=key)
        assert search("bird", 3, params, paths) == found

    def test_content_embedded_elsewhere_is_not_embedded_again(
        self, s3_server, tmp_path, tiny_model
    ):
        prepare(tmp_path / "one", tiny_model, STORE)
        _, paths = prepare(tmp_path / "other", tiny_model, STORE)
        facts = pl.read_json(paths.artifacts / "facts/embed_cache.json").to_dicts()[0]
        assert facts == {"encoded_rows": 0, "cached_rows": len(TEXTS)}


def rows_of(number):
    """Rows that all say which version they belong to."""
    schema = pa.schema([("id", pa.string()), ("of", pa.int64()), ("vector", vector_type(WIDTH))])
    ids, of = [f"r{n}" for n in range(50)], [number] * 50
    columns = [pa.array(ids), pa.array(of), vector_array(np.ones((50, WIDTH), np.float32))]
    return iter([pa.RecordBatch.from_arrays(columns, schema=schema)]), schema


def test_readers_see_the_old_or_the_new_version_whole(s3_server):
    writer = VectorStore(STORE)
    writer.publish(*rows_of(0), "v0")
    seen, wrong, done, begun = set(), [], threading.Event(), threading.Barrier(4, timeout=60)

    def look(store):
        newest = max(number for number in range(4) if store.has(f"v{number}"))
        found = store.nearest(f"v{newest}", np.ones(WIDTH, np.float32), 50, ["id", "of"])
        seen.add(newest)
        if len(found) != 50 or set(found["of"]) != {newest}:
            wrong.append((newest, found))

    def read():
        try:
            store = VectorStore(STORE)
            look(store)
            begun.wait()
            while not done.is_set():
                look(store)
            look(store)
        except Exception as error:
            wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    begun.wait()
    for number in range(1, 4):
        writer.publish(*rows_of(number), f"v{number}")
    done.set()
    for reader in readers:
        reader.join(60)
    assert not wrong, wrong[:1]
    assert {0, 3} <= seen


class TestFaults:
    def test_a_busy_server_and_broken_answers_change_nothing(self, s3_proxy, tmp_path, tiny_model):
        params, paths = prepare(tmp_path / "calm", tiny_model, "")
        faults = [first(4, 503), first(4, 503, "PUT"), first(3, Proxy.CUT, "GET /corpus/team")]
        s3_proxy.fault = lambda method, path: next(
            filter(None, (fault(method, path) for fault in faults)), 0
        )
        stormy = prepare(tmp_path / "stormy", tiny_model, STORE)
        assert search("law", 5, *stormy) == search("law", 5, params, paths)
        assert (s3_proxy.counted(503), s3_proxy.counted(Proxy.CUT)) == (8, 3)

    @pytest.mark.parametrize(
        ("store", "status", "words"),
        [
            ("s3://absent/x", 0, ["no such bucket", "s3://absent/x"]),
            (STORE, 403, ["refuses access", "credentials", STORE]),
        ],
    )
    def test_a_place_that_cannot_be_used_is_named_at_once(self, s3_proxy, store, status, words):
        s3_proxy.fault = lambda method, path: status
        with pytest.raises(StorageError) as raised:
            VectorStore(store)
        assert not [word for word in words if word not in str(raised.value)], raised.value
        assert len(s3_proxy.requests) == 1

    def test_a_place_that_may_not_be_written_says_so(self, s3_proxy):
        store = VectorStore(STORE)
        s3_proxy.fault = lambda method, path: 403 if method == "PUT" else 0
        with pytest.raises(StorageError, match="LanceDB failed") as raised:
            store.publish(*rows_of(0), "v0")
        assert "write" in raised.value.remedy
        assert s3_proxy.counted(403) == 1, "a refusal is not asked for again"


def test_the_store_may_be_another_folder(tmp_path, tiny_model):
    params, paths = prepare(tmp_path, tiny_model, "elsewhere/lance")
    publish_decisions(params, paths)
    assert (tmp_path / "elsewhere/lance/rows.lance").is_dir()
    assert not (tmp_path / "artifacts/lancedb").exists()


@pytest.mark.parametrize("store", ["gs://bucket/x", "s3://", "s3:///x", "https://a.b/c"])
def test_an_address_of_another_kind_is_refused_with_the_settings(store):
    with pytest.raises(ValidationError, match="s3://bucket/prefix"):
        Params.model_validate({"store": store})
