"""Greedy search: lazily for submodular objectives, and in a given order for additive ones."""

import heapq
from collections.abc import Callable, Iterable
from typing import Final, Protocol

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.admission import Admission
from tasks.engine.columns import BATCH
from tasks.engine.watch import Arrays, Watch

TIE_DIGITS: Final = 7  # what float32 similarities are good for; closer gains are ties, by row id
PER_PRICE: Final = 1000.0  # gains per price are compared in thousandths of a gain's unit
RENEWED: Final = 16  # of so many rows one has to be asked in vain before all bounds are renewed
SLACK: Final = 1e-5  # what rounding can add to a first bound, relative


class Objective(Protocol):
    """A monotone submodular set function F, 0 for the empty set and about 1 for the whole pool."""

    def first_bounds(self) -> Float[np.ndarray, " n"]:
        """Upper bounds of F({i}) for every row, up to relative rounding of `SLACK`.

        Not asked for in a search that goes on after an interruption.
        """

    def prepare(self, indices: list[int]) -> None:
        """Get ready to give the gains of several rows (to share work among them)."""

    def ready(self, index: int) -> bool:
        """Whether `gain` is cheap for this row."""

    def gain(self, index: int) -> float:
        """The exact marginal gain of one row now."""

    def accept(self, index: int) -> None:
        """Add a row to the set."""


def tie_unit(rows: int) -> float:
    """Gains are compared in whole numbers of 1 / this: they add up to 1, so many are about 1/n."""
    return float(10.0 ** (TIE_DIGITS + len(str(rows))))


class Queue:
    """Free rows by their last known gain per price; ties by index.

    `stamp` is how many rows had been chosen when a row's gain was worked out, -1 for a first bound.
    Between two picks every free row is in the heap once, so that `bounds` and `stamp` say it all.
    """

    def __init__(self, bounds: Float[np.ndarray, " n"], price: Float[np.ndarray, " n"]):
        self.bounds, self.price = bounds, price
        self.stamp = np.full(len(bounds), -1, dtype=np.int32)
        self.unit = tie_unit(len(bounds))
        self.heap: list[tuple[float, int]] = []

    def fill(self, rows: Int[np.ndarray, " f"]) -> None:
        """Put rows in, with the keys that they would have by now."""
        known, units = self.stamp[rows] >= 0, self.bounds[rows] * self.unit
        keys = np.where(known, np.rint(units), units) / self.price[rows] * PER_PRICE
        keys = -np.where(known, np.rint(keys), keys)
        self.heap = list(zip(keys.tolist(), rows.tolist(), strict=True))
        heapq.heapify(self.heap)

    def put(self, index: int, gain: float, stamp: int) -> None:
        """Put a row back with a gain that was just worked out."""
        units = round(gain * self.unit)
        self.bounds[index], self.stamp[index] = units / self.unit, stamp
        key = round(units / self.price[index] * PER_PRICE)
        heapq.heappush(self.heap, (-float(key), index))

    def renew(self, rows: Int[np.ndarray, " f"], bounds: Float[np.ndarray, " n"]) -> None:
        """Start again with other bounds of these rows, all that are free."""
        self.bounds[rows], self.stamp[rows] = bounds[rows], -1
        self.fill(rows)

    def pop(self) -> int:
        """Take out the row of the best known gain per price."""
        return heapq.heappop(self.heap)[1]


