"""The spool: rows to disk in any order, back in sorted order, a bucket at a time."""

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from tasks.readers import spool
from tasks.readers.spool import Spool, append, in_order, read_columns

SCHEMA = pa.schema([("name", pa.large_string()), ("size", pa.int64())])


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hundred rows of ten bytes, in batches of nine."""
    monkeypatch.setattr(spool, "BATCH_ROWS", 9)
    with Spool(tmp_path / "rows", SCHEMA) as rows:
        for number in range(100):
            rows.add((f"row {number:02}",), 10)
    return tmp_path / "rows"


def read(path: Path, rank: np.ndarray) -> list[list[str]]:
    attached = pl.DataFrame({"rank": rank, "size": np.full(len(rank), 10)})
    return [table["name"].to_pylist() for table in in_order(path, attached, path.parent / "b")]


def test_rows_come_back_by_rank_in_buckets_of_the_size_set(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "BUCKET_BYTES", 250)
    rank = np.random.default_rng(0).permutation(100)
    tables = read(path, rank)
    assert [len(table) for table in tables] == [25, 25, 25, 25]
    expected = [f"row {position:02}" for position in np.argsort(rank)]
    assert [name for table in tables for name in table] == expected
    monkeypatch.setattr(spool, "BUCKET_BYTES", 10**9)
    assert read(path, rank) == [expected]


def test_no_more_files_are_open_than_allowed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "BUCKET_BYTES", 1)
    monkeypatch.setattr(spool, "MOST_BUCKETS", 5)
    assert len(read(path, np.arange(100))) == 5


def test_rows_of_rank_minus_one_are_left_out(path: Path) -> None:
    rank = np.where(np.arange(100) % 50 == 0, np.arange(100), -1)
    assert read(path, rank) == [["row 00", "row 50"]]
    assert read(path, np.full(100, -1)) == []


def test_appended_rows_follow_in_order(path: Path) -> None:
    append(path, iter([pa.table({"name": ["last"], "size": [10]})]))
    names = pl.concat(list(read_columns(path, ["name"])))["name"].to_list()
    assert names == [*(f"row {number:02}" for number in range(100)), "last"]
