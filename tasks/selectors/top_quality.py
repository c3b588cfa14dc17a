"""Selector `top_quality`: the best scores, a control that every other selector must face."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from schemas.results import Selection
from tasks.engine.constraints import Admission, Limits, eligible
from tasks.engine.evidence import selection_of
from tasks.engine.greedy import take_in_order
from tasks.engine.pool import Pool
from tasks.engine.watch import Watch


@dataclass(frozen=True)
class TopQuality:
    """Take rows by falling quality, ties by id: the maximiser of sum_{j in S} q_j for rows.

    Gain is the row's quality. A lost row's needed budget is its place in that order, if nothing
    but the budget shut it out.
    """

    version: ClassVar[str] = "1.1.0"
    draw: ClassVar[str] = "greedy"

    def __call__(
        self, pool: Pool, limits: Limits, seed: int, watch: Watch | None = None
    ) -> Selection:
        """Choose by quality. `seed` is unused."""
        admission = Admission(pool, limits)
        order = np.argsort(-pool.quality, kind="stable")
        take_in_order(order, admission, watch)
        return ordered_selection(self, admission, order, pool.quality, quality_per_gain=1.0)


def ordered_selection(
    selector: object,
    admission: Admission,
    order: np.ndarray,
    gain: np.ndarray,
    quality_per_gain: float = 0.0,
) -> Selection:
    """The result of taking rows in a fixed order: gains and needed budgets are exact.

    Where groups have floors or caps, or rows keep a distance, the needed quality is a lower bound:
    the last pick may have been the floor's, or the row itself may be shut out by them.
    """
    place = np.empty(len(order))
    place[order] = np.arange(1, len(order) + 1)
    limits = admission.limits
    bounds = bool(limits.floors or limits.caps or limits.min_distance)
    plain = not (limits.in_tokens or bounds or limits.include or admission.stopped)
    all_eligible = bool(eligible(admission.pool, limits).all())
    return selection_of(
        selector,
        admission,
        gain[admission.order],
        final_gain=gain,
        is_bound=np.full(len(gain), bool(quality_per_gain) and bounds),
        quality_per_gain=quality_per_gain,
        needed_budget_rows=place if plain and all_eligible else None,
    )
