"""From parts to a finished selection: mixed with quality, searched as they allow, recorded."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from schemas.results import Selection
from tasks.engine.constraints import Admission, Limits
from tasks.engine.evidence import selection_of
from tasks.engine.greedy import lazy_greedy
from tasks.engine.objectives.mixed import Mixed
from tasks.engine.objectives.part import Part
from tasks.engine.picking import Found
from tasks.engine.pool import Pool
from tasks.engine.rising_greedy import rising_greedy
from tasks.engine.shortlist_greedy import shortlist_greedy


def choose_mixed(
    selector: Any,
    pool: Pool,
    limits: Limits,
    parts: Mapping[str, tuple[float, Part]],
) -> Selection:
    """Maximise quality and these parts greedily; `selector` has a `diversity_weight`.

    The picks are those of plain greedy. Where the parts are submodular they are worth at least
    1 - 1/e of the optimum for a budget in rows without floors and caps (Nemhauser, Wolsey and
    Fisher, 1978), half of it with caps; in tokens the order is gain per token, which alone carries
    no constant guarantee (Leskovec et al., 2007).
    """
    admission = Admission(pool, limits)
    objective = Mixed(pool, limits, selector.diversity_weight, parts)
    found = search(objective, admission)
    return selection_of(
        selector,
        admission,
        np.array(found.gains),
        final_gain=found.final_gain,
        is_bound=np.full(len(pool), found.is_bound),
        quality_per_gain=objective.quality_scale,
        shortfall=found.shortfall,
        totals={"objective": round(float(sum(found.gains)), 9), **objective.facts()},
    )


def search(objective: Mixed, admission: Admission) -> Found:
    """Search as fast as the objective allows; every way finds the same picks."""
    if objective.tracked:
        return shortlist_greedy(objective, admission)
    if objective.submodular:
        gains, bounds, shortfall = lazy_greedy(objective, admission)
        return Found(gains, bounds, True, shortfall)
    return rising_greedy(objective, admission)
