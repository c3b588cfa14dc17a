"""From parts to a finished selection: mixed with quality, searched as they allow, recorded."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np
from threadpoolctl import threadpool_limits

from schemas.results import Selection
from tasks.engine.admission import Admission
from tasks.engine.budgeted import Found, better_of
from tasks.engine.evidence import selection_of
from tasks.engine.greedy import lazy_greedy
from tasks.engine.limits import Limits
from tasks.engine.objectives.mixed import Mixed
from tasks.engine.objectives.part import Part, affordable_rows
from tasks.engine.pool import Pool
from tasks.engine.rising_greedy import rising_greedy
from tasks.engine.shortlist_greedy import shortlist_greedy
from tasks.engine.watch import Watch

Mode = Literal["auto", "exact", "fast"]
EXACT_PAIRS: Final = 5e7  # rows times picks up to which `auto` is exact: seconds


def choose_mixed(
    selector: Any,
    pool: Pool,
    limits: Limits,
    parts: Mapping[str, tuple[float, Part]],
    watch: Watch | None = None,
    mode: Mode = "auto",
    first: Sequence[int] = (),
) -> Selection:
    """Maximise quality and these parts greedily; `selector` has a `diversity_weight`.

    Where all parts are submodular the picks are those of plain greedy, with the guarantees of
    `tasks.engine.budgeted`. Where gains may rise there is none, in tokens the order is by gain per
    token, and `mode` says whether the picks are exact or from a trusted shortlist. There the search
    may go on from rows to take `first`, in this order, as far as limits admit them.
    """
    watch = watch or Watch()
    rises = any(np.any(part.rises) for _, part in parts.values())
    large = len(pool) * affordable_rows(pool, limits) > EXACT_PAIRS
    trust = rises and (mode == "fast" or (mode == "auto" and large))

    def attempt(per_cost: bool, phase: str) -> Found:
        admission = Admission(pool, limits)
        again = {name: (weight, part.fresh()) for name, (weight, part) in parts.items()}
        objective = Mixed(pool, limits, selector.diversity_weight, again)
        with threadpool_limits(limits=1):  # products of few rows: their bits, and no idle waiting
            return search_of(objective, admission, per_cost, phase)

    def search_of(objective: Mixed, admission: Admission, per_cost: bool, phase: str) -> Found:
        if objective.tracked:
            done = shortlist_greedy(
                objective, admission, watch, per_cost, phase, trust, first=first
            )
        elif objective.submodular:
            done = lazy_greedy(objective, admission, watch, per_cost, phase)
        else:
            done = rising_greedy(objective, admission, watch, per_cost, phase)
        return Found(admission, *done, objective)

    if not rises:
        found, rising = better_of(attempt, limits, watch), {}
    else:
        found = attempt(limits.in_tokens, "search")
        rising = {"mode": "fast" if trust and found.objective.tracked else "exact"}
        found.totals = {"order": "gain per token"} if limits.in_tokens else {}
    objective: Mixed = found.objective
    return selection_of(
        selector,
        found.admission,
        np.array(found.gains),
        final_gain=found.bounds,
        is_bound=np.full(len(pool), not objective.tracked),
        quality_per_gain=objective.quality_scale,
        shortfall=found.shortfall,
        covering=frozenset(found.admission.order) & frozenset(first),
        totals={
            **found.totals,
            **rising,
            "objective": round(float(sum(found.gains)), 9),
            **objective.facts(),
        },
    )
