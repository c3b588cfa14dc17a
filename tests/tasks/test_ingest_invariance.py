"""Equal rows give equal tables, and none is lost, whatever they come in."""

import itertools
import json
import random
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.manifest import file_digest
from tasks import ingest
from tasks.readers import files, spool
from tests.tasks.ingesting import (
    GOOD,
    LINES,
    PACK,
    as_csv,
    as_jsonl,
    as_parquet,
    conserved,
    few,
    run,
)

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

    def test_copies_of_one_id_are_ordered_by_what_they_say(self, tmp_path: Path) -> None:
        """The keeper of an id's copies differs from them in source, note or white space alone."""
        same = {"id": "a", "text": "x", "source": "web", "note": "1"}
        others = ({"source": "books"}, {"note": "2"}, {"text": "x "}, {"id": "b"}, {})
        rows = [same | other for other in others]
        first = self.tables(tmp_path, "rows.jsonl", as_jsonl(rows))[0].drop("row", "line")
        assert first["duplicate_of"].to_list() == [None, "a", "a", "a", "a"]
        for order in itertools.islice(itertools.permutations(rows), 0, None, 5):
            found = self.tables(tmp_path, "rows.jsonl", as_jsonl(list(order)))[0]
            assert found.drop("row", "line").equals(first)

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
            st.sampled_from([line for rule in LINES for line in rule[1:]])
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
