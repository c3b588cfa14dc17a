"""A sweep over the diversity weight at several budgets: fronts, controls, knee."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from schemas.errors import SettingsError
from tasks.metrics import METRICS
from tasks.proving.front import front_of, hypervolume, ranked_front

QUALITY: Final = "mean_quality"
SELECTED: Final = "selected"
CONTROLS: Final = ("uniform", "stratified", "top_quality", "diversity_only")
FEWEST: Final = 3  # points on a front that make a knee
UNASKED: Final = (
    "chosen by quality and diversity in the pool alone, no held-out row was asked: "
    "gate.holdout_file names none"
)


@dataclass(frozen=True)
class Point:
    """One subset between quality and diversity, with 95 % intervals where there are any.

    `weight` is None for a control; `run` is the kept run of the settings that made it.
    """

    budget: str
    method: str
    weight: float | None
    run: str
    rows: int
    quality: float
    quality_low: float | None
    quality_high: float | None
    diversity: float
    diversity_low: float | None
    diversity_high: float | None


@dataclass(frozen=True)
class Confirmation:
    """What held-out rows say of one budget's knee; `words` tell all of it.

    `answers` hold subset (`uniform` or a run) and score, in the order asked. `spent` counts those
    that the held-out rows gave themselves, `left` what they still give of `budget`; both budgets
    are None where there are no such rows.
    """

    words: str = UNASKED
    is_confirmed: bool = False
    consumer: str = ""
    answers: tuple[dict[str, Any], ...] = ()
    spent: int = 0
    left: int | None = None
    budget: int | None = None


def diversity_metrics() -> list[str]:
    """Metrics that may stand on the axis of diversity: higher is better, and not quality."""
    return [name for name, kind in METRICS.items() if kind.better == "higher" and name != QUALITY]


def check_metric(name: str) -> None:
    """Raise `SettingsError` for a metric that cannot stand on the axis of diversity."""
    if name not in diversity_metrics():
        raise SettingsError(
            f"{name!r} is no measure of diversity",
            expected=f"one of {', '.join(diversity_metrics())}",
            where="--diversity",
        )


def point(table: pl.DataFrame, subset: str, diversity: str, **about: Any) -> Point:
    """Read one subset's place from a comparison table (`schemas.tables.Comparison`)."""
    of = {row["metric"]: row for row in table.filter(pl.col("subset") == subset).to_dicts()}
    quality, spread = of[QUALITY], of[diversity]
    return Point(
        **about,
        method=subset,
        rows=round(of["rows"]["value"]),
        quality=quality["value"],
        quality_low=quality["low"],
        quality_high=quality["high"],
        diversity=spread["value"],
        diversity_low=spread["low"],
        diversity_high=spread["high"],
    )


def reference_of(diversity: str) -> tuple[float, float]:
    """The corner that areas are measured from: no quality, and the least diversity, at least 0."""
    return 0.0, max(0.0, METRICS[diversity].bounds[0])


def analyse(points: Sequence[Point], diversity: str) -> dict[str, Any]:
    """Front, area and knee of every budget, in the order in which budgets come first."""
    budgets = list(dict.fromkeys(each.budget for each in points))
    return {
        "diversity": diversity,
        "label": METRICS[diversity].label,
        "reference": list(reference_of(diversity)),
        "budgets": [
            _budget([each for each in points if each.budget == budget], diversity)
            for budget in budgets
        ],
    }


def _budget(points: list[Point], diversity: str) -> dict[str, Any]:
    places = _places(points)
    front = {points[at] for at in front_of(places)}
    own = [each for each in points if each.weight is not None]
    own_places = _places(own)
    ranked = [own[at] for at in ranked_front(own_places)]
    on_own_front = len(front_of(own_places))
    reference = reference_of(diversity)
    return {
        "budget": points[0].budget,
        "knee": asdict(ranked[0]),
        "knee_rule": "furthest from the chord of the front, both axes scaled to [0, 1]"
        if on_own_front >= FEWEST
        else f"best quality: the front has {on_own_front} points, a knee needs {FEWEST}",
        "ranked": [each.run for each in ranked],
        "confirmation": asdict(Confirmation()),
        "hypervolume": round(hypervolume(own_places, reference), 6),
        "hypervolume_with_controls": round(hypervolume(places, reference), 6),
        "points": [{**asdict(each), "on_front": each in front} for each in points],
    }


def _places(points: Sequence[Point]) -> np.ndarray:
    return np.array([[each.quality, each.diversity] for each in points])
