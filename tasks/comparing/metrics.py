"""Change of every metric of comparison.parquet, with an interval of the difference."""

from typing import Final

import polars as pl

from tasks.comparing.side import Side

FORMULA: Final = (
    "difference +- sqrt(half_a^2 + half_b^2), half_a and half_b half the width of each run's own "
    "95 % interval: the two are taken as independent, which is too wide where runs share rows; "
    "each run is measured on its own pool"
)


def metric_changes(a: Side, b: Side) -> pl.DataFrame | None:
    """One row per (subset, metric) of either run: both values, the change and its interval.

    `verdict`: higher, lower (the interval leaves 0 out), unclear, no interval, missing (one run
    lacks it), equal; `better` says which direction is. None where a side has no comparison.
    """
    paths = [side.table("comparison") for side in (a, b)]
    if paths[0] is None or paths[1] is None:
        return None
    left, right = (pl.read_parquet(path).drop("draws") for path in paths if path)
    both = left.join(right, on=["subset", "metric"], how="full", suffix="_b", coalesce=True)
    half = ((pl.col("high") - pl.col("low")) / 2, (pl.col("high_b") - pl.col("low_b")) / 2)
    reach = (half[0].pow(2) + half[1].pow(2)).sqrt()
    found = both.with_columns(difference=pl.col("value_b") - pl.col("value"), reach=reach)
    change = pl.col("difference")
    verdict = (
        pl.when(change.is_null()).then(pl.lit("missing"))
        .when(change == 0).then(pl.lit("equal"))
        .when(pl.col("reach").is_null()).then(pl.lit("no interval"))
        .when(change > pl.col("reach")).then(pl.lit("higher"))
        .when(change < -pl.col("reach")).then(pl.lit("lower"))
        .otherwise(pl.lit("unclear"))
    )  # fmt: skip
    return found.select(
        "subset", "metric", a="value", b="value_b", difference="difference",
        low=change - pl.col("reach"), high=change + pl.col("reach"),
        better=pl.coalesce("better", "better_b"), verdict=verdict,
    ).sort("subset", "metric")  # fmt: skip
