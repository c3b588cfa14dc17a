"""Lazy greedy over edges, in compiled code: for limits that are a budget and caps of groups."""

from typing import Final

import numpy as np

from schemas.results import GROUP_CAP, OVER_BUDGET
from tasks.engine.admission import Admission
from tasks.engine.coverage import Coverage
from tasks.engine.greedy import PER_PRICE, tie_unit
from tasks.engine.watch import Watch

STEP_ROWS: Final = 1000  # picks between two looks at the clock


def sparse_greedy(
    coverage: Coverage, admission: Admission, watch: Watch, per_cost: bool
) -> tuple[list[float], np.ndarray, np.ndarray]:
    """Take rows by falling gain per price until the budget is spent, as `lazy_greedy` would.

    Returns (gains of the rows taken, last known gain of every row, shortfall of every row).
    """
    from tasks.engine.kernels.lazy import edge_gains, heapify, take_some

    assert coverage.edges is not None
    edges, scale = coverage.edges.arrays, coverage.scale
    price = (admission.cost if per_cost else np.ones(len(admission.cost))).astype(np.float64)
    rows = np.flatnonzero(admission.free).astype(np.int32)
    gain = np.zeros(len(price))
    gain[rows] = edge_gains(edges, coverage.covered, coverage.worth, scale, rows)
    unit = tie_unit(len(price))
    key = np.rint(np.rint(gain[rows] * unit) / price[rows] * PER_PRICE).astype(np.int64)
    heap = key, rows, np.full(len(rows), len(admission.order), dtype=np.int64)
    heapify(*heap)
    size, gains = len(rows), []
    lowest, lacked = np.inf, np.full(len(price), np.inf)
    shut_out = np.zeros(len(price), dtype=np.int8)
    taken = np.empty(STEP_ROWS, dtype=np.int64)
    left, group, room = admission.open_budget()
    count = STEP_ROWS
    while count == STEP_ROWS and not watch.stop():
        count, left, size, lowest = take_some(
            heap, size, edges, coverage.covered, coverage.nearest, coverage.worth, price,
            admission.cost, group, room, left, scale, unit, gain, lowest, lacked, shut_out, taken,
            len(admission.order),
        )  # fmt: skip
        gains += gain[taken[:count]].tolist()
        if count:
            admission.take_many(taken[:count])
            watch.tell(admission, gains[-1])
    for index in np.flatnonzero(shut_out).tolist():
        admission.close(index, GROUP_CAP if shut_out[index] == 2 else OVER_BUDGET)
    admission.stopped = watch.stopped
    return gains, gain, np.minimum(lacked, lowest - gain)
