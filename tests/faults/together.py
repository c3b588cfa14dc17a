"""Two runs at once, a clock that is set back, a source that changes while it is read."""

import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.faults.ground import DVC, FLOW, STATES, Ground, stage_of
from tests.faults.kills import last_words, prepared, settled
from tests.faults.outcome import Trial
from tests.test_pipeline import as_lines, made_rows

LIBRARIES: Final = ("/usr/lib/*/faketime/libfaketime.so.1",)
REFUSED: Final = ("holds this checkout", "DVC is at work", "is busy", "Unable to acquire lock")


def runs(ground: Ground, chance: random.Random, times: int) -> Iterator[Trial]:
    """Start two runs at once, of `winnow run` and of `dvc repro`: one waits or is refused."""
    for time_ in range(times):
        prepared(ground, time_)
        pair = [chance.choice([DVC, FLOW]), chance.choice([DVC, FLOW])]
        first = ground.start(*pair[0])
        time.sleep(chance.uniform(0, 6))
        second = ground.start(*pair[1])
        ended = [first.status, second.status]
        failed = [each for each in (first, second) if each.status]
        unnamed = [each for each in failed if not any(words in each.said for words in REFUSED)]
        names = " and ".join("dvc repro" if each == DVC else "winnow run" for each in pair)
        trial = settled(ground, names, f"status {ended}", DVC)
        problem = trial.problem or "; ".join(last_words(each) for each in unnamed)
        yield Trial(names, trial.ended, problem, trial.rows_lost)


def clock(ground: Ground, chance: random.Random, times: int) -> Iterator[Trial]:
    """Run with a clock set back by days, then with the right one: results do not know the time."""
    found = [path for pattern in LIBRARIES for path in Path("/").glob(pattern.lstrip("/"))]
    if not found:
        yield Trial("not tried", "libfaketime is not installed (apt-get install faketime)")
        return
    for time_ in range(times):
        prepared(ground, time_)
        days = chance.randint(1, 2000)
        set_back = {"LD_PRELOAD": str(found[0]), "FAKETIME": f"-{days}d",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1"}  # fmt: skip
        ran = ground.run(*DVC, environment=set_back)
        what = f"set back by {days} days"
        if ran.status:
            yield Trial(what, "failed", last_words(ran))
            continue
        wrong = ground.differing()
        trial = settled(ground, what, "the run with the old time", DVC)
        told = f"unlike an undisturbed run: {', '.join(wrong)}" if wrong else trial.problem
        yield Trial(what, trial.ended, told, trial.rows_lost)


def source(ground: Ground, chance: random.Random, times: int) -> Iterator[Trial]:
    """Change a source file after it was hashed, and again and again while it is read."""
    rows = ground.root / "rows.jsonl"
    for time_ in range(times):
        prepared(ground, time_)
        good = as_lines(made_rows(*STATES[ground.state]))
        ran = ground.start(*DVC)
        reader = stage_of(ran, "ingest")
        stop = threading.Event()
        writer = threading.Thread(target=_scribble, args=(rows, stop, chance.random()))
        writer.start()
        if reader:
            reader.wait()
        stop.set()
        writer.join()
        status = ran.status
        noticed = "is no longer" in ran.said or "changed" in ran.said
        rows.write_bytes(good)
        problem = "" if status and noticed else f"not noticed: {last_words(ran)}"
        trial = settled(ground, f"time {time_}", f"status {status}", DVC)
        yield Trial(trial.what, trial.ended, problem or trial.problem, trial.rows_lost, noticed)


def _scribble(path: Path, stop: threading.Event, share: float) -> None:
    """Rewrite a record in place until told to stop."""
    size = path.stat().st_size
    while not stop.is_set():
        with path.open("rb+") as file:
            file.seek(int(size * share))
            file.write(b"#")
            file.flush()
            os.fsync(file.fileno())
        time.sleep(0.01)
