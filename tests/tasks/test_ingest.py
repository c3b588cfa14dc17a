"""Stage ingest on real files: what is kept, set aside, refused, and that nothing is lost."""

import json
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import QuarantineError, SourceError
from schemas.manifest import Manifest, file_digest
from schemas.tables import QUARANTINE_RULES, Documents, Quarantine, check
from tasks import ingest, sources
from tasks.readers import files, spool
from tests.tasks.ingesting import (
    PACK,
    PLACE,
    Outcome,
    as_csv,
    as_jsonl,
    as_parquet,
    place,
    run,
)

DATA = Path(__file__).parents[1] / "data"
GOOD = {"id": "good", "text": "A sound record."}

few = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def conserved(outcome: Outcome) -> None:
    """Every record read is in one of the two tables, once, and the manifest says so."""
    both = pl.concat([outcome.documents.select(PLACE), outcome.quarantine.select(PLACE)])
    assert len(both.unique(["source_file", "row"])) == len(both) == outcome.facts["records_read"]
    for name, counts in outcome.facts["files"].items():
        assert counts["records"] == counts["accepted"] + counts["quarantined"]
        assert counts["accepted"] == (outcome.documents["source_file"] == name).sum()
    check(Documents, outcome.documents)
    check(Quarantine, outcome.quarantine)


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

    LINES: ClassVar = [
        ("broken_json", b'{"id":"a","text":"x"', b'{"id":"a","text":"x"}'),
        ("not_an_object", b'["id"]', b'{"id":"a","text":"[]"}'),
        ("wrong_type", b'{"id":"a","text":1}', b'{"id":"a","text":"1"}'),
        ("missing_column", b'{"id":"a","Text":"x"}', b'{"id":"a","text":"x"}'),
        ("missing_text", b'{"id":"a","text":null}', b'{"id":"a","text":"null"}'),
        ("blank_text", b'{"id":"a","text":" "}', b'{"id":"a","text":" ."}'),
        ("too_long", b'{"id":"a","text":"12345678901"}', b'{"id":"a","text":"1234567890 "}'),
        ("invalid_utf8", b'{"id":"a","text":"\xe9"}', b'{"id":"a","text":"\xc3\xa9"}'),
        ("invalid_unicode", b'{"id":"a","text":"\\ud800"}', b'{"id":"a","text":"\\ud800\\udc00"}'),
        ("missing_id", b'{"id":null,"text":"x"}', b'{"id":0,"text":"x"}'),
        ("bad_id", b'{"id":0.0,"text":"x"}', b'{"id":"0.0","text":"x"}'),
        ("conflicting_id", b'{"id":"good","text":"x"}', b'{"id":"good","text":"A good."}'),
        (
            "record_too_large",
            b'{"id":"a","text":"x"}' + b" " * 1024,
            b'{"id":"a","text":"x"}' + b" " * 1003,
        ),
    ]

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
        assert {line[0] for line in self.LINES} | others == set(QUARANTINE_RULES)


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


records = st.fixed_dictionaries(
    {
        "id": st.text("abcdefgh", min_size=1, max_size=2),
        "text": st.text(st.characters(codec="utf-8"), max_size=20),
        "source": st.sampled_from(["web", "books", ""]),
        "note": st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=9),
    }
)
corpora = st.lists(records, min_size=1, max_size=12)


