"""JSON Lines and cut files: what comes out, row by row, and what is refused."""

import gzip
import hashlib
import tracemalloc
from pathlib import Path

import pytest
import zstandard

from tests.tasks.ingesting import as_jsonl, reader


def told(records: list) -> list[tuple]:
    """(row, line, rule) of each record, rule empty where it is sound."""
    return [(r.row, r.line, r.fault.rule if r.fault else "") for r in records]


def sha(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


class TestJsonLines:
    def test_blank_lines_count_as_lines_but_not_as_records(self, tmp_path: Path) -> None:
        records = reader(tmp_path, "a.jsonl", b'\xef\xbb\xbf{"a":1}\r\n\n \t\r\n{"a":2}')
        assert told(records) == [(1, 1, ""), (2, 4, "")]
        assert [r.value for r in records] == [{"a": 1}, {"a": 2}]
        assert records[0].sha256 == sha(b'{"a":1}')

    def test_an_empty_file_has_no_records(self, tmp_path: Path) -> None:
        assert reader(tmp_path, "a.jsonl", b"") == []

    @pytest.mark.parametrize(
        ("line", "rule", "hint"),
        [
            (b'{"a":1}{"a":2}', "broken_json", "character 8"),
            (b'{"a":1,}', "broken_json", "trailing comma"),
            (b'{"a":NaN}', "broken_json", "use null"),
            (b"[", "broken_json", "one object per line"),
            (b'[{"a":1}]', "not_an_object", "a list"),
            (b"12", "not_an_object", "a number"),
            (b"[" * 100_000, "broken_json", "one object per line"),
            ('{"a":1}'.encode("utf-16"), "invalid_utf8", "UTF-16"),
            ('{"a":1}'.encode("utf-16-le"), "broken_json", "UTF-16"),
            (b'{"a":"\xed\xa0\x80"}', "invalid_utf8", "convert"),
            (b'{"a":"\\ud800"}', "invalid_unicode", "surrogate"),
        ],
    )
    def test_a_bad_line_is_told_with_its_bytes_and_the_next_is_read(
        self, tmp_path: Path, line: bytes, rule: str, hint: str
    ) -> None:
        records = reader(tmp_path, "a.jsonl", line + b'\n{"a":1}\n')
        assert told(records) == [(1, 1, rule), (2, 2, "")]
        assert hint in records[0].fault.hint
        assert records[0].sha256 == sha(line)

    def test_an_id_is_still_read_beside_bytes_that_are_not_utf8(self, tmp_path: Path) -> None:
        (record,) = reader(tmp_path, "a.jsonl", b'{"id":"x","b":["caf\xe9"]}')
        assert record.value["id"] == "x"
        assert record.fault.column == "b"

    def test_a_repeated_key_takes_the_last_value(self, tmp_path: Path) -> None:
        assert reader(tmp_path, "a.jsonl", b'{"a":1,"a":2}')[0].value == {"a": 2}

    def test_a_huge_line_is_passed_over_in_little_memory(self, tmp_path: Path) -> None:
        huge = b'{"a":"' + b"x" * (64 * 2**20) + b'"}'
        content = b'{"a":1}\n' + huge + b'\n{"a":2}\n'
        (tmp_path / "a.jsonl").write_bytes(content)
        expected, size = sha(huge), len(huge)
        packed = gzip.compress(content, 1)
        del huge, content
        tracemalloc.start()
        records = reader(tmp_path, "b.jsonl.gz", packed)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert told(records) == [(1, 1, ""), (2, 2, "record_too_large"), (3, 3, "")]
        assert records[1].sha256 == expected
        assert records[1].fault.found == f"{size:,} bytes"
        assert peak < 12 * 2**20


class TestCutFiles:
    @pytest.mark.parametrize("suffix", [".gz", ".zst"])
    def test_all_before_the_cut_is_kept_and_one_record_stands_for_the_rest(
        self, tmp_path: Path, suffix: str
    ) -> None:
        pack = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}[suffix]
        head, tail = b'{"a":1}\n{"a":2}\n{"a', b'":3}\n'
        whole = pack(head)  # a member that ends inside a record, then a member that is cut
        records = reader(tmp_path, f"a.jsonl{suffix}", whole + pack(tail)[:6])
        assert told(records) == [(1, 1, ""), (2, 2, ""), (3, 3, "truncated_file")]
        assert records[-1].fault.found == '{"a'
        assert records[-1].sha256 == sha(b'{"a')

    def test_a_cut_between_records_is_told_too(self, tmp_path: Path) -> None:
        packed = gzip.compress(b'{"a":1}\n') + gzip.compress(b"x")[:12]
        assert told(reader(tmp_path, "a.jsonl.gz", packed)) == [
            (1, 1, ""),
            (2, 2, "truncated_file"),
        ]

    @pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst", "a.csv.gz", "a.parquet.gz"])
    @pytest.mark.parametrize("content", [b"", b"not packed at all", b"\x1f\x8b\x08\x00"])
    def test_a_file_that_gives_no_byte_is_unreadable(
        self, tmp_path: Path, name: str, content: bytes
    ) -> None:
        assert told(reader(tmp_path, name, content)) == [(0, None, "unreadable_file")]

    def test_a_csv_record_of_two_lines_cut_in_the_second_is_one_record(
        self, tmp_path: Path
    ) -> None:
        packed = gzip.compress(b'a,b\n1,2\n3,"x\ny') + gzip.compress(b"z")[:10]
        records = reader(tmp_path, "a.csv.gz", packed)
        assert told(records) == [(1, 2, ""), (2, 3, "truncated_file")]
        assert records[-1].sha256 == sha(b'3,"x\ny')

    def test_a_huge_line_that_is_cut_is_one_record(self, tmp_path: Path) -> None:
        packed = gzip.compress(b"x" * 5000) + gzip.compress(b"y")[:10]
        records = reader(tmp_path, "a.jsonl.gz", packed, limit=1024)
        assert told(records) == [(1, 1, "truncated_file")]
        assert records[0].sha256 == sha(b"x" * 5000)


def test_equal_rows_give_equal_hashes_in_jsonl_whatever_the_line_end(tmp_path: Path) -> None:
    unix = reader(tmp_path, "a.jsonl", as_jsonl([{"a": 1}, {"a": 2}]))
    windows = reader(tmp_path, "b.jsonl", as_jsonl([{"a": 1}, {"a": 2}]).replace(b"\n", b"\r\n"))
    assert [r.sha256 for r in unix] == [r.sha256 for r in windows]
