"""A row taken down from two kept runs, a promoted one, DVC's caches, git and LanceDB."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from flows.checkout import checkout
from flows.forget import forget
from flows.repro import lock_entries
from flows.runs import runs as list_runs
from flows.takedowns import all_records
from schemas.errors import SettingsError, WinnowError
from tasks.storage.rows import read_vectors
from tests.flows.small_runs import make_checkout, vector

SECRET = {"id": "person-17", "text": 'A person said "no" & went <home> at noon, one day in May.'}
COPY = {"id": "another-id", "text": SECRET["text"]}
ROWS = [{"id": f"row-{n:03}", "text": f"Text number {n} of its own."} for n in range(20)]


def traces() -> list[bytes]:
    """The row's id, text, hash, and vector as bytes."""
    import hashlib

    text = SECRET["text"]
    unit = vector(text) / np.linalg.norm(vector(text))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return [SECRET["id"].encode(), text.encode(), digest.encode(), unit.astype("f4").tobytes()]


def holding(sought: list[bytes]) -> set[str]:
    """Places with a trace in a file's bytes, tables decompressed; git's and the user's left out."""
    found = set()
    for path in Path().rglob("*"):
        if path.is_file() and path.parts[0] not in (".git", "rows.jsonl"):
            content = path.read_bytes()
            if content[:4] == b"PAR1":
                frame = pl.read_parquet(path)
                content += "\n".join(map(str, frame.select(pl.exclude("vector")).rows())).encode()
                if "vector" in frame.columns:
                    content += read_vectors(path)[1].tobytes()
            if any(trace in content for trace in sought):
                found.add("/".join(path.parts[:2]))
    return found


def documents() -> str:
    """MD5 of the documents in dvc.lock."""
    return next(out.md5 for out in lock_entries() if out.path.endswith("documents.parquet"))


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    """What was held before and after, and what the command said."""
    with pytest.MonkeyPatch.context() as patch:
        made = make_checkout(tmp_path_factory.mktemp("small"), patch, [SECRET, *ROWS, COPY])
        made.finish("one", 1)
        Path("promoted/one").mkdir(parents=True)
        shutil.copy("artifacts/documents.parquet", "promoted/one/selected.parquet")
        Path("promoted/current").symlink_to("one")
        made.finish("two", 2, by_dvc=True)
        Path("artifacts/.progress/choose").mkdir(parents=True)
        Path("artifacts/.progress/choose/greedy.npz").write_bytes(traces()[3])
        entry = Path(".dvc/cache/runs/ab/abcd/ef01")  # DVC writes none for outputs that persist
        entry.parent.mkdir(parents=True)
        entry.write_text(f"cmd: x\nouts:\n- path: a\n  md5: {documents()}\n")
        before = holding(traces())
        dry, _ = forget(SECRET["id"], "", True, False, True)
        unchanged = holding(traces())
        told, good = forget(SECRET["id"], "", False, False, False)
        yield made, before, unchanged, json.loads(dry), told, good


def test_no_file_holds_id_text_hash_or_vector_afterwards(taken):
    _, before, unchanged, dry, told, good = taken
    assert good, told
    assert {"artifacts/documents.parquet", "artifacts/lancedb", "artifacts/.progress",
            "promoted/one", ".dvc/cache"} <= before  # fmt: skip
    assert "artifacts/report.html" in {each["what"] for each in dry["found"]}, "escaped, packed"
    assert unchanged == before, "a dry run removes nothing"
    assert holding(traces()) == set()
    assert told.endswith("searched again, found: nothing")


def test_every_version_of_the_store_is_without_it_and_holds_the_others(taken):
    import lance

    counts = {}
    for path in Path("artifacts/lancedb").glob("*.lance"):
        data = lance.dataset(str(path))
        for version in data.versions():
            rows = data.checkout_version(version["version"]).to_table().to_pylist()
            assert not [row for row in rows if SECRET["text"] in str(row)]
            counts[path.stem] = len(rows)
    assert counts == {"rows": 20, "embeddings_model": 20}


