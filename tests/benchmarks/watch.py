"""Start a worker, watch its time and memory, and say what came of it."""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from tests.benchmarks.inputs import ROOT
from tests.benchmarks.worker import Spec, status

LOOK_SECONDS = 0.02
READY_SECONDS = 300.0  # for imports, compiling and the small first run
JUDGE_SECONDS = 1800.0  # for the exact search that recall is counted on, the first time
SPARE_MB = 1024  # what must stay free on the machine
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                    "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS")  # fmt: skip


@dataclass
class Outcome:
    """What a worker did: its points (label, seconds, facts), its memory, or why there are none.

    `peak_mb` is the largest private memory seen (RssAnon and shared, looked at 50 times a second),
    without pages of files such as the vectors; `peak_rss_mb` all that was resident (VmHWM).
    """

    points: list[dict[str, Any]] = field(default_factory=list)
    peak_mb: float = 0.0
    peak_rss_mb: float = 0.0
    reason: str = ""
    missing: bool = False
    versions: dict[str, str] = field(default_factory=dict)


def watched(spec: Spec, limit_s: float, environment: dict[str, str]) -> Outcome:
    """Run one method; it is killed when its time or memory is spent."""
    read, write = os.pipe()
    threads = dict.fromkeys(THREAD_VARIABLES, str(spec.threads))
    command = [sys.executable, "-m", "tests.benchmarks.worker", json.dumps(asdict(spec))]
    with tempfile.TemporaryFile() as noise:
        process = subprocess.Popen(
            [*command, str(write)],
            pass_fds=[write],
            stdin=subprocess.DEVNULL,
            stdout=noise,
            stderr=noise,
            start_new_session=True,
            cwd=ROOT,
            env={**os.environ, **threads, **environment},
        )
        os.close(write)
        try:
            return _follow(process, read, spec, limit_s, noise)
        finally:
            os.close(read)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _follow(
    process: subprocess.Popen[bytes], read: int, spec: Spec, limit_s: float, noise: BinaryIO
) -> Outcome:
    outcome = Outcome()
    deadline, running, left = time.monotonic() + READY_SECONDS, False, limit_s
    for event in _events(process, read):
        now = time.monotonic()
        kind = event.pop("event", "look")
        if kind == "warm":
            outcome.versions = event["versions"]
            deadline, running, outcome.peak_mb = now + left, True, 0.0
        elif kind == "measured":
            left = limit_s - event["seconds"]
            deadline, running = now + JUDGE_SECONDS, False
        elif kind == "point":
            outcome.points.append(event)
            outcome.peak_rss_mb = max(outcome.peak_rss_mb, event.pop("peak_rss_mb"))
            deadline, running = now + max(left, 0.0), True
        elif kind in ("failed", "missing"):
            outcome.reason, outcome.missing = event["reason"], kind == "missing"
        private = _private_mb(process.pid)
        if running:
            outcome.peak_mb = max(outcome.peak_mb, private)
        stop = _why_stop(now > deadline, running, spec, private, limit_s)
        if stop:
            outcome.reason = outcome.reason or stop
            return outcome
    process.wait()
    if process.returncode and not outcome.reason:
        outcome.reason = _last_words(process.returncode, noise)
    return outcome


def _events(process: subprocess.Popen[bytes], read: int) -> Iterator[dict[str, Any]]:
    """Yield the worker's messages, and an empty one at every look between them."""
    waiting = b""
    with selectors.DefaultSelector() as selector:
        selector.register(read, selectors.EVENT_READ)
        while True:
            if not selector.select(LOOK_SECONDS):
                yield {}
                continue
            part = os.read(read, 65536)
            if not part:
                return
            *lines, waiting = (waiting + part).split(b"\n")
            yield from (json.loads(line) for line in lines)


def _private_mb(process: int) -> float:
    try:
        return status("RssAnon", str(process)) + status("RssShmem", str(process))
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


def _why_stop(late: bool, running: bool, spec: Spec, private: float, limit_s: float) -> str:
    if late:
        return f"not finished in {limit_s:g} s" if running else "did not get ready in time"
    if private > spec.memory_mb or free_mb() < SPARE_MB:
        return f"stopped at {private / 1024:.1f} GB of memory (limit {spec.memory_mb / 1024:.1f})"
    return ""


def free_mb() -> float:
    """Memory that the machine can still give."""
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) / 1024
    return float("inf")


def _last_words(code: int, noise: BinaryIO) -> str:
    noise.seek(0)
    text = noise.read().decode(errors="replace")
    if "bad_alloc" in text or "MemoryError" in text:
        return "MemoryError (std::bad_alloc)"
    how = signal.Signals(-code).name if code < 0 else f"exit status {code}"
    last = (text.strip().splitlines() or [""])[-1][:160]
    return f"ended by {how}: {last}" if last else f"ended by {how}"
