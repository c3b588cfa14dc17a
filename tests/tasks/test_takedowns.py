"""Rows that were taken down stay out of `ingest`, and nothing of them is told."""

import json
from pathlib import Path

import polars as pl
import pytest

from schemas.errors import WinnowError
from tasks.takedowns import Forgotten, digests, new_salt
from tests.tasks.ingesting import Outcome, as_jsonl
from tests.tasks.ingesting import run as ingest

ROWS = [
    {"id": "a", "text": "The first text, kept.", "source": "web"},
    {"id": "secret-7", "text": "A text about a person.", "source": "web"},
    {"id": "b", "text": "The second text, kept.", "source": "books"},
]


def run(root: Path, files: dict[str, bytes], **settings) -> Outcome:
    return ingest(root, files, id_key="id", **settings)


def take_down(root: Path, name: str = "one", **values: list[str]) -> None:
    salt = new_salt()
    record = {kind: digests(salt, kind, values.get(kind, [])) for kind in
              ("ids", "contents", "sources")}  # fmt: skip
    (root / "takedowns").mkdir(exist_ok=True)
    (root / "takedowns" / f"{name}.json").write_text(json.dumps({"salt": salt, **record}))


def told(root: Path) -> str:
    """Everything ingest wrote, as text."""
    tables = (pl.read_parquet(root / f"artifacts/{name}.parquet").write_json()
              for name in ("documents", "quarantine"))  # fmt: skip
    return "".join(tables) + (root / "artifacts/ingest.json").read_text()


def test_a_row_taken_down_by_id_is_counted_and_told_without_id_text_or_hash(tmp_path):
    before = run(tmp_path, {"rows.jsonl": as_jsonl(ROWS)})
    (row,) = before.documents.filter(pl.col("id") == "secret-7").to_dicts()
    take_down(tmp_path, ids=["secret-7"])
    after = run(tmp_path, {"rows.jsonl": as_jsonl(ROWS)}, max_quarantine_share=0.0)
    assert after.error is None, "what was taken down is no fault of the file"
    assert after.texts == [ROWS[0]["text"], ROWS[2]["text"]]
    (refused,) = after.quarantine.to_dicts()
    assert (refused["rule"], refused["line"]) == ("forgotten", 2)
    assert "takedowns/one.json" in refused["hint"]
    everything = told(tmp_path)
    for trace in ("secret-7", "person", row["content_sha256"], row["raw_sha256"]):
        assert trace not in everything
    assert after.facts["records_read"] == 3


@pytest.mark.parametrize(
    ("values", "left"),
    [
        ({"sources": ["web"]}, ["b"]),
        ({"contents": "content"}, ["a", "b"]),  # whatever id it comes with
        ({"ids": ["no such row"]}, ["a", "b", "secret-7"]),
    ],
)
def test_rows_stay_out_by_source_and_by_content(tmp_path, values, left):
    if values == {"contents": "content"}:
        found = run(tmp_path, {"rows.jsonl": as_jsonl(ROWS)}).documents
        values = {"contents": found.filter(pl.col("id") == "secret-7")["content_sha256"].to_list()}
        again = [dict(row, id="new" if row["id"] == "secret-7" else row["id"]) for row in ROWS]
    else:
        again = ROWS
    take_down(tmp_path, **values)
    after = run(tmp_path, {"rows.jsonl": as_jsonl(again)})
    assert sorted(after.documents["id"]) == left


def test_a_refused_record_that_was_taken_down_is_not_quoted(tmp_path):
    rows = as_jsonl([*ROWS[:1], {"id": "secret-7", "text": "person " * 40}])
    take_down(tmp_path, ids=["secret-7"])
    after = run(tmp_path, {"rows.jsonl": rows}, max_chars=100)
    assert after.rules == ["forgotten"]
    assert "person" not in told(tmp_path)


def test_sources_tells_of_takedowns_only_where_there_are_some(tmp_path):
    run(tmp_path, {"rows.jsonl": as_jsonl(ROWS)})
    assert "takedowns" not in (before := json.loads(read(tmp_path)))
    take_down(tmp_path, ids=["a"])
    run(tmp_path, {"rows.jsonl": as_jsonl(ROWS)})
    assert json.loads(read(tmp_path)) == {**before, "takedowns": Forgotten.load(
        tmp_path / "takedowns").digest}  # fmt: skip


def read(root: Path) -> str:
    return (root / "artifacts/sources.json").read_text()


def test_a_broken_record_stops_the_run_rather_than_let_rows_back_in(tmp_path):
    (tmp_path / "takedowns").mkdir()
    (tmp_path / "takedowns" / "one.json").write_text("{}")
    with pytest.raises(WinnowError, match="a takedown record cannot be read: KeyError") as broken:
        Forgotten.load(tmp_path / "takedowns")
    assert "git checkout" in broken.value.remedy
