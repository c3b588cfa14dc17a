"""Bounded churn: rows of the previous run stay unless replacing them is allowed and gains.

One mechanism for every selector, on top of what all of them promise (tasks.selectors.Selector).
"""

import logging
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from jaxtyping import Int

from schemas.errors import InfeasibleError
from schemas.params import ChooseParams
from schemas.results import OUTRANKED, REPLACEMENT_LIMIT, SELECTED, Selection
from tasks.engine.constraints import Admission, Limits, eligible
from tasks.engine.pool import Pool
from tasks.engine.watch import Watch
from tasks.selectors import Selector

log = logging.getLogger("winnow")
Rows = Int[np.ndarray, " k"]
NO_SHARE: Final = "this selector maximises no function of the subset alone (or its value is 0)"
ROUNDING: Final = 1e-9  # 1 - 0.9 is a little less than 0.1


@dataclass(frozen=True)
class Steadied:
    """A selection within its bound; `held` are rows that only the bound keeps in it."""

    selection: Selection
    held: frozenset[int] = frozenset()
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Search:
    """A selector on its pool: what is run again with other limits."""

    selector: Selector
    pool: Pool
    limits: Limits
    seed: int
    watch: Watch

    def __call__(self, watched: bool = True, **changed: Any) -> Selection:
        """Select within the limits so changed, in the time that is left if `watched`."""
        watch = Watch(self.watch.limit_seconds if watched else 0.0, clock=self.watch.clock)
        watch.started = self.watch.started
        found = self.selector(self.pool, replace(self.limits, **changed), self.seed, watch)
        self.watch.stopped |= watch.stopped
        return found

    def with_included(self, rows: Rows) -> Selection:
        """Select the rest beside these rows."""
        return self(include=tuple(sorted({*self.limits.include, *rows.tolist()})))


def most_replacements(choose: ChooseParams, rows: int) -> int:
    """How many of `rows` previous rows may be replaced: the lesser of both settings.

    floor((1 - stability) * rows), and max_replacements unless it is -1.
    """
    most = int((1 - choose.stability) * rows + ROUNDING)
    return most if choose.max_replacements < 0 else min(most, choose.max_replacements)


def steadied(search: Search, scratch: Selection, previous: Rows, most: int) -> Steadied:
    """Bound how many rows of E (`previous`, of them those still eligible) are replaced.

    With S* = `scratch`: if |E - S*| <= `most`, S* stands. Else rows of E are put in order, those
    in S* first, then as the selector itself picks among the others beside them, so that the last
    ones add least given the rest. In that order all are taken that the limits admit together (the
    others are `forced` out); the last `most` of those not in S* are let go, and the selector fills
    up beside the rest. It may take rows let go again: it replaces only by rows it prefers. Of this
    and of keeping all of them the better by F stands, where the selector has an objective F.

    Every limit holds: rows kept are given as rows to be included. Only a least distance together
    with floors can make that impossible (see `Admission`): S* then stands, with a warning, and
    `facts` say that the bound was not held.
    """
    may = eligible(search.pool, search.limits)
    among = previous[may[previous]]
    dropped = np.setdiff1d(among, scratch.indices)
    told = {"eligible": len(among), "most": most, "from_scratch": len(dropped)}
    if len(dropped) <= most:
        return Steadied(scratch, facts=told | _outcome(search.pool, scratch, scratch, among))
    kept = _admitted(search, _by_worth(search, np.intersect1d(among, scratch.indices), dropped))
    try:
        found = _filled_up(search, kept, kept[np.isin(kept, dropped)], most)
    except InfeasibleError as error:
        if not (search.limits.min_distance and search.limits.floors):
            raise
        log.warning(f"choose: the bound on replacements is not held: {error}")
        facts = told | _outcome(search.pool, scratch, scratch, among)
        return Steadied(scratch, facts=facts | {"held": False})
    held = frozenset(np.intersect1d(found.indices, dropped).tolist())
    forced = len(np.setdiff1d(among, np.union1d(kept, found.indices)))
    facts = told | _outcome(search.pool, scratch, found, kept, forced)
    return Steadied(_ranked(search, scratch, found), held, facts)


