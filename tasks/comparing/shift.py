"""How the make-up of a selection by groups moved: shares, distances, and tests for shared rows."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from jaxtyping import Float, Int
from scipy.special import chdtrc

NORMAL: Final = 1.959963984540054  # the 97.5 % quantile
LEAST_EXPECTED: Final = 5.0  # smaller groups are taken together in the chi-square (Cochran, 1954)
FORMULA: Final = (
    "interval of a share's difference: rows in both, gained and lost are three separate samples, "
    "each share with one row more in and out (Agresti and Caffo, 2000). Chi-square of selection by "
    "group, times (a + b) / (a + b - 2 both), because shared rows make the two selections alike; "
    "groups of fewer than 5 expected rows are taken together. p by Holm (1979): over the groups of "
    "all kinds, and over the kinds. p asks whether two selections of these sizes and overlap, "
    "drawn from one make-up, would differ so much"
)


@dataclass(frozen=True)
class Shift:
    """The shift by one kind of group.

    `groups`: one row per group (counts and shares in A and B, difference, low, high, p, p_holm).
    `total_variation` in [0, 1] is half the sum of differences; `jensen_shannon` in [0, 1] bits.
    `p` is null where fewer than two groups are large enough, or no row came or went. `left_out`
    counts rows without a known group, per side; `note` says how groups were found.
    """

    kind: str
    groups: pl.DataFrame
    total_variation: float
    jensen_shannon: float
    chi_square: float | None
    freedom: int
    p: float | None
    p_holm: float | None
    left_out: tuple[int, int]
    note: str = ""

    def data(self) -> dict[str, Any]:
        """Plain values of everything."""
        return {**self.__dict__, "groups": self.groups.to_dicts()}


def shift(kind: str, a: pl.DataFrame, b: pl.DataFrame, note: str = "") -> Shift:
    """Compare two selections (id, group); rows whose group is null are left out and counted."""
    left, right = (side.filter(pl.col("group").is_not_null()) for side in (a, b))
    cells = _cells(left, right)
    both, gained, lost = (cells[name].to_numpy().astype(np.int64) for name in _PARTS)
    of_a, of_b = both + lost, both + gained
    p_a, p_b = of_a / max(of_a.sum(), 1), of_b / max(of_b.sum(), 1)
    reach = NORMAL * np.sqrt(_variance(both, gained, lost))
    scale = _scale(both, gained, lost)
    p = np.array([_p_against_rest(pair, scale) for pair in _against_rest(of_a, of_b)])
    groups = pl.DataFrame({
        "group": cells["group"], "a": of_a, "b": of_b, "share_a": p_a, "share_b": p_b,
        "difference": p_b - p_a, "low": p_b - p_a - reach, "high": p_b - p_a + reach, "p": p,
    }).with_columns(pl.col("p").fill_nan(None), p_holm=pl.lit(None, pl.Float64))  # fmt: skip
    value, freedom = _chi_square(_pooled(np.stack([of_a, of_b], axis=1)))
    tested = bool(freedom) and scale > 0
    return Shift(
        kind,
        groups.sort((pl.col("difference")).abs(), "group", descending=[True, False]),
        float(np.abs(p_b - p_a).sum() / 2),
        jensen_shannon(p_a, p_b),
        value * scale if tested else None,
        freedom,
        float(_p(value * scale, freedom)) if tested else None,
        None,
        (len(a) - len(left), len(b) - len(right)),
        note,
    )


_PARTS: Final = ("both", "gained", "lost")


def _cells(a: pl.DataFrame, b: pl.DataFrame) -> pl.DataFrame:
    """Rows of each group in both selections, in B alone and in A alone.

    A row whose group is not the same in A and B is lost from one and gained by the other.
    """
    key = ["id", "group"]
    parts = {
        "both": a.join(b, on=key, how="semi"),
        "gained": b.join(a, on=key, how="anti"),
        "lost": a.join(b, on=key, how="anti"),
    }
    counted = [
        part.group_by("group").agg(rows=pl.len()).with_columns(part=pl.lit(name))
        for name, part in parts.items()
    ]
    wide = pl.concat(counted).pivot("part", index="group", values="rows")
    missing = [pl.lit(0).alias(name) for name in _PARTS if name not in wide.columns]
    return wide.with_columns(missing).fill_null(0).sort("group")


def _variance(both: Int[np.ndarray, " g"], gained: Any, lost: Any) -> Float[np.ndarray, " g"]:
    """Variance of share_b - share_a = both (1/b - 1/a) + gained / b - lost / a, each in sum."""
    a, b = max(int((both + lost).sum()), 1), max(int((both + gained).sum()), 1)
    weights = ((both, 1 / b - 1 / a), (gained, 1 / b), (lost, 1 / a))
    return np.sum([_spread(part) * weight**2 for part, weight in weights], axis=0)  # type: ignore


def _spread(part: Int[np.ndarray, " g"]) -> Float[np.ndarray, " g"]:
    total = part.sum()
    share = (part + 1) / (total + 2)
    return total * share * (1 - share)  # type: ignore[no-any-return]


def _scale(both: Any, gained: Any, lost: Any) -> float:
    """What the statistic is too small by because rows in both cannot differ; 0: none differs."""
    shared, apart = int(both.sum()), int(gained.sum() + lost.sum())
    return (2 * shared + apart) / apart if apart else 0.0


def _against_rest(a: np.ndarray, b: np.ndarray) -> Int[np.ndarray, "g 2 2"]:
    pairs = np.stack([a, b], axis=1)
    return np.stack([pairs, pairs.sum(axis=0) - pairs], axis=1)


def _p_against_rest(pair: Int[np.ndarray, "2 2"], scale: float) -> float:
    """The p of one group against all others; NaN where too few rows are expected."""
    if not scale or _expected(pair).min() < LEAST_EXPECTED:
        return float("nan")
    return _p(_chi_square(pair)[0] * scale, 1)


def _expected(table: Int[np.ndarray, "g 2"]) -> Float[np.ndarray, "g 2"]:
    total = max(int(table.sum()), 1)
    found: np.ndarray = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / total
    return found


def _pooled(table: Int[np.ndarray, "g 2"]) -> Int[np.ndarray, "h 2"]:
    """Take groups together whose expected count in either selection is too small."""
    small = _expected(table).min(axis=1) < LEAST_EXPECTED
    rest = table[small].sum(axis=0, keepdims=True)
    return np.concatenate([table[~small], rest]) if small.any() else table


def _chi_square(table: Int[np.ndarray, "g 2"]) -> tuple[float, int]:
    """Pearson's statistic and its degrees of freedom; (0, 0) where nothing can be compared."""
    table = table[table.sum(axis=1) > 0]
    if len(table) < 2 or not table.sum(axis=0).all():
        return 0.0, 0
    expected = _expected(table)
    return float((np.square(table - expected) / expected).sum()), len(table) - 1


