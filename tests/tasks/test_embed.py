"""Stage `embed` with a tiny real model: what is encoded, what is remembered, what is written."""

import json
import shutil

import numpy as np
import polars as pl
import pytest

from schemas.errors import ContractError
from schemas.params import Params
from schemas.tables import Vectors, check
from tasks import deduplicate, embed
from tasks.stage import Paths
from tasks.storage.rows import read_vectors, write_rows
from tasks.storage.vectors import VectorStore
from tests.tasks.test_score import sha, write_documents
from tests.tiny_model import VOCABULARY

ROWS = [
    {"id": "r1", "text": "water and fire"},
    {"id": "r2", "text": "earth and air"},
    {"id": "r3", "text": "earth and air", "duplicate_of": "r2"},
    {"id": "r4", "text": "xylem phloem"},
    {"id": "r5", "text": " ".join(VOCABULARY[1:30])},
    {"id": "r6", "text": " ".join(VOCABULARY[1:29])},
]
VECTORS = ["r1", "r2", "r5"]  # r3 is r2 again, r4 has no known word, r6 is nearly r5


@pytest.fixture
def stage(tmp_path, tiny_model):
    """Run the stage on some documents; returns its manifest, bytes and facts."""
    params = Params.model_validate({"embed": {"model": str(tiny_model)}})
    paths = Paths(tmp_path)

    def run(rows=ROWS):
        write_documents(paths, rows)
        deduplicate.run(params, paths)
        manifest = embed.run(params, paths)
        facts = json.loads((paths.artifacts / "facts" / "embed_cache.json").read_text())
        return manifest, paths.table("vectors").read_bytes(), facts

    run.paths, run.params = paths, params
    return run


def test_each_document_that_stays_and_has_a_direction_gets_a_unit_vector(stage):
    manifest, _, facts = stage()
    keys, vectors = read_vectors(stage.paths.table("vectors"))
    assert keys["id"].to_list() == VECTORS
    assert keys["tokens"].to_list() == [3, 3, 29]
    assert keys["content_sha256"].to_list() == [sha(ROWS[i]["text"]) for i in (0, 1, 4)]
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    frame = pl.read_parquet(stage.paths.table("vectors"))
    check(Vectors, frame)
    check(Vectors, frame.drop("vector"))
    factor = pl.when(pl.col("id") == "r2").then(2).otherwise(1)
    doubled = frame.with_columns(vector=pl.col("vector") * factor)
    with pytest.raises(ContractError, match=r"unit length.*id='r2'"):
        check(Vectors, doubled.cast({"vector": frame.schema["vector"]}))
    assert manifest.rows == {"documents": 4, "vectors": 3}
    assert manifest.facts["zero_vectors"] == 1
    assert facts == {"encoded_rows": 4, "cached_rows": 0}


def test_a_second_run_encodes_nothing_and_writes_the_same_bytes(stage):
    first, bytes_before, _ = stage()
    second, bytes_after, facts = stage()
    assert facts == {"encoded_rows": 0, "cached_rows": 4}
    assert bytes_after == bytes_before
    assert second == first, "what came from the cache does not show in the manifest"


def test_only_new_content_is_encoded_and_the_rest_keeps_its_bits(stage):
    stage()
    before = dict(zip(VECTORS, read_vectors(stage.paths.table("vectors"))[1], strict=True))
    rows = [*ROWS, {"id": "r0", "text": "tree river bird"}, {"id": "r9", "text": "song"}]
    _, grown, facts = stage(rows)
    assert facts == {"encoded_rows": 2, "cached_rows": 4}
    keys, vectors = read_vectors(stage.paths.table("vectors"))
    assert keys["id"].to_list() == ["r0", *VECTORS, "r9"]
    for name, vector in before.items():
        assert vectors[keys["id"].to_list().index(name)].tobytes() == vector.tobytes()
    shutil.rmtree(stage.paths.store(""))
    _, afresh, facts = stage(rows)
    assert facts["encoded_rows"] == 6
    assert afresh == grown


