"""Which demands are at odds: the smallest set of them that no subset of the pool meets."""

from collections.abc import Callable
from typing import Final, NoReturn

import numpy as np
from jaxtyping import Bool
from scipy import optimize

from schemas.errors import InfeasibleError, WinnowError
from tasks.engine.demands import Ask, Demands
from tasks.engine.limits import Limits, eligible
from tasks.engine.pool import Pool

Part = Bool[np.ndarray, " m"]
ROUNDS: Final = 60  # correction sets to collect before settling for a minimal conflict
MANY: Final = 200  # demands beyond which a smallest conflict larger than one is not looked for
NAMED: Final = 5  # rows of a list to name one by one


def smallest_conflict(everything: Part, can_be_met: Callable[[Part], bool]) -> Part:
    """A set of demands that cannot be met together, of the smallest size there is.

    Every set that cannot be met meets every correction set (the demands left out of a largest set
    that can be met). So the smallest set that meets all correction sets found so far is either the
    answer or, enlarged as far as can be, gives one more (Ignatiev, Previti, Liffiton,
    Marques-Silva, 2015). Of more than `MANY` demands, or after `ROUNDS` (which only long lists of
    like demands use up), a demand that cannot be met by itself is returned if there is one, else a
    set of which no demand can be left out, though a smaller one may exist.
    """
    corrections: list[Part] = []
    nothing = np.zeros_like(everything)
    for alone in (_with(nothing, [place]) for place in np.flatnonzero(everything).tolist()):
        if not can_be_met(alone):
            return alone
    for _ in range(ROUNDS if len(everything) <= MANY else 0):
        part = _smallest_hitting(corrections, len(everything))
        if not can_be_met(part):
            return part
        correction = ~_enlarged(part, everything, can_be_met)
        if not correction.any():
            raise WinnowError("demands that can be met were taken for a conflict")
        corrections.append(correction)
    return minimal_conflict(everything, can_be_met)


def _smallest_hitting(families: list[Part], count: int) -> Part:
    """A smallest set with a member in each family."""
    if not families:
        return np.zeros(count, dtype=bool)
    found = optimize.milp(
        np.ones(count),
        integrality=np.ones(count),
        bounds=optimize.Bounds(0, 1),
        constraints=optimize.LinearConstraint(np.array(families, dtype=np.float64), 1, np.inf),
        options={"mip_rel_gap": 0.0},
    )
    return np.asarray(found.x) > 0.5


def _enlarged(part: Part, everything: Part, can_be_met: Callable[[Part], bool]) -> Part:
    """Add demands while they can be met, whole blocks at a time, halving a block that cannot."""
    held = part.copy()

    def add(places: np.ndarray) -> None:
        wider = held.copy()
        wider[places] = True
        if can_be_met(wider):
            held[places] = True
        elif len(places) > 1:
            add(places[: len(places) // 2])
            add(places[len(places) // 2 :])

    missing = np.flatnonzero(everything & ~part)
    if len(missing):
        add(missing)
    return held


def minimal_conflict(everything: Part, can_be_met: Callable[[Part], bool]) -> Part:
    """A set of demands that cannot be met together, of which none can be left out.

    Divide and conquer (Junker, 2004): O(s log(m / s)) questions for s of m demands; earlier
    demands are preferred.
    """

    def search(base: Part, is_new: bool, rest: np.ndarray) -> np.ndarray:
        if is_new and not can_be_met(base):
            return rest[:0]
        if len(rest) == 1:
            return rest
        half = len(rest) // 2
        right = search(_with(base, rest[:half]), half > 0, rest[half:])
        left = search(_with(base, right), len(right) > 0, rest[:half])
        return np.concatenate([left, right])

    nothing = np.zeros_like(everything)
    return _with(nothing, search(nothing, False, np.flatnonzero(everything)))


def _with(part: Part, places: np.ndarray | list[int]) -> Part:
    wider = part.copy()
    wider[places] = True
    return wider


def refuse(pool: Pool, limits: Limits) -> NoReturn:
    """Raise `InfeasibleError` naming the smallest set of demands at odds, and ways out."""
    demands = Demands(pool, limits)
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
        where="; ".join(found[:NAMED]),
        remedy=" or ".join(_ways_out(demands, part)[:NAMED]),
    )


def _in_words(demands: Demands, asks: list[Ask]) -> list[str]:
    """Demands by the names and values of the settings; a list's rows as one."""
    ids, names = demands.pool.ids, demands.pool.group_names
    unit = "tokens" if demands.limits.in_tokens else "rows"
    words: dict[str, Callable[[Ask], str]] = {
        "budget": lambda ask: f"choose.budget = {ask.number} {unit}",
        "floor": lambda ask: f"choose.group_floors {names[int(ask.about)]!r} = {ask.number}",
        "cap": lambda ask: f"choose.group_caps {names[int(ask.about)]!r} = {ask.number}",
        "distance": lambda ask: f"choose.min_distance = {ask.number}{_apart(demands)}",
        "quality": lambda ask: f"choose.min_quality = {ask.number}",
        "rule": lambda ask: f"rows shut out as {ask.about}",
        "preselected": lambda _: f"choose.preselected ({len(demands.limits.preselected)} rows)",
    }
    found = [words[ask.kind](ask) for ask in asks if ask.kind in words]
    for kind in ("include", "exclude"):
        rows = [str(ids[int(ask.about)]) for ask in asks if ask.kind == kind]
        if rows:
            more = f" and {len(rows) - NAMED} more rows" if len(rows) > NAMED else ""
            found.append(f"choose.must_{kind} {', '.join(map(repr, rows[:NAMED]))}{more}")
    return found


def _apart(demands: Demands) -> str:
    if demands.pair is None:
        return ""
    return f" ({_distance(demands):.6g} apart)"


def _distance(demands: Demands) -> float:
    one, other = demands.pool.vectors[list(demands.pair or ())].astype(np.float64)
    return float(1.0 - one @ other)


def _ways_out(demands: Demands, part: Part) -> list[str]:
    """What change of a single demand would end the conflict."""
    names, ways = demands.pool.group_names, []
    for place in np.flatnonzero(part).tolist():
        ask = demands.asks[place]
        if ask.kind == "budget":
            ways.append(f"raise choose.budget to {_threshold(demands, part, place):,}")
        elif ask.kind == "cap":
            least = _threshold(demands, part, place)
            ways.append(f"raise choose.group_caps {names[int(ask.about)]!r} to {least:,}")
        elif ask.kind == "floor":
            most = _threshold(demands, part, place)
            ways.append(f"lower choose.group_floors {names[int(ask.about)]!r} to {most:,}")
        elif ask.kind == "distance":
            ways.append(f"lower choose.min_distance to {max(0.0, _distance(demands)):.6g}")
        elif ask.kind == "quality":
            ways.append("lower choose.min_quality")
        elif ask.kind == "preselected":
            ways.append("shorten choose.preselected")
    for kind in ("include", "exclude"):
        if any(demands.asks[place].kind == kind for place in np.flatnonzero(part)):
            ways.append(f"shorten choose.must_{kind}")
    return ways


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
