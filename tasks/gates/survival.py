"""Shares of records: how many of a source survive, how many are refused, against the run before.

Wilson's interval (1927) for a share and the square-and-add interval for a contrast of two
(Newcombe, 1998; Zou and Donner, 2008): a source of a few records fires only if beyond doubt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.gates.outcome import FLOOR, POWER, Gate, Test, against

FARTHEST: Final = 37.0  # deviations; beyond, the normal tail is no number any more


@dataclass(frozen=True)
class Share:
    """`part` of `whole` records."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        """The share itself, in [0, 1]; of nothing 0."""
        return self.part / self.whole if self.whole else 0.0

    def __str__(self) -> str:
        return f"{self.part:,} of {self.whole:,} records ({self.value:.1%})"


def wilson(share: Share, deviations: float) -> tuple[float, float]:
    """Wilson's interval for a share, at so many standard deviations."""
    n, p, square = share.whole, share.value, deviations**2
    middle = (p + square / (2 * n)) / (1 + square / n)
    reach = deviations / (1 + square / n) * np.sqrt(p * (1 - p) / n + square / (4 * n * n))
    return max(0.0, float(middle - reach)), min(1.0, float(middle + reach))


def p_below(now: Share, before: Share, factor: float = 1.0, margin: float = 0.0) -> float:
    """One-sided p of: the share now is at least `factor` times the one before, less `margin`.

    The level at which the upper bound of (now - factor * before + margin) comes to 0.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtr

    gap = now.value - factor * before.value + margin
    if gap >= 0:
        return 1.0

    def upper(deviations: float) -> float:
        rise = wilson(now, deviations)[1] - now.value
        fall = before.value - wilson(before, deviations)[0]
        return float(gap + np.hypot(rise, factor * fall))

    if upper(FARTHEST) < 0:
        return float(ndtr(-FARTHEST))
    return float(ndtr(-brentq(upper, 0.0, FARTHEST)))


def wipeout_test(source: str, now: Share, before: Share, limit: float) -> Test:
    """Test whether a source's survival (kept of read) fell by more than `limit`, relatively.

    A source of which nothing was read counts as if none of as many records had survived.
    """
    gone = not now.whole
    seen = Share(0, before.whole) if gone else now
    fall = 1 - seen.value / before.value if before.part else 0.0
    said = "no record read" if gone else f"{now} kept"
    return Test(
        "wipeout",
        source,
        fall,
        limit,
        p_below(seen, before, 1 - limit),
        f"{source}: {said}, {before} before, a fall of {max(fall, 0.0):.1%}",
        lambda level: _least_fall(seen.whole, before, limit, level),
    )


def _least_fall(records: int, before: Share, limit: float, level: float) -> str:
    """The smallest fall of survival that so many records show with a power of 80 %."""
    from scipy.special import betaincinv

    firing = _count_below(records, before, level, factor=1 - limit)
    if firing < 0:
        return "none: too few records"
    if firing >= records:
        return "any fall"
    survival = float(betaincinv(firing + 1, records - firing, 1 - POWER))
    return f"a fall of {1 - survival / before.value:.1%}"


def _count_below(
    records: int, before: Share, level: float, factor: float = 1.0, margin: float = 0.0
) -> int:
    """The largest count of `records` that is found to be below, by bisection; -1 if none is."""
    low, high = -1, records
    while low < high:
        middle = (low + high + 1) // 2
        if p_below(Share(middle, records), before, factor, margin) <= level:
            low = middle
        else:
            high = middle - 1
    return low


def quarantine_test(now: Share, before: Share, limit: float) -> Test:
    """Test whether the share of refused records rose by more than `limit`."""
    accepted, earlier = (Share(one.whole - one.part, one.whole) for one in (now, before))
    return Test(
        "quarantine_rise",
        "all records",
        now.value - before.value,
        limit,
        p_below(accepted, earlier, margin=limit),
        f"{now} refused, {before} before, a rise of {now.value - before.value:.2%}",
        lambda level: _least_rise(now.whole, before, limit, level),
    )


def _least_rise(records: int, before: Share, limit: float, level: float) -> str:
    """The smallest rise of the refused share that so many records show with a power of 80 %."""
    from scipy.special import betaincinv

    earlier = Share(before.whole - before.part, before.whole)
    firing = _count_below(records, earlier, level, margin=limit)
    if firing < 0:
        return "none: too few records"
    accepted = float(betaincinv(firing + 1, records - firing, 1 - POWER))
    return f"a rise of {1 - accepted - before.value:.2%}"


def quarantine_share(now: Share, limit: float) -> Gate:
    """Hold the share of refused records against a fixed limit."""
    passed = now.value <= limit
    words = f"{now} refused" + against(now.value, limit, passed)
    return Gate("quarantine_share", "all records", now.value, limit, passed, words)


def floor_gates(kept: Mapping[str, int], floors: Mapping[str, int]) -> list[Gate]:
    """Hold the kept rows of each source against its floor; `*` stands for every source there is."""
    general = {source: floors["*"] for source in kept if "*" in floors}
    wanted = {**general, **{source: floor for source, floor in floors.items() if source != "*"}}
    return [_floor(source, kept.get(source, 0), floor) for source, floor in sorted(wanted.items())]


def _floor(source: str, rows: int, floor: int) -> Gate:
    passed = rows >= floor
    lacking = "" if passed else f": {floor - rows:,} too few"
    words = f"{source}: {rows:,} rows kept; the floor is {floor:,}{lacking}"
    return Gate(FLOOR, source, float(rows), float(floor), passed, words)
