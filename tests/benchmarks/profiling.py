"""Where our time goes: `python -m tests.benchmarks.profiling [--only GOAL] [--most-rows N]`.

Runs our methods of the goals' works on one thread under a profile and prints, as lines of a
Markdown table, the functions whose own code takes most of the time. Beside them the seconds of one
float32 pass over all pairs at this machine's rate, and of reading all vectors once: what no
faster code of ours can change. `make bench` makes the inputs.
"""

import argparse
import cProfile
import importlib
import pstats
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, Final, Self
from unittest import mock

import numpy as np

from tests.benchmarks.bench import ARTIFACTS, without_second_runs
from tests.benchmarks.inputs import Missing, load
from tests.benchmarks.methods import Inputs
from tests.benchmarks.methods import products as machine
from tests.benchmarks.plan import Method, Work, works
from tests.benchmarks.worker import WARM_ROWS

SHOWN: Final = 5  # functions a line
HEAD: Final = ("goal", "work", "method", "seconds", "of which", "a pass", "a reading")


class Inline:
    """An executor that works where it stands: a profile sees one thread."""

    def __init__(self, threads: int) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Work now."""
        done: Future[Any] = Future()
        done.set_result(work(*arguments))
        return done


def profiled(run: Callable[[], Any]) -> tuple[float, list[tuple[str, float]]]:
    """Seconds of a run, and (function, own seconds) by falling seconds."""
    profile = cProfile.Profile()
    started = time.perf_counter()
    profile.runcall(run)
    seconds = time.perf_counter() - started
    found: dict[str, float] = {}
    for place, (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        found[_name(*place)] = found.get(_name(*place), 0.0) + own
    return seconds, sorted(found.items(), key=lambda pair: -pair[1])


def _name(file: str, _line: int, function: str) -> str:
    if file == "~":  # built in: <built-in method torch.mm>, <method 'sort' of ...>
        return function.strip("<>").removeprefix("built-in method ").split(" of ")[0]
    return f"{Path(file).stem}.{function}"


def reading_seconds(vectors: np.ndarray) -> float:
    """Seconds to read all vectors once from memory, by a product with one vector."""
    rows, one = np.asarray(vectors), np.array(vectors[0])
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        rows @ one
        taken.append(time.perf_counter() - started)
    return float(np.median(taken))


def line(work: Work, method: Method, vectors: np.ndarray) -> str:
    """One method of ours on one input, as a line of the table."""
    module, _, function = method.call.partition(":")
    call = partial(getattr(importlib.import_module(module), function), **method.settings)
    small = Inputs(vectors[: min(WARM_ROWS, len(vectors) // 2)], min(work.k, 20), 1, warm=True)
    for _ in range(2):
        list(call(small)())
    inputs = Inputs(vectors, work.k, 1)
    seconds, functions = profiled(lambda: list(call(inputs)()))
    shares = ", ".join(f"`{each}` {own / seconds:.0%}" for each, own in functions[:SHOWN])
    (pass_,) = machine.float32_rate(inputs)()
    cells = (
        str(work.goal), f"{work.title}, {work.data.name}", method.name.removeprefix("winnow "),
        f"{seconds:.3g} s", shares, f"{pass_.seconds:.3g} s",
        f"{1000 * reading_seconds(vectors):.3g} ms",
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def main(arguments: list[str] | None = None) -> int:
    """Print the table, a line as soon as it is known."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.profiling")
    parser.add_argument("--only", type=int, action="append", metavar="GOAL", help="1 to 7, again")
    parser.add_argument("--most-rows", type=int, default=200_000, metavar="N")
    parser.add_argument("--artifacts", type=Path, default=ARTIFACTS, help="where inputs are")
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    sys.stdout.write("| " + " | ".join(HEAD) + " |\n" + "|---" * len(HEAD) + "|\n")
    for work in works():
        wanted = not options.only or work.goal in options.only
        if wanted and work.data.d and work.data.n <= options.most_rows and work.goal < 8:
            show(without_second_runs(work), options.artifacts / "bench-data")
    return 0


def show(work: Work, folder: Path) -> None:
    """Profile our methods of a work and print their lines, or why there are none."""
    try:
        vectors = load(work.data.made(folder))
    except Missing as error:
        sys.stdout.write(f"| {work.goal} | {work.title}, {work.data.name} | {error} |\n")
        return
    for method in work.methods:
        if method.ours:
            with mock.patch("tasks.engine.tiles.ThreadPoolExecutor", Inline):
                sys.stdout.write(line(work, method, vectors) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
