"""One run at a time per checkout."""

import os
import subprocess
import sys

import pytest

from flows.lock import run_lock
from schemas.errors import BusyError

HOLD = """
import sys, pathlib
from flows.lock import run_lock
with run_lock("a long run", pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    path = tmp_path / "folder" / ".run.lock"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield path, process
    process.kill()
    process.communicate()


def test_a_second_run_is_told_who_holds_the_checkout_and_since_when(holder):
    path, process = holder
    with pytest.raises(BusyError) as busy, run_lock("another", path):
        pass
    assert f"a long run, process {process.pid}, since 2" in str(busy.value)


def test_a_killed_holder_holds_nothing(holder):
    path, process = holder
    process.kill()
    process.wait()
    with run_lock("the next run", path):
        assert f'"pid": {os.getpid()}' in path.read_text(encoding="utf-8")


def test_a_process_that_holds_the_lock_gets_it_again_and_frees_it_once(tmp_path):
    path = tmp_path / ".run.lock"
    with run_lock("winnow run", path):
        with run_lock("flow run", path):
            pass
        assert "winnow run" in path.read_text(encoding="utf-8")
        taken = subprocess.run(
            [sys.executable, "-c", HOLD, str(path)], input="", capture_output=True, text=True
        )
        assert "BusyError" in taken.stderr
    free = subprocess.run(
        [sys.executable, "-c", HOLD, str(path)], input="", capture_output=True, text=True
    )
    assert free.stdout == "held\n"
