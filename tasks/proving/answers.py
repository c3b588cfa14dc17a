"""The one place where a question to held-out rows is answered: train on a schedule, then score."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from tasks.metrics.rows import BLOCKS, blocks_of
from tasks.proving.consumers import Consumer, RowConsumer
from tasks.proving.task import Schedule, Task

DECIMALS: Final = 6


@dataclass(frozen=True)
class Answer:
    """A score on the test rows, and the score without each block of them.

    Blocks go by hash of id (`tasks.metrics.view.blocks_of`). `without_block` is empty where the
    consumer tells a score alone, or where too few blocks hold a test row.
    """

    score: float
    without_block: tuple[float, ...] = ()


def answer(consumer: Consumer, task: Task, schedule: Schedule, seed: int) -> Answer:
    """Train a consumer and score it on all held-out rows; equal arguments, equal answers."""
    with threadpool_limits(limits=1):  # one order of summation, whatever the machine
        if not isinstance(consumer, RowConsumer):
            return Answer(_rounded(consumer(task, schedule, seed)))
        values = consumer.answers(task, schedule, seed)
    blocks = blocks_of([task.ids[row] for row in task.test])
    here = [block for block in range(BLOCKS) if 0 < (blocks == block).sum() < len(blocks)]
    left = [np.flatnonzero(blocks != block) for block in here]
    without = [_rounded(consumer.score(task, values[rows], task.test[rows])) for rows in left]
    return Answer(_rounded(consumer.score(task, values, task.test)), tuple(without))


def _rounded(value: float) -> float:
    return round(float(value), DECIMALS)
