"""DVC itself, on a small project: nothing here is simulated."""

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows import repro
from schemas.errors import BusyError, WinnowError

PIPELINE = """
stages:
  glance:
    cmd: python -c "open('seen.txt', 'w').write(open('source.txt').read()[:3])"
    always_changed: true
    outs: [seen.txt]
  copy:
    cmd: python make.py
    deps: [seen.txt, make.py]
    params: [word]
    outs: [copied.txt]
  wait:
    cmd: python hold.py
    params: [word]
    outs: [waited.txt]
"""
COPY = """
import sys, yaml
word = yaml.safe_load(open("params.yaml"))["word"]
if word == "bad":
    sys.exit("\\ncopy stopped: the word is bad\\n  expected: a good one\\n  remedy: change it")
if word == "crash":
    raise RuntimeError("no words were prepared for this")
print("copying", word)
open("copied.txt", "w").write(open("seen.txt").read() + word)
"""
WAIT = """
import os, pathlib, time
print("pid", os.getpid())
print("waiting", end="\\r")
while not pathlib.Path("go.txt").exists():
    time.sleep(0.05)
print("gone")
pathlib.Path("waited.txt").write_text("x")
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    Path("dvc.yaml").write_text(PIPELINE)
    Path("make.py").write_text(COPY)
    Path("hold.py").write_text(WAIT)
    Path("source.txt").write_text("abc, and more")
    Path("params.yaml").write_text("word: good\n")
    return tmp_path


def heard(stage: str) -> tuple[bool, list[str]]:
    lines: list[str] = []
    return repro.reproduce(stage, lines.append), lines


def test_a_stage_runs_once_and_is_unchanged_until_its_setting_or_code_changes(project):
    assert not repro.is_unchanged("glance")
    heard("glance")
    assert not repro.is_unchanged("copy")
    assert heard("copy") == (True, ["copying good"])
    assert repro.is_unchanged("copy")
    assert heard("copy")[0] is False
    Path("params.yaml").write_text("word: better\n")
    assert not repro.is_unchanged("copy")
    assert heard("copy")[0] is True
    Path("make.py").write_text(COPY + "# a comment\n")
    assert not repro.is_unchanged("copy")


def test_a_stage_that_always_runs_counts_as_unchanged_while_it_finds_the_same(project):
    assert heard("glance")[0] is True
    assert heard("glance")[0] is False
    Path("source.txt").write_text("abc, and other things behind")
    assert heard("glance")[0] is False
    Path("source.txt").write_text("xyz")
    assert heard("glance")[0] is True


def test_an_output_restored_from_the_run_cache_did_not_run(project):
    heard("glance")
    heard("copy")
    Path("params.yaml").write_text("word: better\n")
    heard("copy")
    Path("params.yaml").write_text("word: good\n")
    ran, lines = heard("copy")
    assert ran is False
    assert "copying good" not in lines
    assert Path("copied.txt").read_text() == "abcgood"


def test_what_the_lock_file_says_is_read_in_its_order(project):
    assert repro.lock_entries() == []
    heard("glance")
    heard("copy")
    entries = {out.path: out for out in repro.lock_entries()}
    assert entries["seen.txt"] == repro.LockedOut(
        "glance", "seen.txt", "900150983cd24fb0d6963f7d28e17f72", 3  # MD5 of `abc`, RFC 1321
    )  # fmt: skip
    assert entries["copied.txt"].size == len("abcgood")


def test_a_failed_stage_is_an_error_in_its_own_words(project):
    heard("glance")
    Path("params.yaml").write_text("word: bad\n")
    with pytest.raises(WinnowError) as failed:
        heard("copy")
    assert str(failed.value) == (
        "copy stopped: the word is bad\n  expected: a good one\n  remedy: change it"
    )


def test_a_stage_that_crashed_is_an_error_with_the_last_it_said(project):
    heard("glance")
    Path("params.yaml").write_text("word: crash\n")
    with pytest.raises(WinnowError, match="no words were prepared for this") as failed:
        heard("copy")
    assert "stage copy failed" in str(failed.value)


def test_lines_arrive_while_the_stage_still_runs(project):
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        Path("go.txt").touch()  # the stage waits for this: it would never end on its own

    assert repro.reproduce("wait", on_line)
    assert lines[0].startswith("pid ")
    assert lines[-1] == "gone"


def is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_an_interrupted_run_leaves_no_process_behind(project):
    pids: list[int] = []

    def interrupt(line: str) -> None:
        pids.append(int(line.removeprefix("pid ")))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repro.reproduce("wait", interrupt)
    until = time.monotonic() + 10
    while is_alive(pids[0]) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_alive(pids[0])
    repro.ensure_free(Path("params.yaml"), Path("waited.txt"))


@pytest.fixture
def other_process(project):
    """Somebody's own `dvc repro wait`, in the middle of it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "-s", "wait"],
        env=repro.stage_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    while not process.stdout.readline().startswith("pid "):
        assert process.poll() is None
    yield process
    Path("go.txt").touch()
    process.communicate(timeout=30)


def test_a_stage_that_another_dvc_runs_is_busy_and_named(other_process):
    for attempt in (
        lambda: repro.is_unchanged("wait"),
        lambda: repro.reproduce("wait", print),
        lambda: repro.ensure_free(Path("params.yaml")),
    ):
        with pytest.raises(BusyError, match=f"process {other_process.pid} "):
            attempt()


def test_settings_nobody_reads_are_free(project):
    repro.ensure_free(Path("params.yaml"))


def test_of_a_line_that_rewrites_itself_only_some_states_are_passed_on():
    seconds = iter([0.0, 1.0, 2.5, 2.5, 3.0, 9.0, 9.0, 9.0])
    stream = io.BytesIO(b"10 %\r20 %\r30 %\r40 %\r\ndone\n\n\xff rest")
    lines = list(repro.read_lines(stream, lambda: next(seconds)))
    assert lines == ["20 %", "40 %", "done", "\N{REPLACEMENT CHARACTER} rest"]


def test_a_stage_finds_this_python_whatever_the_path_says(project, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    first = repro.stage_environment()["PATH"].split(os.pathsep)[0]
    assert (Path(first) / "python").exists()
    assert heard("glance")[0] is True