class TestSameRowsSameTables:
    def tables(self, root: Path, name: str, content: bytes) -> list[pl.DataFrame]:
        outcome = run(root, {name: content}, id_key="id")
        return [outcome.documents, outcome.quarantine]

    @few
    @given(rows=corpora)
    def test_the_format_leaves_no_trace_but_position(
        self, tmp_path: Path, rows: list[dict[str, str]]
    ) -> None:
        tables = [
            self.tables(tmp_path, "rows.jsonl", as_jsonl(rows))[0],
            self.tables(tmp_path, "rows.csv", as_csv(rows))[0],
            self.tables(tmp_path, "rows.tsv", as_csv(rows, "\t"))[0],
            self.tables(tmp_path, "rows.parquet", as_parquet(rows))[0],
        ]
        for other in tables[1:]:
            assert other.drop("line", "source_file").equals(tables[0].drop("line", "source_file"))

    @few
    @given(rows=corpora, seed=st.integers(0, 99), kind=st.sampled_from(["jsonl", "csv", "parquet"]))
    def test_the_order_of_rows_leaves_no_trace_but_row_and_line(
        self, tmp_path: Path, rows: list[dict[str, str]], seed: int, kind: str
    ) -> None:
        write = {"jsonl": as_jsonl, "csv": as_csv, "parquet": as_parquet}[kind]
        shuffled = random.Random(seed).sample(rows, len(rows))
        first = self.tables(tmp_path, f"rows.{kind}", write(rows))
        second = self.tables(tmp_path, f"rows.{kind}", write(shuffled))
        for one, other in zip(first, second, strict=True):
            assert one.drop("row", "line").equals(other.drop("row", "line"))

    @pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "rows.parquet"])
    def test_packing_leaves_no_trace_but_the_name(self, tmp_path: Path, name: str) -> None:
        rows = [{"id": f"{n % 40}", "text": f"Text {n % 41}", "note": "é\n"} for n in range(50)]
        write = {"jsonl": as_jsonl, "csv": as_csv, "parquet": as_parquet}[name.split(".")[1]]
        plain, *packed = (
            self.tables(tmp_path, name + suffix, pack(write(rows))) for suffix, pack in PACK.items()
        )
        assert len(plain[0]) > 0
        assert len(plain[1]) > 0
        for tables in packed:
            for one, other in zip(plain, tables, strict=True):
                assert one.drop("source_file").equals(other.drop("source_file"))

    def test_sizes_of_batches_blocks_and_buckets_leave_no_trace_at_all(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = [{"id": n * 7919 % 500, "text": f"Text {n % 450}"} for n in range(600)]
        content = {"rows.jsonl": as_jsonl(rows) + b"broken\n" * 50}

        def digests() -> list[str]:
            run(tmp_path, content, id_key="id")
            names = ("documents.parquet", "quarantine.parquet", "ingest.json")
            return [file_digest(tmp_path / "artifacts" / name) for name in names]

        usual = digests()
        monkeypatch.setattr(spool, "BUCKET_BYTES", 5000)
        monkeypatch.setattr(spool, "BATCH_ROWS", 7)
        monkeypatch.setattr(files, "BLOCK_BYTES", 100)
        assert digests() == usual


class TestConservation:
    @few
    @given(
        lines=st.lists(
            st.sampled_from([line for rule in TestRules.LINES for line in rule[1:]])
            | st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b"")),
            max_size=40,
        ),
        kinds=st.lists(
            st.sampled_from(["a.jsonl", "b.csv", "c.jsonl.gz"]), min_size=1, unique=True
        ),
        cut=st.integers(0, 30),
    )
    def test_nothing_is_lost_from_any_mixture(
        self, tmp_path: Path, lines: list[bytes], kinds: list[str], cut: int
    ) -> None:
        body = b"id,text\n" + b"\n".join([*lines, json.dumps(GOOD).encode()])
        content = dict.fromkeys(kinds, body)
        if "c.jsonl.gz" in content:
            packed = PACK[".gz"](body)
            content["c.jsonl.gz"] = packed[: len(packed) - cut]
        conserved(run(tmp_path, content, id_key="id", max_record_bytes=1024))

    def test_a_record_that_vanishes_stops_the_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import numpy as np

        source = files.SourceFile("a.jsonl", "jsonl", "", 1, "0")
        with pytest.raises(ingest.ContractError, match="lost or doubled"):
            ingest._facts([source], np.array([3]), np.array([1]), np.array([1]))