def test_it_is_as_if_the_row_had_never_been_there(taken):
    documents = pl.read_parquet("artifacts/documents.parquet")
    assert sorted(documents["id"]) == [row["id"] for row in ROWS]
    quarantine = pl.read_parquet("artifacts/quarantine.parquet")
    assert quarantine["rule"].to_list() == ["forgotten"] * 2, "the copy of another id went too"
    promoted = pl.read_parquet("promoted/one/selected.parquet")
    assert sorted(promoted["id"]) == [row["id"] for row in ROWS], "rewritten, not deleted"


def test_the_record_tells_what_was_where_and_not_what_it_was(taken):
    _, _, _, dry, told, _ = taken
    (record,) = all_records()
    text = record.path.read_text()
    for trace in (SECRET["id"], "another-id", "person", *(t.decode() for t in traces()[1:3])):
        assert trace not in text
    where = {each.where for each in record.found}
    assert {"artifact", "promoted run", "DVC cache", "DVC run cache", "embedding cache",
            "LanceDB table version"} <= where  # fmt: skip
    assert [each["what"] for each in dry["found"]] == [each.what for each in record.found]
    assert record.runs == ["one", "two"]
    assert (record.remains, record.rebuilt) == ([], "done")
    assert record.in_sources == ["rows.jsonl:1", "rows.jsonl:22"]
    assert "rows.jsonl:1" in told
    changed = {path for path, md5 in record.digests_before.items()
               if record.digests_after[path] != md5}  # fmt: skip
    assert "artifacts/documents.parquet" in changed


def test_a_run_that_lost_files_says_why_and_the_rebuilt_one_is_there(taken):
    (record,) = all_records()
    with pytest.raises(WinnowError, match="run one held a row that was taken down") as refused:
        checkout("one", True, False)
    assert refused.value.where == str(record.path)
    listed = list_runs(False)
    assert listed.count(f"lost files, see {record.path}") == 2
    assert f"after-takedown-{record.name[:8]}" in listed


def test_asked_again_it_says_that_the_row_is_gone(taken):
    (record,) = all_records()
    with pytest.raises(WinnowError, match=f"takedowns/{record.name}.json says"):
        forget(SECRET["id"], "", False, False, False)
    with pytest.raises(WinnowError, match="cache here holds such a row"):
        forget("never-seen", "", False, False, False)
    with pytest.raises(SettingsError, match="and not both"):
        forget("a", "b", False, False, False)


@pytest.mark.slow
def test_a_stopped_takedown_is_finished_by_asking_again(taken):
    (record,) = all_records()
    stopped = replace(record, rebuilt="", digests_after={})
    stopped.write()
    told, good = forget(SECRET["id"], "", False, False, True)
    assert good
    (again,) = all_records()
    assert (again.rebuilt, again.digests_after) == ("done", record.digests_after)
    assert json.loads(told)["ids"] == record.ids, "what it had found is still told"
    assert again.found == record.found


@pytest.mark.slow
def test_a_stopped_takedown_of_a_source_is_finished_too(taken):
    made = taken[0]
    made.rows([*ROWS, {"id": "elsewhere", "text": "From another place.", "source": "shop"}])
    made.finish("shop", 4)
    told, _ = forget("", "shop", False, False, True)
    (record,) = [one for one in all_records() if one.name == json.loads(told)["name"]]
    replace(record, rebuilt="failed: x").write()
    told, good = forget("", "shop", False, False, True)
    assert good
    assert json.loads(told)["sources"] == record.sources


@pytest.mark.slow
def test_a_whole_source_goes_and_stays_out(taken):
    made = taken[0]
    others = [dict(row, source="web") for row in ROWS[:5]]
    made.rows([*others, *ROWS[5:]])
    made.finish("three", 3)
    told, good = forget("", "web", False, False, True)
    assert good, told
    documents = pl.read_parquet("artifacts/documents.parquet")
    assert sorted(documents["id"]) == [row["id"] for row in ROWS[5:]]
    record = json.loads(told)
    assert (record["ids"], len(record["sources"]), record["kind"]) == ([], 1, "source")
    assert [place.rpartition(":")[2] for place in record["in_sources"]] == list("12345")
    assert "web" not in Path(f"takedowns/{record['name']}.json").read_text()
