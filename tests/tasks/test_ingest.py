"""Stage ingest on real files: what is kept, what is set aside, what is refused and why."""

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.manifest import Manifest, file_digest
from schemas.tables import QUARANTINE_RULES
from tasks import ingest
from tests.tasks.ingesting import (
    GOOD,
    LINES,
    PACK,
    Outcome,
    as_jsonl,
    as_parquet,
    conserved,
    few,
    run,
)

DATA = Path(__file__).parents[1] / "data"


class TestHandWrittenRows:
    """tests/data/rows.jsonl, with the verdicts written beside it in rows.md."""

    @pytest.fixture
    def outcome(self, tmp_path: Path) -> Outcome:
        return run(tmp_path, {"rows.jsonl": (DATA / "rows.jsonl").read_bytes()}, id_key="id")

    def test_every_verdict_is_the_one_written_beside_it(self, outcome: Outcome) -> None:
        told = re.findall(r"^\| (\d+) \| (\w+) \|", (DATA / "rows.md").read_text(), re.MULTILINE)
        expected = {int(row): verdict for row, verdict in told}
        assert len(expected) == 40
        found = dict.fromkeys(outcome.documents["row"].to_list(), "accepted")
        found |= dict(outcome.quarantine.select("row", "rule").iter_rows())
        assert found == expected
        conserved(outcome)

    def test_twins_name_their_keeper(self, outcome: Outcome) -> None:
        twins = outcome.documents.filter(pl.col("duplicate_of").is_not_null())
        pairs = sorted(twins.select("id", "duplicate_of").iter_rows())
        assert pairs == [("lf", "crlf"), ("same", "same"), ("twin", "same")]
        assert outcome.facts["exact_duplicates"] == 3

    def test_texts_are_in_normal_form_and_hostile_ones_unharmed(self, outcome: Outcome) -> None:
        text = dict(outcome.documents.select("id", "text").iter_rows())
        assert text["crlf"] == text["lf"] == "line one\nline two\nline three"
        assert text["nfd"] == "Café au lait"
        assert text["nul"] == "abc"
        assert text["indent"] == "    def f():\n        return 1"
        assert text["<script>alert(1)</script>"].startswith("{output} %s {0.__class__}")
        assert text["340282366920938463463374607431768211455"] == "A 128-bit integer id."

    def test_refused_records_keep_their_id_where_it_can_be_read(self, outcome: Outcome) -> None:
        by_row = dict(outcome.quarantine.select("row", "id").iter_rows())
        assert (by_row[22], by_row[35], by_row[37]) == ("notext", "half", "latin1")
        assert by_row[20] == by_row[21] == "clash"
        assert re.fullmatch("sha256:[0-9a-f]{32}", by_row[33])

    def test_lines_are_those_an_editor_shows(self, outcome: Outcome) -> None:
        rows = dict(outcome.documents.select("row", "line").iter_rows())
        assert (rows[10], rows[11]) == (10, 12)  # a blank line stands between


class TestRules:
    """Each rule has a minimal bad record and, but for a trifle, a good one."""

    @pytest.mark.parametrize(("rule", "bad", "good"), LINES, ids=[line[0] for line in LINES])
    def test_in_json_lines(self, tmp_path: Path, rule: str, bad: bytes, good: bytes) -> None:
        given = {"id_key": "id", "max_chars": 10, "max_record_bytes": 1024}
        sound = b'{"id":"good","text":"A good."}\n'
        refused = run(tmp_path, {"bad.jsonl": sound + bad}, **given)
        assert set(refused.rules) == {rule}
        assert len(refused.rules) == (2 if rule == "conflicting_id" else 1)
        assert run(tmp_path, {"good.jsonl": sound + good}, **given).rules == []
        (row,) = refused.quarantine.filter(row=2).rows(named=True)
        assert row["line"] == 2
        assert row["source_file"] == "bad.jsonl"
        assert all(row[name] for name in ("expected", "found", "hint", "id", "raw_sha256"))
        assert len(row["found"]) <= 200

    def test_in_other_files(self, tmp_path: Path) -> None:
        cut = PACK[".gz"](as_jsonl([GOOD]))[:-9]
        outcome = run(
            tmp_path,
            {
                "a.csv": b"id,text\na,b,c\n",
                "b.csv": b'id,text\na,"b"c\n',
                "c.parquet": b"PAR1",
                "d.jsonl.gz": cut,
                "e.jsonl": as_jsonl([GOOD]),
            },
        )
        expected = ["wrong_field_count", "broken_csv", "unreadable_file", "truncated_file"]
        assert outcome.rules == expected
        conserved(outcome)

    def test_every_rule_has_its_test(self) -> None:
        others = {"wrong_field_count", "broken_csv", "unreadable_file", "truncated_file"}
        others |= {"forgotten"}  # of a takedown, see test_takedowns.py
        assert {line[0] for line in LINES} | others == set(QUARANTINE_RULES)


