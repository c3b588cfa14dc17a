"""Processes that outlive the command that started them: start, find again, stop with all they left.

A process is known by its id and the time it started, so that a later one with the same id is not
taken for it. What it starts itself is found by a mark in the environment.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

MARK: Final = "WINNOW_SERVICE"
STOP_SECONDS: Final = 15.0


def start(
    record: Path,
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    user: str | None = None,
    folder: Path | None = None,
) -> None:
    """Start a process in a session of its own, its output appended to `log`; `record` names it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            env={**environment, MARK: str(record)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            cwd=folder,
        )
    since = psutil.Process(process.pid).create_time()
    record.write_text(json.dumps({"pid": process.pid, "since": since}), encoding="utf-8")


def find(record: Path) -> psutil.Process | None:
    """The process that `record` names, if it still runs."""
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        process = psutil.Process(known["pid"])
        same = abs(process.create_time() - known["since"]) < 0.01
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (FileNotFoundError, psutil.NoSuchProcess):
        return None


def stop(record: Path, number: int = signal.SIGTERM) -> None:
    """Ask the process of `record` to end with a signal of its own, then make it; none need run."""
    process = find(record)
    if process:
        process.send_signal(number)
        _, alive = psutil.wait_procs([process], timeout=STOP_SECONDS)
        end(alive)
    record.unlink(missing_ok=True)


def left_over(record: Path, home: Path | None = None) -> list[psutil.Process]:
    """What still runs of a service: marked with its record, or a `postgres` inside `home`.

    PostgreSQL's processes write over their environment, and work in their data folder.
    """
    return [each for each in psutil.process_iter() if _belongs(each, str(record), home)]


def _belongs(process: psutil.Process, mark: str, home: Path | None) -> bool:
    try:
        if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
            return False
        if process.environ().get(MARK) == mark:
            return True
        inside = home is not None and process.name().startswith("postgres")
        return inside and Path(process.cwd()) == home
    except psutil.Error:
        return False  # it has just ended, or is another user's and so none of ours


def end(processes: Iterable[psutil.Process]) -> None:
    """Ask processes to end; those that have not after a while are killed."""
    alive = list(processes)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in alive:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue  # ended by itself
        _, alive = psutil.wait_procs(alive, timeout=STOP_SECONDS)


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, for an error message."""
    if not log.exists():
        return ""
    return "\n    ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def wait_until(seconds: float) -> Iterable[None]:
    """Yield again and again, a moment apart, until the time is over."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield
        time.sleep(0.3)
