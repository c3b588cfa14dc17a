"""A short, always equal part of `make fuzz`, and that the fuzzer would notice what it looks for."""

import time
from pathlib import Path

import pytest

from tests.hostile import fuzz

CASES = 40


def test_mutated_files_give_records_or_a_refusal(tmp_path):
    assert fuzz.fuzz(0, 0, CASES, tmp_path / "failures") == (CASES, 0)
    assert not list((tmp_path / "failures").iterdir())


def test_a_case_is_a_function_of_its_seed():
    assert [fuzz.made(seed) for seed in range(50)] == [fuzz.made(seed) for seed in range(50)]
    assert len({fuzz.made(seed) for seed in range(50)}) > 40


def test_a_reader_that_fails_is_noticed_and_its_case_written(tmp_path, monkeypatch, capsys):
    def broken(*_: object) -> int:
        raise ValueError("a reader's own fault")

    monkeypatch.setattr(fuzz, "read", broken)
    assert fuzz.fuzz(5, 0, 1, tmp_path) == (1, 1)
    assert (tmp_path / "seed-5.bin").read_bytes() == fuzz.made(5)
    assert "seed 5 as jsonl" in capsys.readouterr().out


def test_a_case_that_takes_too_long_or_too_much_is_stopped():
    with pytest.raises(TimeoutError), fuzz.watched(1, 512):
        time.sleep(5)
    with pytest.raises(MemoryError), fuzz.watched(5, 64):
        bytearray(200 * 2**20)
    bytearray(200 * 2**20)
    assert Path("/proc/self/statm").exists()
