"""Parquet: equal tables are equal bytes, and a file is whole or not there."""

import hashlib
from itertools import pairwise

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.storage import rows as module
from tasks.storage.rows import (
    read_rows,
    read_vectors,
    read_vectors_at,
    write_batches,
    write_rows,
    write_text,
)
from tasks.storage.vectors import vector_array, vector_type


def frame(count: int, seed: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "id": [f"r{i}" for i in range(count)],
            "text": [None if i % 5 == 3 else "wörd " * int(random.integers(0, 9))
                     for i in range(count)],
            "score": random.random(count).astype(np.float64),
            "rank": pl.Series([None if i % 3 else i for i in range(count)], dtype=pl.Int64),
        },
        schema_overrides={"id": pl.String, "text": pl.String},
    )  # fmt: skip


def pieces(table: pa.Table, cuts: list[int]) -> list[pa.Table]:
    edges = [0, *sorted(cuts), len(table)]
    return [table.slice(a, b - a) for a, b in pairwise(edges)]


@settings(max_examples=60, deadline=None)
@given(count=st.integers(0, 40), cuts=st.lists(st.integers(0, 40), max_size=6))
def test_the_bytes_do_not_depend_on_how_the_rows_arrive(tmp_path_factory, count, cuts):
    folder = tmp_path_factory.mktemp("rows")
    table = frame(count).to_arrow(compat_level=pl.CompatLevel.oldest())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ROW_GROUP_ROWS", 8)
        write_rows(folder / "whole.parquet", frame(count))
        write_batches(
            folder / "parts.parquet", table.schema, pieces(table, [min(c, count) for c in cuts])
        )
    assert (folder / "whole.parquet").read_bytes() == (folder / "parts.parquet").read_bytes()
    groups = pq.ParquetFile(folder / "parts.parquet").metadata
    sizes = [groups.row_group(i).num_rows for i in range(groups.num_row_groups)]
    assert sizes == [8] * (count // 8) + [count % 8] * (count % 8 > 0)
    assert read_rows(folder / "parts.parquet").equals(frame(count))


def test_also_at_the_real_size_of_a_row_group(tmp_path):
    count = 2 * module.ROW_GROUP_ROWS + 5
    whole = frame(count)
    write_rows(tmp_path / "whole.parquet", whole)
    rechunked = pl.concat([whole[:7], whole[7:20_000], whole[20_000:]], rechunk=False)
    write_rows(tmp_path / "chunks.parquet", rechunked)
    digests = {hashlib.sha256(p.read_bytes()).hexdigest() for p in tmp_path.glob("*.parquet")}
    assert len(digests) == 1
    assert pq.ParquetFile(tmp_path / "whole.parquet").metadata.num_row_groups == 3


def test_nothing_of_this_machine_or_moment_is_in_the_file(tmp_path):
    write_rows(tmp_path / "a.parquet", frame(3))
    assert not pq.ParquetFile(tmp_path / "a.parquet").schema_arrow.metadata
    assert str(tmp_path).encode() not in (tmp_path / "a.parquet").read_bytes()


def test_a_failure_in_the_middle_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.parquet"
    write_rows(path, frame(3))
    before = path.read_bytes()
    table = frame(9).to_arrow(compat_level=pl.CompatLevel.oldest())

    def broken():
        yield table
        raise RuntimeError("the reader broke")

    for tables, words in ((broken(), "reader broke"), ([pa.table({"other": [1]})], "names")):
        with pytest.raises((RuntimeError, ValueError), match=words):
            write_batches(path, table.schema, tables)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.parquet"]


def test_a_failed_first_write_leaves_nothing(tmp_path):
    def broken():
        raise RuntimeError("at once")
        yield

    with pytest.raises(RuntimeError):
        write_batches(tmp_path / "new" / "a.parquet", pa.schema([("x", pa.int64())]), broken())
    assert list((tmp_path / "new").iterdir()) == []
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "new" / "a.txt", "half \ud800")
    assert list((tmp_path / "new").iterdir()) == []


def test_text_is_written_as_it_is(tmp_path):
    write_text(tmp_path / "deep" / "a.txt", "é\nline\r\n")
    assert (tmp_path / "deep" / "a.txt").read_bytes() == b"\xc3\xa9\nline\r\n"


@pytest.mark.parametrize("count", [0, 1, 11])
def test_vectors_come_back_bit_for_bit(tmp_path, monkeypatch, count):
    monkeypatch.setattr(module, "ROW_GROUP_ROWS", 4)
    vectors = np.random.default_rng(3).standard_normal((count, 5)).astype(np.float32)
    keys = pa.table({
        "id": pa.array([f"r{i}" for i in range(count)], pa.string()),
        "tokens": pa.array(range(count), pa.int64()),
        "content_sha256": pa.array(["0" * 64] * count, pa.string()),
    })  # fmt: skip
    table = keys.append_column(pa.field("vector", vector_type(5)), vector_array(vectors))
    write_batches(tmp_path / "v.parquet", table.schema, pieces(table, [count // 3]))
    found, back = read_vectors(tmp_path / "v.parquet")
    assert back.dtype == np.float32
    assert back.shape == (count, 5)
    assert back.tobytes() == vectors.tobytes()
    places = np.arange(0, count, 3)
    assert read_vectors_at(tmp_path / "v.parquet", places).tobytes() == vectors[places].tobytes()
    assert found["id"].to_list() == keys["id"].to_pylist()
