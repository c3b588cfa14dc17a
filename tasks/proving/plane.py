"""Where every method's subset lies between quality and diversity, apart from any consumer."""

from typing import Any, Final

import numpy as np

from tasks.metrics.coverage import CoverageMean
from tasks.metrics.parts import describe
from tasks.metrics.rows import Rows, blocks_of
from tasks.metrics.totals import MeanQuality
from tasks.metrics.view import SubsetView
from tasks.proving.candidates import Candidates
from tasks.proving.methods import FULL, RS2
from tasks.proving.plan import Experiment

DECIMALS: Final = 6


def plane(plan: Experiment) -> list[dict[str, Any]]:
    """Mean quality of each subset, and how well it covers the first seed's replicate of the pool.

    RS2 has no one subset; the full pool covers itself wholly and shows where quality starts.
    """
    part = plan.candidates.replicate(plan.first_seed)
    place = np.full(len(plan.task.ids), -1)
    place[part.rows] = np.arange(len(part.rows))
    rows, found = _rows(part), []
    for contender in plan.contenders:
        if contender.name == RS2:
            continue
        for budget in [1.0] if contender.name == FULL else plan.budgets:
            schedule = contender.schedule(part, plan.size(budget), plan.in_tokens, plan.first_seed)
            view = SubsetView(describe(rows, place[schedule[0]]))
            found.append({
                "budget": budget,
                "method": contender.name,
                "rows": len(schedule[0]),
                "mean_quality": round(MeanQuality()(view), DECIMALS),
                "coverage_mean": round(CoverageMean()(view), DECIMALS),
            })  # fmt: skip
    return found


def _rows(part: Candidates) -> Rows:
    pool = part.pool
    return Rows(
        vectors=pool.vectors,
        quality=pool.quality,
        cost=pool.cost,
        group=np.zeros(len(pool.ids), dtype=np.int64),
        groups=1,
        block=blocks_of([str(each) for each in pool.ids]),
    )
