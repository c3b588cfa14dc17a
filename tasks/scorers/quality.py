"""One `quality` from several columns: ranks, each turned so that higher is better, averaged."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Float

from schemas.errors import SettingsError
from tasks.scorers.contract import Column, Direction

Values = Float[np.ndarray, " n"]


@dataclass(frozen=True)
class Quality:
    """The combination, and what a reader should know about it.

    `constant`: columns with one value only, which rank every row 0.5. `unscored_rows`: rows without
    a value in any column, which get 0. `spearman`: rank correlation of each pair of columns in
    their better direction, over the rows that have both; None where one of them is constant.
    """

    values: Values
    constant: list[str]
    unscored_rows: int
    spearman: dict[str, dict[str, float | None]]


def check_weights(weights: Mapping[str, float], columns: Mapping[str, Column]) -> None:
    """Raise `SettingsError` for an unknown or undirected column, a bad weight, or no weight."""
    usable = sorted(name for name, column in columns.items() if column.direction != "neither")
    for name, weight in weights.items():
        if name not in usable:
            known = "has no better end" if name in columns else "does not exist"
            raise SettingsError(
                f"score.quality_weights names {name!r}, a column that {known}",
                expected="some of " + ", ".join(usable),
                where="score.quality_weights",
                remedy="name one of the columns above; tasks/scorers says what each means",
            )
        if not 0 <= weight < np.inf:  # NaN too
            raise SettingsError(
                f"the weight of {name!r} is {weight}",
                expected="a finite number, 0 or more",
                where="score.quality_weights",
            )
    if not any(weights.values()):
        raise SettingsError(
            "every quality weight is 0",
            expected="at least one column with a weight above 0",
            where="score.quality_weights",
        )


def combine(
    scores: Mapping[str, Values],
    weights: Mapping[str, float],
    columns: Mapping[str, Column],
    rows: int,
) -> Quality:
    """Weighted mean of each row's ranks (average rank - 0.5) / n, over the columns it has.

    Every rank lies in (0, 1), so the result does too, but for rows without any value: 0.
    """
    names = sorted(name for name, weight in weights.items() if weight > 0)  # order fixes the bits
    turned = {name: _turned(scores[name], columns[name].direction) for name in names}
    total, weight = np.zeros(rows), np.zeros(rows)
    for name, values in turned.items():
        present = ~np.isnan(values)
        total[present] += weights[name] * _ranks(values[present])
        weight[present] += weights[name]
    quality = np.divide(total, weight, out=np.zeros(rows), where=weight > 0)
    constant = [name for name, values in turned.items() if _is_constant(values)]
    spearman = {a: {b: _spearman(turned[a], turned[b]) for b in names} for a in names}
    return Quality(np.round(quality, 6), constant, int((weight == 0).sum()), spearman)


def _turned(values: Values, direction: Direction) -> Values:
    if direction == "middle":
        present = values[~np.isnan(values)]
        middle = np.median(present) if len(present) else np.nan
        # Two values as far from the median must tie, whatever the last bit of the subtraction.
        distance: Values = -np.round(np.abs(values - middle), 6)
        return distance
    return -values if direction == "lower" else values


def _ranks(values: Values) -> Values:
    mid_ranks = pl.Series(values).rank("average").to_numpy()  # equal values share their mean rank
    ranks: Values = (mid_ranks - 0.5) / max(len(values), 1)
    return ranks


def _is_constant(values: Values) -> bool:
    present = values[~np.isnan(values)]
    return len(present) > 0 and bool((present == present[0]).all())


def _spearman(a: Values, b: Values) -> float | None:
    both = ~np.isnan(a) & ~np.isnan(b)
    if not both.any() or _is_constant(a[both]) or _is_constant(b[both]):
        return None
    x, y = _ranks(a[both]) - 0.5, _ranks(b[both]) - 0.5
    # sum() and not a dot product: its bits do not depend on the number of BLAS threads.
    return round(float((x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum())), 6)
