"""Held-out questions of a proof through a guard: a score inside the train rows, unless it is off.

The estimate inside the train rows is a score on rows that the schedule leaves out; where it leaves
too few, a cross-validation within it.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from schemas.errors import SettingsError
from tasks.holdout import HeldOut, HoldoutGuard
from tasks.holdout.checkout import ledger_of, noise_of
from tasks.metrics.rows import BLOCKS, blocks_of
from tasks.paths import Paths
from tasks.proving.answers import Answer, answer
from tasks.proving.consumers import Consumer
from tasks.proving.ledger import key_of
from tasks.proving.task import Schedule, Task

LEFT_OUT: Final = (200, 2_000)  # rows to score on: fewer are too few, more tell little more
FOLDS: Final = 5
SHARES: Final = ("accuracy",)  # units of scores that lie in [0, 1], of which higher is better
log = logging.getLogger("winnow")


@contextmanager
def guard_for(
    task: Task, budget: int, consumers: Mapping[str, Consumer], paths: Paths
) -> Iterator["Guarded | None"]:
    """The guard of a task's test rows while the block runs; None where the budget is 0: no guard.

    The set is known by its texts alone: the same rows have one budget whatever is predicted.
    """
    if not budget:
        yield None
        return
    ensure_shares(consumers)
    held_out = HeldOut.of(task.name, (task.texts[row] for row in task.test))
    if held_out.warning:
        log.warning(held_out.warning)
    with ledger_of(paths) as ledger:
        yield Guarded(HoldoutGuard(held_out, budget, noise_of(paths), ledger))


def ensure_shares(consumers: Mapping[str, Consumer]) -> None:
    """Raise `SettingsError` for a consumer whose score a guard cannot answer."""
    for name, consumer in consumers.items():
        if consumer.unit not in SHARES:
            raise SettingsError(
                f"a guard answers scores in [0, 1]; {name} tells {consumer.unit}",
                expected=f"consumers that tell {' or '.join(SHARES)}",
                where="--guard",
                remedy="name them with --consumers, or leave --guard out",
            )


@dataclass(frozen=True)
class Guarded:
    """Answers for one task as `answers.answer` does, through a guard.

    Jackknife parts are not told: they would give the held-out score away.
    """

    guard: HoldoutGuard

    def __call__(
        self, about: str, consumer: Consumer, task: Task, schedule: Schedule, seed: int
    ) -> Answer:
        """Raises `SpentError` for a new question when the budget is spent."""
        rows = [np.asarray(part).tolist() for part in schedule]
        asked = {"rows": key_of({"rows": rows}), "consumer": repr(consumer), "seed": seed}
        asked["task"] = task.digest  # row numbers alone name other texts in another task
        given = self.guard.answer(
            key_of({**asked, "version": consumer.version}),
            about,
            lambda: train_estimate(consumer, task, schedule, seed),
            lambda: answer(consumer, task, schedule, seed).score,
        )
        return Answer(given.value)

    def facts(self) -> dict[str, Any]:
        """What was asked of the set so far, in this proof and before it."""
        guard = self.guard
        return {
            "held_out": guard.held_out.digest,
            "budget": guard.budget,
            "left": guard.left,
            "answered": guard.ledger.given(guard.held_out.digest),
            "half_width": guard.yardstick,
            "warning": guard.held_out.warning,
        }


def train_estimate(consumer: Consumer, task: Task, schedule: Schedule, seed: int) -> float:
    """The score that the train rows alone let one expect."""
    used = np.unique(np.concatenate([np.asarray(rows) for rows in schedule]))
    rest = np.setdiff1d(task.train, used)
    least, most = LEFT_OUT
    if len(rest) >= least:
        order = np.argsort(blocks_of([task.ids[row] for row in rest]), kind="stable")
        outside = replace(task, test=np.sort(rest[order[:most]]))
        return answer(consumer, outside, schedule, seed).score
    scores = [
        answer(consumer, replace(task, test=fold), without, seed).score
        for fold, without in _folds(task, used, schedule)
    ]
    return float(np.mean(scores)) if scores else 0.0


def _folds(
    task: Task, used: np.ndarray, schedule: Schedule
) -> Iterator[tuple[np.ndarray, Schedule]]:
    """Each fold of the rows used, by hash of id, and the schedule without it."""
    fold_of = blocks_of([task.ids[row] for row in used]) * FOLDS // BLOCKS
    for fold in range(FOLDS):
        rows = used[fold_of == fold]
        without = [np.setdiff1d(part, rows) for part in schedule]
        if len(rows) and all(map(len, without)):
            yield rows, without
