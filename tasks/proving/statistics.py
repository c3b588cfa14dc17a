"""Paired differences against uniform, with intervals, and what holds over the whole table.

Seed s means one replicate of the pool (90 % of its rows, so that a selector that draws nothing
varies too), one draw and one start of the consumer, the same replicate for all methods; of uniform,
which stands in every comparison, the mean of up to five draws where they are small. Differences
are paired by seed and by test row. The error has two parts, added: over seeds, and over blocks of
test rows (delete-a-group jackknife of the mean difference), since all seeds answer for the same
test rows. It does not hold what another pool from the same source would give.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.special import stdtr, stdtrit

from tasks.proving.records import Record, Summary

CONFIDENCE: Final = 0.95
DECIMALS: Final = 6
REFERENCES: Final = ("uniform", "full")  # not among the comparisons
BETTER, WORSE, SAME, REFERENCE = "better", "worse", "not told apart", "reference"


@dataclass(frozen=True)
class Difference:
    """Mean paired difference, its 95 % interval (not adjusted), two-sided p against 0."""

    mean: float
    low: float
    high: float
    p: float


def difference(
    by_seed: Float[np.ndarray, " s"], without_block: Float[np.ndarray, "s b"]
) -> Difference:
    """Student's t with s - 1 degrees of freedom, the variance that of seeds plus that of test rows.

    `without_block[s, b]` is the difference at seed s without block b of the test rows (no columns:
    the interval is about these test rows alone).
    """
    seeds, blocks = without_block.shape
    mean = float(by_seed.mean())
    variance = float(by_seed.var(ddof=1)) / seeds
    if blocks > 1:
        left_out = without_block.mean(axis=0)
        variance += (blocks - 1) / blocks * float(np.square(left_out - left_out.mean()).sum())
    error = float(np.sqrt(variance))
    if error < 1e-12:
        return Difference(mean, mean, mean, 1.0 if mean == 0 else 0.0)
    reach = float(stdtrit(seeds - 1, (1 + CONFIDENCE) / 2)) * error
    p = 2 * float(stdtr(seeds - 1, -abs(mean) / error))
    return Difference(mean, mean - reach, mean + reach, p)


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p values (Holm, 1979): any false one below a has a chance of at most a."""
    order = np.argsort(p, kind="stable")
    factors = np.arange(len(p), 0, -1)
    stepped = np.minimum(np.maximum.accumulate(np.asarray(p)[order] * factors), 1.0)
    adjusted = np.empty(len(p))
    adjusted[order] = stepped
    return [float(value) for value in adjusted]


def summarise(
    records: Sequence[Record], about: Mapping[str, tuple[str, str]], budgets: Sequence[float]
) -> list[Summary]:
    """One summary per budget, method and consumer that have records; `about` gives unit and better.

    The full pool, trained on once per seed, stands beside uniform at every budget.
    """
    cells: dict[tuple[float, str, str], dict[int, Record]] = defaultdict(dict)
    for record in records:
        at = budgets if record.method == "full" else [record.budget]
        for budget in at:
            cells[budget, record.method, record.consumer][record.seed] = record
    found = {key: _against(cell, cells[key[0], "uniform", key[2]]) for key, cell in cells.items()}
    compared = [key for key in found if key[1] not in REFERENCES]
    adjusted = dict(zip(compared, holm([found[key].p for key in compared]), strict=True))
    return [
        _summary(key, cells[key], found[key], about[key[2]], adjusted.get(key), len(compared))
        for key in found
    ]


def _against(cell: Mapping[int, Record], uniform: Mapping[int, Record]) -> Difference:
    seeds = sorted(set(cell) & set(uniform))
    pairs = [(cell[seed], uniform[seed]) for seed in seeds]
    by_seed = np.array([one.score - other.score for one, other in pairs])
    blocks = min(len(record.without_block) for pair in pairs for record in pair)
    ours, theirs = (
        np.array([pair[side].without_block[:blocks] for pair in pairs]).reshape(len(pairs), blocks)
        for side in (0, 1)
    )
    return difference(by_seed, ours - theirs)


def _summary(
    key: tuple[float, str, str],
    cell: Mapping[int, Record],
    found: Difference,
    about: tuple[str, str],
    p_adjusted: float | None,
    comparisons: int,
) -> Summary:
    records, (unit, better) = list(cell.values()), about
    return Summary(
        dataset=records[0].dataset,
        budget=key[0],
        method=key[1],
        consumer=key[2],
        unit=unit,
        better=better,
        seeds=len(records),
        score=_rounded(np.mean([record.score for record in records])),
        delta=_rounded(found.mean),
        low=_rounded(found.low),
        high=_rounded(found.high),
        p=_rounded(found.p),
        p_adjusted=_rounded(1.0 if p_adjusted is None else p_adjusted),
        comparisons=comparisons,
        verdict=_verdict(found.mean, better, p_adjusted),
        rows=_rounded(np.mean([record.rows for record in records])),
        tokens=_rounded(np.mean([record.tokens for record in records])),
    )


def _verdict(mean: float, better: str, p_adjusted: float | None) -> str:
    if p_adjusted is None:
        return REFERENCE
    if p_adjusted >= 1 - CONFIDENCE:
        return SAME
    return BETTER if (mean > 0) == (better == "higher") else WORSE


def _rounded(value: float | np.floating) -> float:
    return round(float(value), DECIMALS) + 0.0
