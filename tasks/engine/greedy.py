"""Greedy search: lazily for submodular objectives, and in a given order for additive ones."""

import heapq
import logging
import time
from typing import Final, Protocol

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.columns import BATCH
from tasks.engine.constraints import Admission

log = logging.getLogger("winnow")
TIE_DIGITS: Final = 7  # what float32 similarities are good for; closer gains are ties, by row id
SLACK: Final = 1e-5  # what rounding can add to a first bound, relative
REPORT_SECONDS: Final = 5.0
EARLY: Final = 0.1


class Objective(Protocol):
    """A monotone submodular set function F, 0 for the empty set and about 1 for the whole pool."""

    def first_bounds(self) -> Float[np.ndarray, " n"]:
        """Upper bounds of F({i}) for every row, up to relative rounding of `SLACK`."""

    def prepare(self, indices: list[int]) -> None:
        """Get ready to give the gains of several rows (to share work among them)."""

    def ready(self, index: int) -> bool:
        """Whether `gain` is cheap for this row."""

    def gain(self, index: int) -> float:
        """The exact marginal gain of one row now."""

    def accept(self, index: int) -> None:
        """Add a row to the set."""


def lazy_greedy(
    objective: Objective, admission: Admission
) -> tuple[list[float], np.ndarray, np.ndarray]:
    """Add the admissible row of largest gain until the budget is spent (Minoux, 1978).

    The picks are those of plain greedy, ties by index: a row is taken only when its fresh gain is
    at least every other row's bound, and gains never grow. With costs in tokens the order is by
    gain per token (cost-benefit greedy; Leskovec et al., 2007).
    Returns (gains in order of `admission.order`, last known bound of every row, shortfall). The
    shortfall of a row is a lower bound of what it lacked to be picked at any step: gains fall, so
    the step at which a row was closest to being picked may lie long before the last.
    """
    gains = []
    for index in admission.order:  # must-include rows, already taken
        gains.append(objective.gain(index))
        objective.accept(index)
    bounds = objective.first_bounds() * (1 + SLACK) + 1e-12
    digits = TIE_DIGITS + len(str(len(bounds)))  # gains add up to 1, so many are as small as 1/n
    price = admission.cost.astype(np.float64)
    heap = [(-bounds[i] / price[i], int(i), -1) for i in np.flatnonzero(admission.free)]
    heapq.heapify(heap)
    progress = Progress(admission)
    lowest, shortfall = np.inf, np.full(len(bounds), np.inf)
    while heap and not admission.full:
        _, index, stamp = heapq.heappop(heap)
        rule = admission.refusal(index)
        if rule:
            admission.close(index, rule)
        elif stamp == len(admission.order):
            gains.append(bounds[index])
            lowest = min(lowest, gains[-1])
            admission.take(index)
            objective.accept(index)
            progress.tell(gains[-1])
        else:
            _fetch(objective, index, heap)
            shortfall[index] = min(shortfall[index], lowest - bounds[index])
            bounds[index] = round(objective.gain(index), digits)
            key = round(-bounds[index] / price[index], digits + 3)
            heapq.heappush(heap, (key, index, len(admission.order)))
    admission.close_rest()
    return gains, bounds, np.minimum(shortfall, lowest - bounds)


def _fetch(objective: Objective, index: int, heap: list[tuple[float, int, int]]) -> None:
    """Prepare a row together with those likely to be asked for next: the top of the heap."""
    if objective.ready(index):
        return
    near = [entry[1] for entry in heap[: 4 * BATCH] if not objective.ready(entry[1])]
    objective.prepare([index, *near[: BATCH - 1]])


def take_in_order(order: Int[np.ndarray, " n"], admission: Admission) -> None:
    """Take every admissible row of `order` until the budget is spent."""
    for index in order:
        if admission.full:
            break
        rule = admission.refusal(int(index))
        if rule:
            admission.close(int(index), rule)
        else:
            admission.take(int(index))
    admission.close_rest()


class Progress:
    """Says every few seconds how much of the budget is spent, the rate and the time left."""

    def __init__(self, admission: Admission):
        self.admission = admission
        self.started = self.told = time.monotonic()

    def tell(self, gain: float) -> None:
        """Log one line if the last is a few seconds old."""
        now = time.monotonic()
        if now - self.told < REPORT_SECONDS:
            return
        self.told = now
        share = self.admission.spent / self.admission.limits.budget
        left = (now - self.started) * (1 - share) / max(share, 1e-9)
        rest = f", about {left:.0f} s left" if share > EARLY else ""  # the first picks cost most
        log.info(
            f"chosen {len(self.admission.order):,} rows, {share:.1%} of the budget, "
            f"gain {gain:.3g}{rest}"
        )