def test_content_that_moved_to_another_id_is_known(stage):
    stage()
    _, _, facts = stage([{**row, "id": "new-" + row["id"], "duplicate_of": None}
                         for row in ROWS if row["id"] != "r3"])  # fmt: skip
    assert facts["encoded_rows"] == 0


def test_another_setting_of_the_model_is_another_cache(stage, tiny_model):
    stage()
    shorter = Params.model_validate({"embed": {"model": str(tiny_model), "max_tokens": 8}})
    manifest = embed.run(shorter, stage.paths)
    facts = json.loads((stage.paths.artifacts / "facts" / "embed_cache.json").read_text())
    assert facts == {"encoded_rows": 4, "cached_rows": 0}
    assert manifest.rows["vectors"] == 3


class Killed(Exception):
    pass


def test_killed_between_two_chunks_it_loses_no_finished_one(stage, monkeypatch, tmp_path):
    rows = [{"id": f"r{i:02}", "text": " ".join(VOCABULARY[i : i + 3])} for i in range(10)]
    monkeypatch.setattr(embed, "CHUNK_ROWS", 4)
    real = embed.load_encoder

    def failing(params):
        encoder = real(params)
        whole, chunks = encoder.encode, []

        def encode(texts):
            chunks.append(texts)
            if len(chunks) == 3:
                raise Killed
            return whole(texts)

        encoder.encode = encode
        return encoder

    monkeypatch.setattr(embed, "load_encoder", failing)
    with pytest.raises(Killed):
        stage(rows)
    assert not stage.paths.table("vectors").exists()
    monkeypatch.setattr(embed, "load_encoder", real)
    _, resumed, facts = stage(rows)
    assert facts == {"encoded_rows": 2, "cached_rows": 8}
    other = Paths(tmp_path / "undisturbed")
    write_documents(other, rows)
    deduplicate.run(stage.params, other)
    embed.run(stage.params, other)
    assert other.table("vectors").read_bytes() == resumed


def altered(folder, content):
    """Flip a bit in the one place of the cache's files that holds some bytes."""
    files = folder.glob("embeddings_*/data/*.lance")
    (file,) = [path for path in files if content in path.read_bytes()]
    data = bytearray(file.read_bytes())
    data[data.index(content) + 2] ^= 4
    file.write_bytes(data)


def test_a_bit_that_flips_in_the_cache_is_noticed_and_mended(stage, caplog):
    _, before, _ = stage()
    vector = read_vectors(stage.paths.table("vectors"))[1][1]
    altered(stage.paths.store(""), vector.tobytes())
    with caplog.at_level("WARNING", "winnow"):
        _, after, facts = stage()
    assert after == before
    assert facts == {"encoded_rows": 1, "cached_rows": 3}
    assert "1 vectors in the embedding cache were damaged" in caplog.text
    assert stage()[2] == {"encoded_rows": 0, "cached_rows": 4}


def test_a_cache_that_lost_rows_is_found_out(stage, monkeypatch):
    monkeypatch.setattr(embed, "embed_missing", lambda *_: None)
    with pytest.raises(ContractError, match="lost rows"):
        stage()


def test_the_rows_are_published_under_the_tag_of_their_vectors(stage):
    from tasks.catalog import publish_vectors, tag_of

    stage()
    tag = tag_of(stage.paths, "vectors", "emb")
    store = VectorStore(stage.paths.store(""))
    assert store.has(tag)
    query = read_vectors(stage.paths.table("vectors"))[1][0]
    (row,) = store.nearest(tag, query, 1, ["id", "source", "text"]).to_dicts()
    assert row == {"id": "r1", "source": "test", "text": "water and fire", "similarity": 1.0}
    assert publish_vectors(stage.params, stage.paths) == tag


def test_no_document_at_all_gives_an_empty_table(stage):
    paths = stage.paths
    write_documents(paths, ROWS)
    nothing = pl.read_parquet(paths.table("documents")).clear()
    write_rows(paths.table("documents"), nothing)
    deduplicate.run(stage.params, paths)
    assert embed.run(stage.params, paths).rows == {"documents": 0, "vectors": 0}
    assert len(read_vectors(paths.table("vectors"))[0]) == 0
