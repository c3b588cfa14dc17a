"""A line that tells how far a stage is, and the same line read back."""

import pytest

from tasks.pace import Pace


def test_a_pace_is_written_and_read_back():
    pace = Pace.after("embedded", 1200, 40.0, 5000)
    assert pace.line() == "embedded: 1,200 of 5,000 rows, 24.0 %, 30.0 rows/s, about 127 s left"
    again = Pace.read(pace.line("gain 0.1"))
    assert again == Pace("embedded", 1200, 30.0, 5000, 0.24, 127.0)


def test_without_a_total_there_is_neither_share_nor_rest():
    line = Pace("ingest", 7, 3.5).line("rows.jsonl")
    assert line == "ingest: 7 rows, 3.5 rows/s; rows.jsonl"
    assert Pace.read(line) == Pace("ingest", 7, 3.5)


def test_nothing_done_yet_has_no_rest():
    assert Pace.after("hashed", 0, 0.0, 10).seconds_left is None


@pytest.mark.parametrize(
    "line", ["", "loading the model", "choose 1.0: rows=7", "embedded: many rows, 3 rows/s"]
)
def test_other_lines_tell_no_pace(line):
    assert Pace.read(line) is None
