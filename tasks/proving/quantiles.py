"""The trap of quality scores: learn from each tenth of the rows by quality, and see which is best.

If the score says what a consumer needs, more quality is better all the way up. Often the rows at
the very top are alike, easy or odd, and a lower bin does better.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Final

import numpy as np
from jaxtyping import Float

from schemas.errors import SettingsError
from schemas.results import Selection
from tasks.engine.limits import Limits
from tasks.engine.pool import Pool
from tasks.engine.watch import Watch
from tasks.proving.candidates import REPLICATE_SHARE
from tasks.proving.engine import Tell, experiment
from tasks.proving.ledger import KnownScores
from tasks.proving.methods import CONTROLS, UNIFORM, Contender
from tasks.proving.plan import Experiment
from tasks.proving.records import Record
from tasks.proving.statistics import CONFIDENCE, Difference, difference, holm
from tasks.selectors.top_quality import TopQuality

BINS: Final = 10
OTHER_BIN: Final = "other_bin"  # the rule that shuts the other rows out


@dataclass(frozen=True)
class QualityBin:
    """The rows of one bin of the pool by rising quality, bins of equally many rows, ties by id.

    The budget is the bin: `limits` are not heeded.
    """

    version: ClassVar[str] = "1.0.0"
    draw: ClassVar[str] = "greedy"
    place: int  # 0 is the bin of the least quality
    bins: int = BINS

    def __call__(
        self,
        pool: Pool,
        limits: Limits,  # noqa: ARG002  # the bin is the limit
        seed: int,
        watch: Watch | None = None,
    ) -> Selection:
        """Choose the whole bin."""
        rising = np.argsort(pool.quality, kind="stable")
        inside = np.array_split(rising, self.bins)[self.place]
        others = np.setdiff1d(rising, inside)
        closed = dict.fromkeys(others.tolist(), OTHER_BIN)
        return TopQuality()(pool, Limits(max(1, len(inside)), closed=closed), seed, watch)


@dataclass(frozen=True)
class Curve:
    """Scores of one consumer by bin, lowest quality first, with 95 % intervals of each mean.

    `best` is the bin below the top one that beats it most, `gain` by how much (above 0 is better,
    whatever the unit), with the interval; `p_adjusted` is Holm's over the bins below the top.
    `trap` says whether that is told apart from 0 at 5 %: then the curve is not monotone.
    """

    consumer: str
    unit: str
    better: str
    quality: tuple[float, ...]
    score: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    uniform: float
    best: int
    gain: float
    gain_low: float
    gain_high: float
    p_adjusted: float
    trap: bool


def quantiles(plan: Experiment, known: KnownScores, tell: Tell, bins: int = BINS) -> dict[str, Any]:
    """Train every consumer of the plan on every bin; raises `SettingsError` for too few rows."""
    rows = len(plan.task.train)
    if rows * REPLICATE_SHARE < 2 * bins:
        raise SettingsError(
            f"{rows} rows are too few for {bins} bins by quality",
            expected=f"at least {int(np.ceil(2 * bins / REPLICATE_SHARE))}",
            where="--quantiles",
        )
    contenders = [Contender(_name(place), QualityBin(place, bins)) for place in range(bins)]
    budgets = [REPLICATE_SHARE / bins]  # so that uniform draws as many rows as a bin has
    own = replace(
        plan, contenders=[*contenders, Contender(UNIFORM, CONTROLS[UNIFORM])], budgets=budgets
    )
    records = experiment(replace(own, in_tokens=False), known, tell)
    quality = _quality(plan, bins)
    about = {name: (each.unit, each.better) for name, each in plan.consumers.items()}
    curves = [curve(records, name, about[name], quality) for name in plan.consumers]
    return {"bins": bins, "curves": [asdict(each) for each in curves]}


def curve(
    records: Sequence[Record], consumer: str, about: tuple[str, str], quality: Sequence[float]
) -> Curve:
    """One consumer's curve from its records, which hold every bin and uniform at every seed."""
    cells: dict[str, dict[int, Record]] = {}
    for record in records:
        if record.consumer == consumer:
            cells.setdefault(record.method, {})[record.seed] = record
    found = [_against(cells[_name(place)], None) for place in range(len(quality))]
    top = cells[_name(len(quality) - 1)]
    sign = 1.0 if about[1] == "higher" else -1.0
    gains = [_against(cells[_name(place)], top) for place in range(len(quality) - 1)]
    adjusted = holm([each.p for each in gains])
    best = int(np.argmax([sign * each.mean for each in gains]))
    ends = sorted((sign * gains[best].low, sign * gains[best].high))
    return Curve(
        consumer, *about, tuple(quality),
        score=tuple(each.mean for each in found),
        low=tuple(each.low for each in found),
        high=tuple(each.high for each in found),
        uniform=float(np.mean([record.score for record in cells[UNIFORM].values()])),
        best=best,
        gain=sign * gains[best].mean,
        gain_low=ends[0],
        gain_high=ends[1],
        p_adjusted=adjusted[best],
        trap=bool(sign * gains[best].mean > 0 and adjusted[best] < 1 - CONFIDENCE),
    )  # fmt: skip


def _name(place: int) -> str:
    return f"quality_bin_{place + 1}"


def _against(cell: Mapping[int, Record], other: Mapping[int, Record] | None) -> Difference:
    """Mean over seeds of a cell's score, less the other's if there is one, with its interval."""
    seeds = sorted(cell)
    scores, left_out = _scores(cell, seeds)
    if other is not None:
        theirs = _scores(other, seeds)
        scores, left_out = scores - theirs[0], left_out - theirs[1]
    return difference(scores, left_out)


def _scores(
    cell: Mapping[int, Record], seeds: Sequence[int]
) -> tuple[Float[np.ndarray, " s"], Float[np.ndarray, "s b"]]:
    """Scores by seed; and by seed without each block of test rows, the same blocks for all."""
    left_out = np.array([cell[seed].without_block for seed in seeds])
    return np.array([cell[seed].score for seed in seeds]), left_out.reshape(len(seeds), -1)


def _quality(plan: Experiment, bins: int) -> list[float]:
    """Mean quality of the bins of the whole pool."""
    rising = np.sort(plan.candidates.pool.quality)
    return [float(part.mean()) for part in np.array_split(rising, bins)]
