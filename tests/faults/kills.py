"""kill -9: of a stage, of the flow, of all at once at a stage's end, of Prefect's server."""

import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import psutil

from tasks import PIPELINE
from tests.faults.ground import DVC, FLOW, Ground, Started, at_work, next_stage, stage_of
from tests.faults.outcome import Trial

LONGEST_SECONDS: Final = 600.0
TORN: Final = ("Unable to read RWLock-file", "dvc.lock' ")  # DVC's words for files half written
MEND: Final = ("-m", "flows.cli", "doctor")  # any command of ours that looks at DVC does


def settled(ground: Ground, what: str, ended: str, runner: tuple[str, ...]) -> Trial:
    """Run again, and compare all files with those of an undisturbed run."""
    ground.wait_for_orphans()
    again = ground.run(*runner)
    if again.status and is_torn(again):  # DVC alone; `winnow run` mends it by itself
        ground.run(*MEND)
        again = ground.run(*runner)
        ended += ", a torn file of DVC's mended"
    ground.last_said = again.said
    if again.status:
        return Trial(what, ended, last_words(again), ground.rows_lost())
    left = [*ground.differing(), *ground.leftovers()]
    problem = f"unlike an undisturbed run: {', '.join(left)}" if left else ""
    return Trial(what, ended, problem, ground.rows_lost())


def is_torn(started: Started) -> bool:
    """Whether DVC refused because a file of its own is half written."""
    return any(words in started.said for words in TORN)


def last_words(started: Started) -> str:
    """Status and last lines of a run that failed."""
    return f"status {started.status}: " + " / ".join(started.said.strip().splitlines()[-8:])


def prepared(ground: Ground, round_: int) -> None:
    """Give the run something to do in every stage: from nothing, or over another state's files."""
    ground.put("b" if ground.state == "a" else "a")
    if round_ % 2 == 0:
        ground.clear()


def stages(ground: Ground, chance: random.Random, rounds: int) -> Iterator[Trial]:
    """Kill each stage's process at a random moment of its work, under plain `dvc repro`."""
    for round_ in range(rounds):
        prepared(ground, round_)
        for what, started, found in _one_by_one(ground, DVC, f"round {round_}"):
            wait = chance.uniform(0, ground.seconds[what.split()[-1]])
            done, _ = psutil.wait_procs([found], timeout=wait)
            if not done:
                found.kill()
            _, alive = psutil.wait_procs([found], timeout=LONGEST_SECONDS)
            if done or alive or "exited with -9" not in _end_of(started):
                kill_all(ground, started)  # it was quicker than its killer
            yield Trial(what, f"killed after {wait:.2f} s", _harm(ground))
        yield settled(ground, f"round {round_}, the run after all", "completed", DVC)


def boundaries(ground: Ground, chance: random.Random, rounds: int) -> Iterator[Trial]:
    """Kill the flow and everything below it the moment a stage's process has ended."""
    for round_ in range(rounds):
        prepared(ground, round_)
        for what, started, found in _one_by_one(ground, FLOW, f"round {round_}, after"):
            psutil.wait_procs([found], timeout=LONGEST_SECONDS)
            time.sleep(chance.uniform(0, 0.5))  # DVC hashes, moves and writes its lock file now
            kill_all(ground, started)
            yield Trial(what, "all killed", _harm(ground))
        yield settled(ground, f"round {round_}, the run after all", "completed", FLOW)


def _one_by_one(
    ground: Ground, runner: tuple[str, ...], words: str
) -> Iterator[tuple[str, Started, psutil.Process]]:
    """Start runs, each until a stage begins that none before came to; whoever asks ends them."""
    place = 0
    while place < len(PIPELINE):
        started = ground.start(*runner)
        found = next_stage(started, PIPELINE[place:])
        if found:
            yield f"{words} {found[0]}", started, found[1]
            place = PIPELINE.index(found[0]) + 1
        elif started.status and is_torn(started):
            ground.run(*MEND)
        else:
            return  # it is done, or `settled` tells why not


def _end_of(started: Started) -> str:
    """What a run says at its end, if it ends at once; so far, if it works on."""
    with suppress(subprocess.TimeoutExpired):
        started.process.wait(3)
    return started.said


def _harm(ground: Ground) -> str:
    """Why the files left by a kill are no good; a file is whole, of the old run or of the new."""
    whole = [ground.expected[state] for state in ground.expected]
    torn = [
        path.name
        for path in (ground.root / "artifacts").glob("*.*")
        if path.suffix in (".parquet", ".json", ".html") and not path.name.startswith(".")
        and path.read_bytes() not in [files.get(path.name) for files in whole]
    ]  # fmt: skip
    return f"neither the old nor the new: {', '.join(torn)}" if torn else ""


def kill_all(ground: Ground, started: Started) -> None:
    """Kill a run and every process at work in the checkout, as a power cut does."""
    started.process.kill()
    for process in at_work(ground.root):
        with suppress(psutil.Error):
            process.kill()
    started.process.wait()


def flows(ground: Ground, chance: random.Random, times: int) -> Iterator[Trial]:
    """Kill the flow alone at a random moment: what it started works on, and ends."""
    for time_ in range(times):
        prepared(ground, time_)
        stage = chance.choice(PIPELINE[1:])
        started = ground.start(*FLOW)
        if stage_of(started, stage) is None:
            yield Trial(f"in {stage}", "not reached", last_words(started))
            continue
        time.sleep(chance.uniform(0, ground.seconds[stage]))
        started.process.kill()
        started.process.wait()
        yield settled(ground, f"in {stage}", "flow killed", FLOW)