def lazy_greedy(
    objective: Objective,
    admission: Admission,
    watch: Watch | None = None,
    per_cost: bool = True,
    phase: str = "search",
    renewed: Callable[[], Float[np.ndarray, " n"]] | None = None,
) -> tuple[list[float], np.ndarray, np.ndarray]:
    """Add the admissible row of largest gain until the budget is spent (Minoux, 1978).

    The picks are those of plain greedy, ties by index: a row is taken only when its fresh gain is
    at least every other row's bound, and gains never grow. With costs in tokens the order is by
    gain per token unless not `per_cost`; see `tasks.engine.budgeted` for what that is worth.
    Where many rows have to be asked for one pick, `renewed` gives new bounds of all at once.
    Returns (gains in order of `admission.order`, last known bound of every row, shortfall). The
    shortfall of a row is a lower bound of what it lacked to be picked at any step: gains fall, so
    the step at which a row was closest to being picked may lie long before the last.
    """
    watch = watch or Watch()
    saved = watch.resume(phase)
    gains = accept_given(objective, admission)
    price = (admission.cost if per_cost else np.ones(len(admission.cost))).astype(np.float64)
    if "bounds" in saved.state:
        queue = Queue(saved.state["bounds"], price)
        queue.stamp, shortfall = saved.state["stamp"], saved.state["shortfall"]
    else:
        queue = Queue(objective.first_bounds() * (1 + SLACK) + 1e-12, price)
        shortfall = np.full(len(price), np.inf)
    saved.replay(admission, objective.accept)
    gains += saved.state.get("gains", np.zeros(0)).tolist()
    queue.fill(np.flatnonzero(admission.free))
    bounds, lowest = queue.bounds, min(gains[admission.given :], default=np.inf)
    asked, many = 0, len(price) // RENEWED  # stale rows since the last pick

    def state() -> Arrays:
        own = np.array(gains[admission.given :])
        return {"bounds": bounds, "stamp": queue.stamp, "shortfall": shortfall, "gains": own}

    while queue.heap and not admission.full and not watch.stop():
        index = queue.pop()
        rule = admission.refusal(index)
        if rule:
            admission.close(index, rule)
        elif queue.stamp[index] == len(admission.order):
            gains.append(float(bounds[index]))
            lowest = min(lowest, gains[-1])
            admission.take(index)
            objective.accept(index)
            asked = 0
            watch.tell(admission, gains[-1], state)
        elif renewed and asked == many:
            free = np.array([index, *(row for _, row in queue.heap)])
            shortfall[free] = np.minimum(shortfall[free], lowest - bounds[free])
            queue.renew(free, renewed() * (1 + SLACK) + 1e-12)
            asked += 1
        else:
            asked += 1
            _fetch(objective, index, queue)
            shortfall[index] = min(shortfall[index], lowest - bounds[index])
            queue.put(index, objective.gain(index), len(admission.order))
    if watch.stopped:
        order = np.lexsort((np.arange(len(price)), -bounds / price))
        fill_floors(order, admission, lambda index: gains.append(_accept(objective, index)))
    return gains, bounds, np.minimum(shortfall, lowest - bounds)


def accept_given(objective: Objective, admission: Admission) -> list[float]:
    """Accept the rows chosen elsewhere and those that must be included; gains of the latter."""
    for index in admission.limits.preselected:
        objective.accept(index)
    return [_accept(objective, index) for index in admission.order]


def _accept(objective: Objective, index: int) -> float:
    gain = float(objective.gain(index))
    objective.accept(index)
    return gain


def _fetch(objective: Objective, index: int, queue: Queue) -> None:
    """Prepare a row together with those likely to be asked for next: the top of the heap."""
    if objective.ready(index):
        return
    near = [entry[1] for entry in queue.heap[: 4 * BATCH] if not objective.ready(entry[1])]
    objective.prepare([index, *near[: BATCH - 1]])


def take_in_order(
    order: Int[np.ndarray, " n"], admission: Admission, watch: Watch | None = None
) -> None:
    """Take every admissible row of `order` until the budget is spent."""
    watch = watch or Watch()
    for index in order.tolist():
        if admission.full or watch.stop():
            break
        rule = admission.refusal(index)
        if rule:
            admission.close(index, rule)
        else:
            admission.take(index)
            watch.tell(admission, np.nan)
    if watch.stopped:
        fill_floors(order, admission, lambda _: None)


def fill_floors(order: Iterable[int], admission: Admission, add: Callable[[int], object]) -> None:
    """After a search was stopped: meet the floors still open by the first rows of `order` that do.

    Calls `add` after each row taken. One pass is enough: a row that helps no open floor never will.
    """
    admission.stopped = True
    for index in order:
        if not admission.open_need:
            break
        if not (admission.free[index] and admission.helps(index)):
            continue
        rule = admission.refusal(int(index))
        if rule:
            admission.close(int(index), rule)
        else:
            admission.take(int(index))
            add(int(index))
