"""A short, always equal part of `make fuzz`, and that the fuzzer would notice what it looks for.

What limits its own memory runs in a process of its own: libraries that met the limit stay broken.
"""

import subprocess
import sys
from contextlib import nullcontext

from tests.hostile import fuzz

CASES = 40
LIMITS = """
import time
from tests.hostile import fuzz
for seconds, megabytes, work, error in (
    (1, 512, lambda: time.sleep(5), TimeoutError),
    (5, 64, lambda: bytearray(200 * 2**20), MemoryError),
):
    try:
        with fuzz.watched(seconds, megabytes):
            work()
    except error:
        print(error.__name__)
bytearray(200 * 2**20)
print("free again")
"""


def test_mutated_files_give_records_or_a_refusal(tmp_path):
    command = [sys.executable, "-m", "tests.hostile.fuzz", "--seed", "0", "--count", str(CASES)]
    ran = subprocess.run([*command, "--failures", tmp_path], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{CASES} cases" in ran.stdout
    assert not list(tmp_path.iterdir())


def test_a_case_is_a_function_of_its_seed():
    assert [fuzz.made(seed) for seed in range(50)] == [fuzz.made(seed) for seed in range(50)]
    assert len({fuzz.made(seed) for seed in range(50)}) > 40


def test_a_reader_that_fails_is_noticed_and_its_case_written(tmp_path, monkeypatch, capsys):
    def broken(*_: object) -> int:
        raise ValueError("a reader's own fault")

    monkeypatch.setattr(fuzz, "read", broken)
    monkeypatch.setattr(fuzz, "watched", lambda *_: nullcontext())
    assert fuzz.fuzz(5, 0, 1, tmp_path) == (1, 1)
    assert (tmp_path / "seed-5.bin").read_bytes() == fuzz.made(5)
    assert "seed 5 as jsonl" in capsys.readouterr().out


def test_a_case_that_takes_too_long_or_too_much_is_stopped():
    ran = subprocess.run([sys.executable, "-c", LIMITS], capture_output=True, text=True)
    assert ran.stdout.split("\n")[:3] == ["TimeoutError", "MemoryError", "free again"], ran.stderr