class TestTooManyRefused:
    ROWS = as_jsonl([{"text": f"Sound {n}."} for n in range(9)])

    def test_the_limit_itself_is_allowed(self, tmp_path: Path) -> None:
        content = {"a.jsonl": self.ROWS + b"{\n"}
        assert run(tmp_path, content, max_quarantine_share=0.1).error is None
        assert run(tmp_path, content, max_quarantine_share=0.09).error is not None

    def test_the_error_shows_counts_examples_share_and_remedy(self, tmp_path: Path) -> None:
        bad = b'{"texts":"x"}\n{"texts":"y"}\n{"text":"\x1b[31m\xff"}\n'
        outcome = run(tmp_path, {"a.jsonl": self.ROWS + bad}, max_quarantine_share=0.05)
        shown = str(outcome.error)
        for words in (
            "3 of 12 records were refused",
            "2  missing_column     for example a.jsonl:1",
            "did you mean 'texts'",
            "1  invalid_utf8       for example a.jsonl:12",
            "at most 5 % refused",
            "found 25 % refused",
            "quarantine.parquet",
            "ingest.max_quarantine_share",
        ):
            assert words in shown, shown
        assert all(char.isprintable() or char == "\n" for char in shown)
        assert outcome.facts["quarantined_by_rule"] == {"invalid_utf8": 1, "missing_column": 2}

    def test_nothing_accepted_stops_the_run_whatever_the_limit(self, tmp_path: Path) -> None:
        outcome = run(tmp_path, {"a.jsonl": b"{\n"}, max_quarantine_share=1.0)
        assert isinstance(outcome.error, QuarantineError)
        assert "at least one accepted; found 100 % refused" in str(outcome.error)
        assert len(outcome.documents) == 0
        assert len(outcome.quarantine) == 1

    def test_no_record_at_all_is_a_source_error(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="no record at all"):
            run(tmp_path, {"a.jsonl": b"\n", "b.csv": b"text\n"})

    def test_the_command_ends_with_status_1_and_no_traceback(self, tmp_path: Path) -> None:
        (tmp_path / "a.jsonl").write_bytes(b"{\n")
        (tmp_path / "params.yaml").write_text("ingest: {sources: [a.jsonl]}")
        for stage, status in (("sources", 0), ("ingest", 1)):
            done = subprocess.run(
                [sys.executable, "-m", f"tasks.{stage}"],
                cwd=tmp_path,
                env={"PYTHONPATH": str(DATA.parents[1])},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == status, done.stderr
        assert "broken_json" in done.stderr
        assert "Traceback" not in done.stderr


class TestChangedSources:
    @pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet", "a.jsonl.gz"])
    @pytest.mark.parametrize("how", ["same size", "longer", "gone"])
    def test_a_file_that_changed_since_it_was_found_stops_the_run(
        self, tmp_path: Path, name: str, how: str
    ) -> None:
        rows = [{"text": "before"}]
        write = {"jsonl": as_jsonl, "csv": as_csv, "parquet": as_parquet}[name.split(".")[1]]
        content = PACK[".gz"](write(rows)) if name.endswith(".gz") else write(rows)
        params, paths = place(tmp_path, {name: content})
        sources.run(params, paths)
        if how == "gone":
            (tmp_path / name).unlink()
        elif how == "longer":
            (tmp_path / name).write_bytes(content + content)
        else:
            (tmp_path / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(SourceError, match=r"source changed while it was read: a\.") as raised:
            ingest.run(params, paths)
        assert "run again" in str(raised.value)
        assert not paths.table("documents").exists()
        assert not (paths.artifacts / ".ingest.partial").exists()

    def test_a_file_that_changes_during_the_reading_stops_the_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        params, paths = place(tmp_path, {"a.parquet": as_parquet([{"text": "before"}])})
        sources.run(params, paths)
        reading = ingest.Intake._take

        def meddle(self: Any, *given: Any) -> None:
            with (tmp_path / "a.parquet").open("ab") as file:
                file.write(b"more")
            reading(self, *given)

        monkeypatch.setattr(ingest.Intake, "_take", meddle)
        with pytest.raises(SourceError, match="source changed"):
            ingest.run(params, paths)


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


def test_a_packed_file_longer_than_memory_allows_is_streamed(tmp_path: Path) -> None:
    """A 256 MB line and 90 MB of rows, in a process that may hold 160 MB beyond its imports."""
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of a process is read from /proc")
    import gzip

    with gzip.open(tmp_path / "a.jsonl.gz", "wb", 1) as file:
        file.write(b'{"text":"' + b"x" * (256 * 2**20) + b'"}\n')
        for n in range(900):
            file.write(b'{"text":"%d %s"}\n' % (n, b"y" * 99_000))
    settings_ = "ingest: {sources: [a.jsonl.gz], max_record_bytes: 1048576}"
    (tmp_path / "params.yaml").write_text(settings_)
    code = (
        "import re, tasks.ingest, tasks.stage, tasks.sources\n"
        "from tasks.readers.intake import Intake\n"
        "from pathlib import Path\n"
        "paths = tasks.stage.Paths(); params = tasks.stage.load_params(paths.params)\n"
        "tasks.sources.run(params, paths)\n"
        "status = lambda: Path('/proc/self/status').read_text()\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', status())[1]) // 1024\n"
        "files = tasks.sources.read_sources(paths.json('sources'))\n"
        "before = peak()\n"
        "print(int(Intake(params.ingest, Path('s')).read(files, Path())[0]), peak() - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(DATA.parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    records, megabytes = map(int, done.stdout.split())
    assert records == 901
    assert megabytes < 160, megabytes