class TestTwinsAndConflicts:
    def test_the_smallest_id_keeps_and_a_keepers_own_copies_follow_it(self, tmp_path: Path) -> None:
        rows = [{"id": i, "text": "same"} for i in ("c", "a", "b", "a")]
        found = run(tmp_path, {"a.jsonl": as_jsonl(rows)}, id_key="id").documents
        pairs = list(found.select("id", "duplicate_of").iter_rows())
        assert pairs == [("a", None), ("a", "a"), ("b", "a"), ("c", "a")]

    def test_a_conflict_is_found_across_files_and_costs_all_its_records(
        self, tmp_path: Path
    ) -> None:
        one = [{"id": "x", "text": "one"}, {"id": "y", "text": "one"}]
        two = [{"id": 1, "text": "two"}, {"id": "x", "text": "two"}, {"id": "x", "text": "two"}]
        outcome = run(
            tmp_path, {"a.jsonl": as_jsonl(one), "b.parquet": as_parquet(two[1:])}, id_key="id"
        )
        assert outcome.documents["id"].to_list() == ["y"]
        assert outcome.documents["duplicate_of"].to_list() == [None]  # its twin is not trusted
        assert outcome.quarantine["id"].to_list() == ["x", "x", "x"]
        assert set(outcome.quarantine["found"]) == {"2 different contents"}
        conserved(outcome)

    def test_ids_from_content_never_conflict(self, tmp_path: Path) -> None:
        rows = [{"text": text} for text in ("a", "b", "a ", "a")]
        found = run(tmp_path, {"a.jsonl": as_jsonl(rows)}).documents
        assert found["duplicate_of"].is_null().sum() == 2
        assert found["id"].n_unique() == 2

    @few
    @given(rows=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=1))
    def test_it_agrees_with_a_plain_reading_of_the_rule(
        self, tmp_path: Path, rows: list[tuple[str, str]]
    ) -> None:
        content = as_jsonl([{"id": i, "text": text} for i, text in rows])
        outcome = run(tmp_path, {"a.jsonl": content}, id_key="id")
        texts = {i: {t for j, t in rows if j == i} for i, _ in rows}
        sound = {i: next(iter(t)) for i, t in texts.items() if len(t) == 1}
        keeper = {text: min(i for i in sound if sound[i] == text) for text in sound.values()}
        expected = {i: None if keeper[t] == i else keeper[t] for i, t in sound.items()}
        found: dict[str, Any] = {}
        for i, duplicate_of in outcome.documents.select("id", "duplicate_of").iter_rows():
            assert duplicate_of == (i if i in found and expected[i] is None else expected[i])
            found[i] = duplicate_of
        assert found.keys() == expected.keys()
        conserved(outcome)


def test_the_manifest_ties_inputs_to_outputs_and_repeats_to_the_byte(tmp_path: Path) -> None:
    content = {"b.jsonl": as_jsonl([GOOD]), "a.csv": b"id,text\nx,y\n"}
    run(tmp_path, content)
    first = (tmp_path / "artifacts/ingest.json").read_bytes()
    manifest = Manifest.read(tmp_path / "artifacts/ingest.json")
    assert manifest.version == ingest.VERSION
    assert manifest.rows == {"documents": 2, "quarantine": 0}
    for name, digest in (manifest.inputs | manifest.outputs).items():
        assert file_digest(tmp_path / "artifacts" / name) == digest
    run(tmp_path, content)
    assert (tmp_path / "artifacts/ingest.json").read_bytes() == first
