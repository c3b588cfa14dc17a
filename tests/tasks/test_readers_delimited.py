"""CSV and TSV: what comes out, row by row, and what is refused."""

import hashlib
from pathlib import Path

import pytest

from tests.tasks.ingesting import reader


def told(records: list) -> list[tuple]:
    """(row, line, rule) of each record, rule empty where it is sound."""
    return [(r.row, r.line, r.fault.rule if r.fault else "") for r in records]


def sha(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


class TestCsv:
    def test_fields_may_hold_lines_quotes_and_delimiters(self, tmp_path: Path) -> None:
        content = b'\xef\xbb\xbfa,b\r\n"x\r\ny","he said ""no"", twice"\r\n\r\n1,5" disk\r\n'
        records = reader(tmp_path, "a.csv", content)
        assert told(records) == [(1, 2, ""), (2, 5, "")]
        assert records[0].value == {"a": "x\r\ny", "b": 'he said "no", twice'}
        assert records[0].sha256 == sha(b'"x\r\ny","he said ""no"", twice"')
        assert records[1].value == {"a": "1", "b": '5" disk'}

    def test_tabs_separate_in_tsv(self, tmp_path: Path) -> None:
        assert reader(tmp_path, "a.tsv", b"a\tb\n1,2\t3\n")[0].value == {"a": "1,2", "b": "3"}

    def test_a_wrong_number_of_fields_is_told_with_both_numbers(self, tmp_path: Path) -> None:
        records = reader(tmp_path, "a.csv", b"a,b\n1\n1,2\n1,2,3\n")
        assert told(records) == [
            (1, 2, "wrong_field_count"),
            (2, 3, ""),
            (3, 4, "wrong_field_count"),
        ]
        assert records[2].fault.expected == "2 fields (a, b)"
        assert records[2].fault.hint.startswith("3 fields")

    def test_nul_bytes_are_read(self, tmp_path: Path) -> None:
        assert reader(tmp_path, "a.csv", b"a\nx\0y\n")[0].value == {"a": "x\0y"}

    def test_a_quote_never_closed_costs_every_line_it_takes_in(self, tmp_path: Path) -> None:
        records = reader(tmp_path, "a.csv", b'a,b\n1,2\n3,"4\n5,6\n7,8\n')
        cut = "truncated_file"
        assert told(records) == [(1, 2, ""), (2, 3, cut), (3, 4, cut), (4, 5, cut)]
        assert "line 3 is never closed" in records[1].fault.hint

    def test_broken_quoting_costs_one_record(self, tmp_path: Path) -> None:
        records = reader(tmp_path, "a.csv", b'a,b\n"1"x,2\n3,4\n5\r6,7\n8,9')
        rules = [(1, 2, "broken_csv"), (2, 3, ""), (3, 4, "broken_csv"), (4, 5, "")]
        assert told(records) == rules
        assert "carriage return" in records[2].fault.hint

    @pytest.mark.parametrize("body", [b'"' + b"x" * 3000 + b'"', b'"' + b"x\n" * 1500 + b'"'])
    def test_a_record_too_large_is_passed_over_to_its_end(
        self, tmp_path: Path, body: bytes
    ) -> None:
        records = reader(tmp_path, "a.csv", b"a,b\n1,2\n3," + body + b"\n5,6\n", limit=1024)
        assert [(r.row, r.fault.rule if r.fault else "") for r in records] == [
            (1, ""),
            (2, "record_too_large"),
            (3, ""),
        ]
        assert records[1].sha256 == sha(b"3," + body)
        assert records[1].fault.found == f"{len(body) + 2:,} bytes"

    def test_a_record_of_exactly_the_limit_is_read(self, tmp_path: Path) -> None:
        (record,) = reader(tmp_path, "a.csv", b"a\n" + b"x" * 1024 + b"\n", limit=1024)
        assert record.fault is None

    def test_a_huge_field_never_closed_is_one_record_that_says_how_much_it_took(
        self, tmp_path: Path
    ) -> None:
        (record,) = reader(tmp_path, "a.csv", b'a\n"' + b"x\n" * 2000, limit=1024)
        assert record.fault.rule == "record_too_large"
        assert "2,000 lines" in record.fault.hint

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "header"),
            (b"\n\n", "header"),
            (b"a,b,a\n1,2,3\n", "rename"),
            (b'"a,b\n1,2\n', "never closed"),
            (b'a,"b"x\n1,2\n', "written twice"),
            (b"a" * 5000 + b"\n1\n", "max_record_bytes"),
            (b"caf\xe9\n1\n", "UTF-8"),
        ],
    )
    def test_a_file_without_a_usable_header_is_unreadable(
        self, tmp_path: Path, content: bytes, words: str
    ) -> None:
        (record,) = reader(tmp_path, "a.csv", content, limit=1024)
        assert (record.row, record.fault.rule) == (0, "unreadable_file")
        assert words in record.fault.hint

    def test_a_header_alone_has_no_records(self, tmp_path: Path) -> None:
        assert reader(tmp_path, "a.csv", b"a,b\n") == []

    def test_bytes_that_are_not_utf8_name_their_column(self, tmp_path: Path) -> None:
        (record,) = reader(tmp_path, "a.csv", b"id,b\nx,caf\xe9\n")
        assert (record.fault.rule, record.fault.column) == ("invalid_utf8", "b")
        assert record.value["id"] == "x"
