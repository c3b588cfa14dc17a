"""The measured methods, ours and the peers'.

A method is a function of `Inputs` and its settings that gets ready (imports, settings; outside the
clock) and returns a callable; calling it runs the method and yields one `Point` per setting.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from tests.benchmarks.inputs import Missing

Run = Callable[[], Iterator["Point"]]


@dataclass(frozen=True)
class Inputs:
    """Unit vectors (memory-mapped) or texts, the size of the subset, threads to use.

    `warm` marks the small first run that compiles and loads what a method needs.
    """

    vectors: np.ndarray
    k: int
    threads: int
    warm: bool = False
    texts: list[str] = field(default_factory=list)

    @cached_property
    def pool(self) -> Any:
        """The rows as our selectors take them: equal costs and qualities."""
        from tasks.engine.pool import Pool

        n = len(self.vectors)
        return Pool(
            ids=np.array([f"{row:08d}" for row in range(n)], dtype=object),
            vectors=self.vectors,
            quality=np.zeros(n),
            cost=np.ones(n, dtype=np.int64),
            group=np.zeros((n, 0), dtype=np.int64),
            group_names=(),
            stratum=np.zeros(n, dtype=np.int64),
        )


@dataclass(frozen=True)
class Point:
    """One setting's name, its seconds and what it found (rows, neighbours or pairs)."""

    label: str
    seconds: float
    output: Any
    facts: dict[str, Any] = field(default_factory=dict)


def once(label: str, work: Callable[[], Any]) -> Run:
    """A method of a single setting."""

    def run() -> Iterator[Point]:
        started = time.perf_counter()
        output = work()
        yield Point(label, time.perf_counter() - started, output)

    return run


def selector(name: str, inputs: Inputs, **settings: Any) -> Callable[[], Any]:
    """One of our selectors on the pool; raises `Missing` if it or a setting is not there."""
    from dataclasses import fields

    from tasks.engine.constraints import Limits
    from tasks.selectors import SELECTORS

    if name not in SELECTORS:
        raise Missing(f"there is no selector {name}")
    method = SELECTORS[name]
    unknown = sorted(set(settings) - {each.name for each in fields(method)})
    if unknown:
        raise Missing(f"the selector {name} has no setting {unknown[0]}")
    pool = inputs.pool  # built before the clock starts
    return lambda: method(**settings)(pool, Limits(inputs.k), 0).indices
