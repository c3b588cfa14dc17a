"""A stage as a process of its own: what it says, how it ends, and the most memory it held.

`python -m tests.hostile.child STAGE FILE` runs a stage and leaves its peak (VmHWM, megabytes) in
FILE however it ends; `ru_maxrss` would count what the parent held before.
"""

import atexit
import os
import runpy
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What the libraries take (about 200 MB), a record of max_record_bytes (16 MiB) in its forms of
# bytes, text, object and canonical JSON, a batch of 16 MiB in Arrow and Python's form, and three
# buckets of 64 MiB while tables are written (tasks/ingest.py, tasks/readers/spool.py).
MOST_MEGABYTES = 700
SECONDS = 300


@dataclass(frozen=True)
class Child:
    """How a process ended: exit status, standard output and error together, peak memory."""

    status: int
    text: str
    peak_megabytes: float


def in_child(root: Path, stage: str, *before: str) -> Child:
    """Run a stage in `root`; `before` is a command that starts the command (to drop rights, say).

    Raises `TimeoutExpired` if it hangs.
    """
    peak = root / f".peak-{stage}"
    done = subprocess.run(
        [*before, sys.executable, "-m", "tests.hostile.child", stage, str(peak)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS,
        check=False,
    )
    return Child(done.returncode, done.stdout.decode(), float(peak.read_text()))


def main(stage: str, peak: str) -> None:
    from tasks.stage import peak_memory_mb

    atexit.register(lambda: Path(peak).write_text(str(peak_memory_mb())))
    sys.argv = [stage]
    runpy.run_module(f"tasks.{stage}", run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
