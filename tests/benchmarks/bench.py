"""`make bench`: the goals of the selection engine, ours and the peers in turn, one row each.

Every run is a process of its own; ours and the peers alternate. What was run is kept, so a second
`make bench` goes on where the first was stopped and repeats nothing of the same code and versions.
"""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.measuring import Bench, Options
from tests.benchmarks.plan import Work, quick, works
from tests.benchmarks.tables import show
from tests.benchmarks.watch import free_mb

ARTIFACTS = Path("artifacts")
MEMORY_SHARE = 0.85  # of what is free at the start: what one run may take


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench", description=__doc__)
    parser.add_argument("--only", type=int, action="append", metavar="GOAL", help="1 to 9, again")
    parser.add_argument("--quick", action="store_true", help="small inputs, one run: does it work?")
    parser.add_argument("--again", action="store_true", help="repeat what is finished")
    parser.add_argument("--keep-peers", action="store_true", help="take the peers' earlier runs")
    parser.add_argument("--most-rows", type=int, metavar="N", help="leave larger inputs out")
    parser.add_argument("--runs", type=int, default=5, help="of a method at most (default 5)")
    parser.add_argument("--threads", type=int, default=1, help="for every library (default 1)")
    parser.add_argument("--memory-gb", type=float, help="for one run (default: 85 %% of the free)")
    parser.add_argument("--artifacts", type=Path, default=ARTIFACTS, help="where results go")
    parser.add_argument("--list", action="store_true", help="say what would be run")
    return parser.parse_args(arguments)


def chosen(options: argparse.Namespace) -> list[Work]:
    """The works that were asked for."""
    every: Iterable[Work] = quick() if options.quick else works()
    return [
        work if has_units() else without_second_runs(work)
        for work in every
        if (not options.only or work.goal in options.only)
        and (not options.most_rows or work.data.n <= options.most_rows)
    ]


def has_units() -> bool:
    """Whether this processor has low-precision units: else a run with them off is the same."""
    from tasks.engine.products import fastest_format

    return fastest_format() != "fp32"


def without_second_runs(work: Work) -> Work:
    """The same without the runs that leave the units unused."""
    return replace(work, methods=tuple(method for method in work.methods if method.units))


def main(arguments: list[str] | None = None) -> int:
    """Measure, append the rows to bench.jsonl, print the tables; 0 unless nothing could be run."""
    options = parsed(sys.argv[1:] if arguments is None else arguments)
    planned = chosen(options)
    if options.list:
        for work in planned:
            names = ", ".join(method.name for method in work.methods)
            sys.stdout.write(f"goal {work.goal}: {work.title}, {work.data.name}: {names}\n")
        return 0
    memory = int(options.memory_gb * 1024) if options.memory_gb else int(MEMORY_SHARE * free_mb())
    runs = 1 if options.quick else options.runs
    settings = Options(
        options.artifacts, options.threads, memory, options.again, options.keep_peers, runs
    )
    if options.quick:
        planned = [
            replace(work, methods=tuple(replace(each, limit_s=60.0) for each in work.methods))
            for work in planned
        ]
    rows = Bench(planned, settings).run()
    show(rows)
    return 0 if any(row["seconds"] is not None for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
