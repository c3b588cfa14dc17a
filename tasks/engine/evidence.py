"""From a finished search to a `Selection`: what every row's fate was and what would change it."""

from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float

from schemas.results import OUTRANKED, Method, Selection
from tasks.engine.constraints import Admission

QUALITY_DIGITS: Final = 6  # as qualities are written; gains are rounded, so 1 may come out above 1


def selection_of(
    selector: Any,
    admission: Admission,
    gains: Float[np.ndarray, " k"],
    *,
    final_gain: Float[np.ndarray, " n"],
    is_bound: Bool[np.ndarray, " n"],
    quality_per_gain: float = 0.0,
    shortfall: Float[np.ndarray, " n"] | None = None,
    needed_budget_rows: Float[np.ndarray, " n"] | None = None,
    covering: frozenset[int] = frozenset(),
    totals: dict[str, Any] | None = None,
) -> Selection:
    """Build the result; an outranked row lacked `shortfall` of gain (default: to the least pick).

    `quality_per_gain` is what one unit of quality adds to the gain (0: quality plays no part);
    with it, needed quality = own quality + shortfall / quality_per_gain, where a budget in rows
    was spent; NaN where even quality 1 would not do. It takes the selector's scales as they are:
    one raised quality moves them too, by less the more rows the budget buys. Raises
    `InfeasibleError` if a floor is still open.
    """
    admission.close_rest()
    pool, status = admission.pool, admission.status
    missing = np.full(len(pool), np.nan)
    needed = missing.copy()
    outranked = status == OUTRANKED
    free_choices = gains[admission.given :]
    if quality_per_gain > 0 and len(free_choices) and not admission.limits.in_tokens:
        lacked = free_choices.min() - final_gain if shortfall is None else shortfall
        needed = np.round(pool.quality + np.maximum(lacked, 0.0) / quality_per_gain, QUALITY_DIGITS)
        needed = np.where(outranked & (needed <= 1.0), needed, np.nan)
    budget = missing if needed_budget_rows is None else needed_budget_rows
    return Selection(
        indices=np.array(admission.order, dtype=np.int64),
        gains=gains,
        weights=np.ones(len(gains)),
        status=status,
        final_gain=final_gain,
        gain_is_bound=is_bound,
        needed_quality=needed,
        needed_budget_rows=np.where(outranked, budget, np.nan),
        method=Method.of(selector),
        covering=covering,
        totals=totals or {},
    )
