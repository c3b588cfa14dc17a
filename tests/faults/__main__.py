"""`make faults`: break a run in every way we know, and see that nothing is lost.

After each fault the next run completes with the files of an undisturbed one, or refuses and names
the cause. Prints a table and adds a line per fault to artifacts/faults.jsonl.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.faults import damage, full_disk, kills, storage, together
from tests.faults.ground import Ground, make_ground
from tests.faults.outcome import Outcome, table, write
from tests.faults.prefect_server import killed as server_killed
from tests.faults.prefect_server import serving

FAULTS = {  # name -> what yields its trials, given ground, chance and how often
    "stage killed": (kills.stages, 2),
    "all killed at a stage's end": (kills.boundaries, 1),
    "flow killed": (kills.flows, 10),
    "Prefect's server killed": (server_killed, 6),
    "disk full": (full_disk.full, 1),
    "S3 gone while LanceDB writes": (storage.store, 4),
    "S3 gone during a push": (storage.push, 4),
    "two runs at once": (together.runs, 4),
    "clock set back": (together.clock, 2),
    "source changes while it is read": (together.source, 4),
    "artifact truncated": (damage.artifact(damage.truncate), 4),
    "bit flipped in an artifact": (damage.artifact(damage.flip), 6),
    "bit flipped in DVC's cache": (damage.dvc_cache, 4),
    "bit flipped in the embedding cache": (damage.embedding_cache, 8),
}


def main() -> None:
    """Run the faults that were asked for."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of moments and places")
    parser.add_argument("--only", action="append", choices=sorted(FAULTS), help="may be repeated")
    parser.add_argument("--times", type=int, help="instead of each fault's own number of rounds")
    parser.add_argument("--to", type=Path, default=Path("artifacts/faults.jsonl"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="winnow-faults-") as folder:
        ground = make_ground(Path(folder))
        print("two undisturbed runs are made", flush=True)
        with serving(ground):
            outcomes = []
            for name in asked.only or FAULTS:
                outcomes.append(_suffer(name, ground, asked.seed, asked.times))
                write(outcomes[-1:], asked.seed, asked.to)
    print(table(outcomes))
    if any(each.survived < len(each.trials) for each in outcomes):
        sys.exit(1)


def _suffer(name: str, ground: Ground, seed: int, times: int | None) -> Outcome:
    trials, usual = FAULTS[name]
    outcome, started = Outcome(name), time.monotonic()
    for trial in trials(ground, random.Random(f"{seed} {name}"), times or usual):
        outcome.trials.append(trial)
        word = "survived" if not trial.problem else f"NOT SURVIVED: {trial.problem}"
        seconds = time.monotonic() - started
        print(f"{seconds:6.0f} s  {name}: {trial.what}: {trial.ended}: {word}", flush=True)
    return outcome


if __name__ == "__main__":
    main()