def _p(statistic: float, freedom: int) -> float:
    return float(chdtrc(freedom, statistic))


def jensen_shannon(p: Float[np.ndarray, " g"], q: Float[np.ndarray, " g"]) -> float:
    """Divergence of two distributions in bits, 0 to 1 (Lin, 1991)."""
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [np.where(one > 0, one * np.log2(one / middle), 0.0) for one in (p, q)]
    return float(max(0.0, (terms[0] + terms[1]).sum() / 2))


def holm(p: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
    """Adjusted p of m tests (Holm, 1979); NaN stays and does not count."""
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted = np.full(len(p), np.nan)
    factor = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factor), 1.0)
    return adjusted


def adjusted(shifts: list[Shift]) -> list[Shift]:
    """Fill in Holm's p: over the groups of all shifts together, and over the shifts."""
    if not shifts:
        return []
    every = np.concatenate([one.groups["p"].cast(pl.Float64).to_numpy() for one in shifts])
    ends = np.cumsum([len(one.groups) for one in shifts])
    single = np.split(holm(every.astype(float)), ends[:-1])
    whole = holm(np.array([np.nan if one.p is None else one.p for one in shifts]))
    return [
        Shift(**{
            **one.__dict__,
            "groups": one.groups.with_columns(p_holm=pl.Series(p, nan_to_null=True)),
            "p_holm": None if np.isnan(total) else float(total),
        })
        for one, p, total in zip(shifts, single, whole, strict=True)
    ]  # fmt: skip


def tested(found: Shift) -> str:
    """The chi-square test of a shift in words."""
    if found.p is None:
        return "no test: too few rows changed, or too few groups are large enough"
    return (
        f"chi-square {found.chi_square:.2f} on {found.freedom}, p {found.p:.2g}, "
        f"by Holm {found.p_holm:.2g}"
    )
