"""Rows by id in tables of several row groups, against reading everything."""

import random
import subprocess
import sys
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from flows.lookup import all_ids, rows_of, share_at_or_below
from flows.start import asked_why

ROOT = Path(__file__).resolve().parents[2]
IDS = [f"é{number:03d}" for number in range(50)] + ["a", "a", "z z", "日本"]


@pytest.fixture(params=["sorted", "shuffled"])
def table(request, tmp_path):
    ids = sorted(IDS)
    if request.param == "shuffled":
        random.Random(3).shuffle(ids)
    frame = pl.DataFrame({"id": ids, "n": range(len(ids)), "x": [float("nan"), 1.0] * 27})
    pq.write_table(frame.to_arrow(), tmp_path / "t.parquet", row_group_size=7)
    return tmp_path / "t.parquet", frame


def test_every_row_of_an_id_is_found_in_whatever_group_it_stands(table):
    path, frame = table
    for name in {*IDS, "", "b", "é0255", "~"}:
        wanted = frame.filter(pl.col("id") == name).fill_nan(None).to_dicts()
        assert rows_of(path, name) == wanted
        assert [set(row) for row in rows_of(path, name, ["n"])] == [{"n"}] * len(wanted)


def test_a_table_that_is_not_there_has_no_rows(tmp_path):
    assert rows_of(tmp_path / "no.parquet", "a") == []


def test_ids_are_told_once_and_shares_leave_nan_out(table):
    path, _ = table
    assert all_ids(path) == sorted(set(IDS))
    assert share_at_or_below(path, "x", 1.0) == 100.0
    assert share_at_or_below(path, "x", 0.5) == 0.0
    assert share_at_or_below(path, "n", 26) == 50.0


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["why", "x"], ("x", False)),
        (["why", "--json", "x"], ("x", True)),
        (["why", "x", "--json"], ("x", True)),
        (["why"], None),
        (["why", "--help"], None),
        (["why", "x", "y"], None),
        (["run", "x"], None),
        ([], None),
    ],
)
def test_only_a_plain_question_goes_past_the_parser(arguments, asked):
    assert asked_why(arguments) == asked


def test_why_imports_none_of_the_heavy_libraries(tmp_path):
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from flows.start import main\n"
        "try:\n    main()\nfinally:\n    print(*(name for name, of in sys.modules.items() if of))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, "why", "x"], cwd=tmp_path, capture_output=True, text=True
    )
    assert "no run has finished here" in told.stderr
    loaded = {name.partition(".")[0] for name in told.stdout.split()}
    assert {"flows", "pyarrow"} <= loaded
    assert not loaded & {"typer", "numpy", "polars", "pydantic", "yaml", "rich", "prefect"}
