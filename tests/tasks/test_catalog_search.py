"""The searchable table: rebuilt from Parquet at need, joined with verdicts, searched by text."""

import shutil

import polars as pl
import pytest

from schemas.errors import SettingsError, WinnowError
from schemas.params import Params
from tasks import deduplicate, embed
from tasks.catalog import publish_decisions, publish_vectors, tag_of
from tasks.search import COLUMNS, search
from tasks.stage import Paths
from tasks.storage.rows import write_rows
from tasks.storage.vectors import VectorStore
from tests.tasks.test_score import write_documents

TEXTS = {
    "r1": "water and fire", "r2": "fire and water in the river", "r3": "tree and bird",
    "r4": "a page of law", "r5": "the song of a bird", "o'r6": "law law law \"and\" code",
}  # fmt: skip


def decide(paths: Paths, kept: list[str]) -> None:
    """A ledger of the rows above, a copy of r1 and a refused record with the id of r2."""
    rows = [
        {"id": name, "verdict": "kept" if name in kept else "dropped", "stage": "choose",
         "rule": "gain" if name in kept else "outranked", "quality": 0.5,
         "rank": kept.index(name) + 1 if name in kept else None}
        for name in sorted(TEXTS)
    ]  # fmt: skip
    copy = {**rows[1], "verdict": "dropped", "rule": "exact_duplicate", "rank": None}
    bad = {**rows[2], "verdict": "quarantined", "rule": "broken_json", "rank": None}
    frame = pl.DataFrame([*rows, copy, bad], schema_overrides={"rank": pl.Int64})
    write_rows(paths.table("decisions"), frame.sort("id", "verdict"))


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_model):
    paths = Paths(tmp_path_factory.mktemp("catalog"))
    params = Params.model_validate({"embed": {"model": str(tiny_model)}})
    rows = [{"id": name, "text": text} for name, text in TEXTS.items()]
    write_documents(paths, [*rows, {"id": "r1", "text": TEXTS["r1"], "duplicate_of": "r1"}])
    deduplicate.run(params, paths)
    embed.run(params, paths)
    decide(paths, kept=["r1", "r4"])
    return params, paths


def test_the_nearest_rows_come_with_what_was_decided_of_them(run):
    found = search("Water, fire!", 3, *run)
    assert list(found[0]) == [*COLUMNS, "similarity"]
    assert {row["id"] for row in found[:2]} == {"r1", "r2"}
    by_id = {row["id"]: row for row in search("water", 99, *run)}
    assert sorted(by_id) == sorted(TEXTS)
    assert (by_id["r1"]["verdict"], by_id["r1"]["rule"], by_id["r1"]["rank"]) == ("kept", "gain", 1)
    assert by_id["r2"]["rule"] == "outranked", "not the refused record that has the same id"
    for name, row in by_id.items():
        assert (row["text"], row["source"]) == (TEXTS[name], "test")
    values = [row["similarity"] for row in found]
    assert values == sorted(values, reverse=True)


def test_a_text_finds_itself(run):
    for name, text in TEXTS.items():
        (row,) = search(text, 1, *run)
        assert (row["id"], row["similarity"]) == (name, pytest.approx(1, abs=1e-6))


def test_a_filter_narrows_the_rows_before_the_nearest_are_taken(run):
    found = search("bird", 2, *run, where="verdict = 'kept'")
    assert {row["id"] for row in found} == {"r1", "r4"}
    (row,) = search("bird", 9, *run, where="id = 'o''r6'")
    assert row["id"] == "o'r6"


@pytest.mark.parametrize("where", ["verdict =", "no_such_column = 1", "'", "1; DROP TABLE rows"])
def test_a_filter_that_cannot_be_read_is_a_settings_error(run, where):
    with pytest.raises(SettingsError, match="filter") as refused:
        search("bird", 2, *run, where=where)
    assert repr(where) in str(refused.value)
    assert search("bird", 1, *run), "and the rows are still there"


@pytest.mark.parametrize(
    ("text", "k", "words"),
    [(" \n", 3, "blank"), ("Xylem phloem", 3, "knows no word"), ("a", 0, "at least 1")],
)
def test_a_question_without_meaning_is_refused(run, text, k, words):
    with pytest.raises(SettingsError, match=words):
        search(text, k, *run)


def test_a_lost_store_is_rebuilt_from_parquet(run, tmp_path):
    params, paths = run
    copy = Paths(tmp_path)
    shutil.copytree(paths.artifacts, copy.artifacts, ignore=shutil.ignore_patterns("lancedb"))
    assert search("law", 5, params, copy) == search("law", 5, params, paths)


def test_new_verdicts_are_another_tag_and_the_old_one_stays(run, tmp_path):
    params, paths = run
    copy = Paths(tmp_path)
    shutil.copytree(paths.artifacts, copy.artifacts)
    before = publish_decisions(params, copy)
    assert publish_decisions(params, copy) == before
    decide(copy, kept=["r5"])
    after = publish_decisions(params, copy)
    assert after != before
    store = VectorStore(copy.store(params.store))
    assert store.has(before)
    assert store.has(after)
    kept = search("a", 9, params, copy, where="verdict = 'kept'")
    assert [row["id"] for row in kept] == ["r5"]


def test_the_tag_names_the_content_of_the_file(run, tmp_path):
    params, paths = run
    assert publish_vectors(params, paths) == tag_of(paths, "vectors", "emb")
    with pytest.raises(WinnowError, match=r"vectors\.parquet is not there") as missing:
        publish_vectors(params, Paths(tmp_path))
    assert "dvc repro" in str(missing.value)
