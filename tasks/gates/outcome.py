"""What a gate says, and how many tests at once are kept from crying wolf."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

DECIMALS: Final = 6
FLOOR: Final = "source_floor"
HOLDOUT: Final = "holdout"
FROM_BELOW: Final = (FLOOR, HOLDOUT)  # gates whose limit is the least, not the most
BEYOND: Final = 2.0  # times a limit of zero
POWER: Final = 0.8  # with which a test finds the effect that it names as its smallest


@dataclass(frozen=True)
class Gate:
    """One gate of one run: it fails where `value` is beyond `limit` and, of a test, p is small.

    `p` and `p_limit` (Holm's) are null where nothing is tested; `detects` is the smallest effect
    that this many rows show with a power of 80 %.
    """

    name: str
    of: str
    value: float | None
    limit: float | None
    passed: bool
    words: str
    p: float | None = None
    p_limit: float | None = None
    detects: str = ""

    @property
    def share_of_limit(self) -> float:
        """How much of its limit the value takes up: 1 at the limit, 0 where nothing is measured."""
        if self.value is None or self.limit is None:
            return 0.0
        part, whole = self.value, self.limit
        if self.name in FROM_BELOW:
            part, whole = whole, part
        return max(0.0, part / whole) if whole else BEYOND * (part > 0)

    def record(self) -> dict[str, Any]:
        """The gate as data, its figures rounded."""
        told = {**asdict(self), "share_of_limit": float(self.share_of_limit)}
        return {name: rounded(value) for name, value in told.items()}


@dataclass(frozen=True)
class Test:
    """A test that is not decided yet: that depends on the others (Holm).

    `detects` says what it can find at a level; `words` what was compared with what result.
    """

    name: str
    of: str
    value: float
    limit: float
    p: float
    words: str
    detects: Callable[[float], str]


def rounded(value: Any) -> Any:
    """Six significant digits of a float, anything else as it is."""
    return float(f"{value:.{DECIMALS}g}") if isinstance(value, float) else value


def holm_levels(p_values: Sequence[float], alpha: float) -> list[float]:
    """The level that each p must not exceed, so that one false alarm among all has share alpha.

    Holm (1979): the k-th smallest of m is held against alpha / (m - k + 1), and none is rejected
    after the first that stands; that one's level is then the level of all that follow.
    """
    order = np.argsort(p_values, kind="stable")
    levels = np.empty(len(order))
    for place, test in enumerate(order):
        levels[test] = level = alpha / (len(order) - place)
        if p_values[test] > level:
            levels[order[place:]] = level
            break
    return [float(level) for level in levels]


def decided(tests: Sequence[Test], alpha: float) -> list[Gate]:
    """Decide all tests of a run together: one fails if its p is small AND its effect too large."""
    levels = holm_levels([test.p for test in tests], alpha)
    return [
        _decided(test, level, alpha / len(tests)) for test, level in zip(tests, levels, strict=True)
    ]


def _decided(test: Test, level: float, strictest: float) -> Gate:
    passed = not (test.p <= level and test.value > test.limit)
    return Gate(
        test.name,
        test.of,
        test.value,
        test.limit,
        passed,
        test.words + against(test.value, test.limit, passed),
        test.p,
        level,
        test.detects(strictest),
    )


def against(value: float, limit: float, passed: bool) -> str:
    """Say how a value stands to its limit: by how much too large, or that chance may do it."""
    if not passed:
        return f"; the limit is {limit:.4g}: too much by {value - limit:.4g}"
    if value > limit:
        return f"; above the limit of {limit:.4g}, but so few rows may do that by chance"
    return f"; the limit is {limit:.4g}"
