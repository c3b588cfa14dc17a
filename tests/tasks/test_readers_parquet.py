"""Parquet: what comes out, row by row, and what is refused."""

import gzip
import hashlib
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard

from tests.tasks.ingesting import as_parquet, reader


def told(records: list) -> list[tuple]:
    """(row, line, rule) of each record, rule empty where it is sound."""
    return [(r.row, r.line, r.fault.rule if r.fault else "") for r in records]


def sha(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


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

    def test_column_names_that_are_not_utf8_make_a_file_unreadable(self, tmp_path: Path) -> None:
        content = as_parquet(pa.table({"naive": ["x"]}), store_schema=False)
        (record,) = reader(tmp_path, "a.parquet", content.replace(b"naive", b"na\xefve"))
        assert (record.row, record.fault.rule) == (0, "unreadable_file")
