"""Facility location for large pools: greedy by buckets first, then over the edges that are left.

1. Rows are partitioned into buckets of similar rows; greedy inside each gives a first order.
2. A sample of rows says how much of the budget to spend in that order (the less the better, but
   few pairs must be left that can still add) and in how many near buckets to look for them.
3. Lazy greedy over these edges spends the rest as exact greedy would, if no edge is missing.
Time and memory grow a little faster than n. Rows, threads and number formats do not change picks.
"""

import copy
import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from tasks.engine.admission import Admission
from tasks.engine.buckets import Buckets, partition
from tasks.engine.coverage import Coverage
from tasks.engine.edges import near_pairs, uncovered_edges
from tasks.engine.greedy import PER_PRICE, accept_given, lazy_greedy, tie_unit
from tasks.engine.near import BUCKET_ROWS, nearest_near
from tasks.engine.outlook import Outlook, look_ahead
from tasks.engine.products import Products
from tasks.engine.sparse import sparse_greedy
from tasks.engine.start import partitioned_order
from tasks.engine.watch import Watch

log = logging.getLogger("winnow")


@dataclass(frozen=True)
class Finished:
    """Gains in order of choice, last known gains of all rows, shortfalls, and how it was done.

    `captured` is the estimated share of what could still be gained that the edges held (1 if all
    pairs were looked at).
    """

    gains: list[float]
    bounds: Float[np.ndarray, " n"]
    shortfall: Float[np.ndarray, " n"]
    captured: float
    facts: dict[str, Any]


def fast_greedy(coverage: Coverage, admission: Admission, watch: Watch, per_cost: bool) -> Finished:
    """Spend the budget; the result is close to greedy's, and `facts` say how it was reached."""
    vectors, n = coverage.vectors, len(coverage.vectors)
    unit = tie_unit(n) * (PER_PRICE if per_cost else 1.0)
    cost = (admission.cost if per_cost else np.ones(n)).astype(np.float64)
    gains = accept_given(coverage, admission)
    log.info(f"{n:,} rows into buckets")
    buckets = partition(vectors, max(1, n // BUCKET_ROWS), seed=0)
    price = np.where(admission.free, cost, np.inf)
    order, first_gains = partitioned_order(coverage, buckets, price, admission.left, unit)
    spent = np.cumsum(admission.cost[order])
    outlook = look_ahead(coverage, order, spent, admission.left, buckets)
    log.info(f"{outlook.share:.0%} of the budget by buckets, then {outlook.probes} near buckets")
    gains += _take_first(order, first_gains, outlook.share, admission, watch)
    _cover_and_connect(coverage, admission, buckets, outlook)
    rest, bounds, shortfall = _finish(coverage, admission, watch, per_cost)
    whole = outlook.probes >= len(buckets)
    return Finished(
        gains + rest, bounds, shortfall, 1.0 if whole else outlook.captured,
        {"buckets": len(buckets), "probes": outlook.probes, "first_share": outlook.share,
         "captured": round(outlook.captured, 4), "sampled_rows": outlook.sampled_rows},
    )  # fmt: skip


def _take_first(
    order: np.ndarray, gains: np.ndarray, share: float, admission: Admission, watch: Watch
) -> list[float]:
    """Take rows in order until the share of the budget is spent; gains of those taken."""
    until = admission.spent + share * admission.left
    taken = []
    for index, gain in zip(order.tolist(), gains.tolist(), strict=True):
        if admission.spent >= until or watch.stop():
            break
        if rule := admission.refusal(index):
            admission.close(index, rule)
        else:
            admission.take(index)
            taken.append(gain)
            watch.tell(admission, gain)
    return taken


def _cover_and_connect(
    coverage: Coverage, admission: Admission, buckets: Buckets, outlook: Outlook
) -> None:
    """Work out what the rows taken so far cover, and the edges that can still add."""
    products = Products(coverage.vectors, buckets.order)
    chosen = np.array(admission.order[admission.given :], dtype=np.int64)
    probes = max(1, outlook.probes)
    nearest, cosine = nearest_near(coverage.vectors, chosen, buckets, probes, products)
    coverage.settle()
    found = np.where(nearest >= 0, coverage.similarity.of(cosine), 0.0).astype(np.float32)
    better = found > coverage.covered
    coverage.covered[better], coverage.nearest[better] = found[better], nearest[better]
    meetings = near_pairs(buckets, outlook.probes) if outlook.probes else []
    coverage.use(
        uncovered_edges(
            coverage.vectors, coverage.similarity, coverage.covered, meetings, products,
            buckets.order,
        )
    )  # fmt: skip


def _finish(
    coverage: Coverage, admission: Admission, watch: Watch, per_cost: bool
) -> tuple[list[float], np.ndarray, np.ndarray]:
    """Spend what is left over the edges: in compiled code where limits are simple."""
    if admission.simple:
        return sparse_greedy(coverage, admission, watch, per_cost)
    before = len(admission.order)
    unkept = copy.copy(watch)  # edges are not kept: a restart begins anew
    unkept.keeper = None
    gains, bounds, shortfall = lazy_greedy(coverage, admission, unkept, per_cost)
    watch.stopped = unkept.stopped
    return gains[before:], bounds, shortfall