def objective_of(selection: Selection, pool: Pool) -> float | None:
    """The value of a subset by the function that its selector maximises, None if there is none.

    In kernel herding the sum of the gains depends on the order of the picks: the value of its part
    and the quality are added up instead. Beside other parts, whose values are not told apart, that
    cannot be done.
    """
    totals = selection.totals
    parts = list(totals.get("parts", {}).values())
    if not any("mmd_squared" in part for part in parts):
        return totals.get("objective")
    if len(parts) > 1:
        return None
    quality = float(pool.quality[selection.indices].sum())
    return float(parts[0]["scale"] * parts[0]["value"] + totals["quality_scale"] * quality)


def _by_worth(search: Search, sure: Rows, others: Rows) -> Rows:
    """These rows, `sure` first, then the others as the selector picks among them beside `sure`.

    Floors wait until `_admitted`; rows that other limits refuse here come last.
    """
    rows = np.concatenate([sure, others])
    given = np.union1d(sure, np.array(search.limits.include, dtype=np.int64))
    shut = np.setdiff1d(np.flatnonzero(eligible(search.pool, search.limits)), [*rows, *given])
    closed = {**search.limits.closed, **dict.fromkeys(shut.tolist(), REPLACEMENT_LIMIT)}
    budget = len(np.union1d(rows, given))
    order = search(
        include=tuple(given.tolist()), closed=closed, floors={}, budget=budget, in_tokens=False
    ).indices
    order = order[np.isin(order, others)]
    return np.concatenate([sure, order, np.setdiff1d(others, order)])


def _filled_up(search: Search, kept: Rows, loose: Rows, most: int) -> Selection:
    """Select beside `kept` without the last `most` of `loose`, or beside all if that is as good."""
    fixed = np.setdiff1d(kept, loose[max(0, len(loose) - most) :])
    found = search.with_included(fixed)
    value = objective_of(found, search.pool)
    if not most or value is None:
        return found
    still = search.with_included(kept)
    return found if value > (objective_of(still, search.pool) or 0.0) else still


def _admitted(search: Search, rows: Rows) -> Rows:
    """The rows that the limits admit together, taken one after another."""
    admission = Admission(search.pool, search.limits)
    there = set(admission.order)
    kept = []
    for row in rows.tolist():
        if row not in there and admission.refusal(row):
            continue
        if row not in there:
            admission.take(row)
        kept.append(row)
    return np.array(kept, dtype=np.int64)


def _ranked(search: Search, scratch: Selection, found: Selection) -> Selection:
    """The same subset ranked as if nothing had been kept, and who was kept out for its sake.

    A greedy selector orders the rows of the subset anew, others rank them by their draw from
    scratch. Weights stay those of the search beside the kept rows, which have chance 1 there.
    """
    rows = np.sort(found.indices)
    if search.selector.draw == "greedy":
        shut = np.setdiff1d(np.flatnonzero(eligible(search.pool, search.limits)), rows)
        closed = {**search.limits.closed, **dict.fromkeys(shut.tolist(), REPLACEMENT_LIMIT)}
        again = search(watched=False, closed=closed)
        order, gains = again.indices, again.gains
    else:
        order = rows[np.lexsort((rows, -scratch.final_gain[rows]))]
        gains = scratch.final_gain[order]
    weight = dict(zip(found.indices.tolist(), found.weights.tolist(), strict=True))
    status, needed = found.status.copy(), found.needed_quality.copy()
    out = (scratch.status == SELECTED) & (status == OUTRANKED)
    status[out], needed[out] = REPLACEMENT_LIMIT, np.nan
    return replace(
        found,
        indices=order,
        gains=gains,
        weights=np.array([weight[row] for row in order.tolist()]),
        status=status,
        needed_quality=needed,
    )


def _outcome(
    pool: Pool, scratch: Selection, found: Selection, among: Rows, forced: int = 0
) -> dict[str, Any]:
    """What the manifest says: rows replaced, forced out and kept, and F as a share of F(S*)."""
    value, best = objective_of(found, pool), objective_of(scratch, pool)
    share = round(value / best, 6) if value is not None and best else None
    return {
        "held": True,
        "replaced": len(np.setdiff1d(among, found.indices)),
        "forced_out": forced,
        "kept_by_bound": len(np.setdiff1d(np.intersect1d(found.indices, among), scratch.indices)),
        "objective": value,
        "objective_from_scratch": best,
        "share_of_from_scratch": share,
        "why_no_share": "" if share is not None else NO_SHARE,
    }
