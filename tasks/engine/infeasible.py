"""Demands that no subset meets, refused in words of the settings: which, and what would do."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, NoReturn

import numpy as np

from schemas.errors import InfeasibleError
from tasks.engine.conflicts import Part, smallest_conflict
from tasks.engine.demands import Ask, Demands
from tasks.engine.limits import Limits, eligible
from tasks.engine.pool import Pool

NAMED: Final = 10  # demands of one setting to name one by one
LISTS: Final = {
    "preselected": "choose.preselected",
    "include": "choose.must_include",
    "exclude": "choose.must_exclude",
}
WAYS: Final = 3  # ways out to name


def refuse(pool: Pool, limits: Limits) -> NoReturn:
    """Raise `InfeasibleError` naming the smallest set of demands at odds, and ways out."""
    demands = Demands(pool, limits)
    part = demands.too_many()
    if part is None:
        part = smallest_conflict(demands.everything, demands.can_be_met)
    asks = [demands.asks[place] for place in np.flatnonzero(part)]
    floors = [ask for ask in asks if ask.kind == "floor"]
    counts = [demands.eligible_in(int(ask.about)) for ask in floors]
    found = [
        f"{pool.group_names[int(ask.about)]!r} has {among} eligible of {rows} rows"
        for ask, (among, rows) in zip(floors, counts, strict=True)
    ]
    together = "cannot be met" if len(asks) == 1 else "cannot be met together"
    raise InfeasibleError(
        f"{together}: {'; '.join(_in_words(demands, asks))}",
        expected=f"demands that some subset of the {int(eligible(pool, limits).sum()):,} eligible "
        "rows meets; to leave out any one of these would do",
        where="; ".join(found[:WAYS]),
        remedy=" or ".join(islice(_ways_out(demands, part), WAYS)),
    )


def _in_words(demands: Demands, asks: list[Ask]) -> list[str]:
    """Demands by the names and values of the settings, those of one setting as one."""
    ids, names = demands.pool.ids, demands.pool.group_names
    unit = "tokens" if demands.limits.in_tokens else "rows"
    texts: dict[str, tuple[str, Callable[[Ask], str]]] = {
        "budget": ("choose.budget = ", lambda ask: f"{ask.number:,} {unit}"),
        "floor": ("choose.group_floors ", lambda ask: f"{names[int(ask.about)]!r} = {ask.number}"),
        "cap": ("choose.group_caps ", lambda ask: f"{names[int(ask.about)]!r} = {ask.number}"),
        "distance": ("choose.min_distance = ", lambda ask: f"{ask.number}{_apart(demands)}"),
        "quality": ("choose.min_quality = ", lambda ask: f"{ask.number}"),
        "rule": ("rows shut out as ", lambda ask: str(ask.about)),
        "preselected": ("choose.preselected", lambda _: ""),
        "include": ("choose.must_include ", lambda ask: repr(str(ids[int(ask.about)]))),
        "exclude": ("choose.must_exclude ", lambda ask: repr(str(ids[int(ask.about)]))),
    }
    found = []
    for kind, (setting, text) in texts.items():
        told = [text(ask) for ask in asks if ask.kind == kind]
        more = f" and {len(told) - NAMED:,} more" if len(told) > NAMED else ""
        if told:
            found.append(f"{setting}{', '.join(told[:NAMED])}{more}")
    return found


def _apart(demands: Demands) -> str:
    if demands.pair is None:
        return ""
    return f" ({_distance(demands):.6g} apart)"


def _distance(demands: Demands) -> float:
    one, other = demands.pool.vectors[list(demands.pair or ())].astype(np.float64)
    return float(1.0 - one @ other)


def _ways_out(demands: Demands, part: Part) -> Iterator[str]:
    """What change of a single demand would end the conflict."""
    names = demands.pool.group_names
    kinds = dict.fromkeys(demands.asks[place].kind for place in np.flatnonzero(part))
    for place in np.flatnonzero(part).tolist():
        ask = demands.asks[place]
        if ask.kind == "budget":
            yield f"raise choose.budget to {_threshold(demands, part, place):,}"
        elif ask.kind == "cap":
            least = _threshold(demands, part, place)
            yield f"raise choose.group_caps {names[int(ask.about)]!r} to {least:,}"
        elif ask.kind == "floor":
            most = _threshold(demands, part, place)
            yield f"lower choose.group_floors {names[int(ask.about)]!r} to {most:,}"
        elif ask.kind == "distance":
            yield f"lower choose.min_distance to {max(0.0, _distance(demands)):.6g}"
        elif ask.kind == "quality":
            yield "lower choose.min_quality"
    for kind, setting in LISTS.items():
        if kind in kinds:
            yield f"shorten {setting}"


def _threshold(demands: Demands, part: Part, place: int) -> int:
    """The value nearest to a demand's own at which the conflict ends; found by bisection."""
    ask = demands.asks[place]
    bad, step = int(ask.number), -1 if ask.kind == "floor" else 1
    good = 0 if step < 0 else int(demands.cost.sum()) + len(demands.pool)
    while abs(good - bad) > 1:
        middle = (good + bad) // 2
        if demands.can_be_met(part, {place: middle}):
            good = middle
        else:
            bad = middle
    return good
