"""Each reader on the files that break readers: what comes out, row by row, and what is refused."""

import gzip
import hashlib
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard

from tests.tasks.ingesting import as_jsonl, as_parquet, reader


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


class TestParquet:
    def test_rows_are_counted_over_row_groups(self, tmp_path: Path) -> None:
        content = as_parquet([{"a": n} for n in range(10)], row_group_size=3)
        records = reader(tmp_path, "a.parquet", content)
        assert told(records) == [(n, None, "") for n in range(1, 11)]
        assert [r.value["a"] for r in records] == list(range(10))

    @pytest.mark.parametrize(
        "column",
        [
            pa.array(["x", "y", None], pa.large_string()),
            pa.array(["x", "y", None]).dictionary_encode(),
            pa.array(["x", "y", None], pa.string_view()),
        ],
    )
    def test_strings_of_every_kind_are_strings(self, tmp_path: Path, column: pa.Array) -> None:
        records = reader(tmp_path, "a.parquet", as_parquet(pa.table({"a": column})))
        assert [r.value["a"] for r in records] == ["x", "y", None]

    def test_foreign_values_become_text_that_no_clock_or_library_changes(
        self, tmp_path: Path
    ) -> None:
        stamp = 1_700_000_000_123_456_789
        table = pa.table(
            {
                "instant": pa.array([stamp], pa.timestamp("ns", "Europe/Paris")),
                "local": pa.array([stamp // 10**6], pa.timestamp("ms")),
                "day": pa.array([19_000], pa.date32()),
                "price": pa.array(["1.50"]).cast(pa.decimal128(6, 2)),
                "wait": pa.array([5], pa.duration("s")),
                "nested": pa.array([[{"k": 1}]], pa.list_(pa.struct([("k", pa.int8())]))),
            }
        )
        (record,) = reader(tmp_path, "a.parquet", as_parquet(table))
        assert record.value == {
            "instant": "2023-11-14 22:13:20.123456789Z",
            "local": "2023-11-14 22:13:20.123",
            "day": "2022-01-08",
            "price": "1.50",
            "wait": 5,
            "nested": [{"k": 1}],
        }

    def test_one_value_that_is_not_utf8_costs_one_row(self, tmp_path: Path) -> None:
        offsets = pa.array([0, 2, 4, 6], pa.int32()).buffers()[1]
        text = pa.Array.from_buffers(pa.string(), 3, [None, offsets, pa.py_buffer(b"ok\xff\xfego")])
        content = as_parquet(pa.table({"id": ["a", "b", "c"], "text": text}))
        records = reader(tmp_path, "a.parquet", content)
        assert told(records) == [(1, None, ""), (2, None, "invalid_utf8"), (3, None, "")]
        assert records[1].fault.column == "text"
        assert records[1].value == {"id": "b"}

    def test_a_row_above_the_limit_is_refused(self, tmp_path: Path) -> None:
        content = as_parquet([{"a": "x" * 1016}, {"a": "x" * 1017}])
        records = reader(tmp_path, "a.parquet", content, limit=1024)
        assert told(records) == [(1, None, ""), (2, None, "record_too_large")]

    @pytest.mark.parametrize("damage", ["no footer", "garbage", "empty", "two equal names"])
    def test_a_file_that_is_not_parquet_is_unreadable(self, tmp_path: Path, damage: str) -> None:
        content = as_parquet([{"a": 1}])
        doubled = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
        bad = {
            "no footer": content[:-9],
            "garbage": b"PAR1" + b"\xff" * 200 + b"PAR1",
            "empty": b"",
            "two equal names": as_parquet(doubled),
        }[damage]
        (record,) = reader(tmp_path, "a.parquet", bad)
        assert (record.row, record.fault.rule) == (0, "unreadable_file")

    def test_pages_damaged_half_way_end_the_file_with_one_record(self, tmp_path: Path) -> None:
        rows = [{"a": hashlib.sha256(b"%d" % n).hexdigest() * 20} for n in range(9000)]
        content = as_parquet(rows, row_group_size=3000, use_dictionary=False, compression=None)
        start = content.index(rows[8000]["a"].encode())
        # two row groups stay whole; the third loses its page headers
        broken = content[: start - 1_300_000] + b"\xff" * 1_400_000 + content[start + 100_000 :]
        records = reader(tmp_path, "a.parquet", broken)
        sound = [r for r in records if not r.fault]
        assert [r.value for r in sound] == rows[: len(sound)]
        assert (records[-1].row, records[-1].fault.rule) == (len(sound) + 1, "truncated_file")
        assert "of 9,000 rows" in records[-1].fault.hint
        assert len(records) == len(sound) + 1

    @pytest.mark.parametrize("suffix", [".gz", ".zst"])
    def test_it_may_come_packed(self, tmp_path: Path, suffix: str) -> None:
        pack = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}[suffix]
        packed = pack(as_parquet([{"a": 1}]))
        assert reader(tmp_path, f"a.parquet{suffix}", packed)[0].value == {"a": 1}
        cut = reader(tmp_path, f"b.parquet{suffix}", packed[:-20])
        assert told(cut) == [(0, None, "unreadable_file")]


def test_equal_rows_give_equal_hashes_in_jsonl_whatever_the_line_end(tmp_path: Path) -> None:
    unix = reader(tmp_path, "a.jsonl", as_jsonl([{"a": 1}, {"a": 2}]))
    windows = reader(tmp_path, "b.jsonl", as_jsonl([{"a": 1}, {"a": 2}]).replace(b"\n", b"\r\n"))
    assert [r.sha256 for r in unix] == [r.sha256 for r in windows]
