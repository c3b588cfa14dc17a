"""The limits of `choose` recounted from the tables: what `validate` holds a subset to.

Nothing here reads what the search itself kept count of.
"""

from typing import Any, Final

import numpy as np
import polars as pl

from schemas.errors import ContractError
from schemas.params import Budget, ChooseParams
from tasks.engine.neighbours import nearest_in, nearest_neighbours
from tasks.groups import Groups, values_of
from tasks.stability import most_replacements
from tasks.stage import Paths
from tasks.storage.rows import read_vectors

DISTANCE_ROUNDING: Final = 2e-6  # two ways to multiply float32 vectors
Sizes = dict[tuple[str, str], int]  # rows by column and value


def group_sizes(ids: pl.Series, tables: dict[str, pl.DataFrame], columns: tuple[str, ...]) -> Sizes:
    """How many of some rows fall to each value of each column."""
    first = tables["documents"].filter(pl.col("duplicate_of").is_null())
    rows = first.join(tables["scores"].select("id", "cluster"), on="id", how="inner")
    own = rows["id"].is_in(ids.to_list())
    return {
        (column, value): count
        for column in columns
        for value, count in values_of(rows, column).filter(own).value_counts().iter_rows()
    }


def selected_rows(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """The subset with each row's quality and cost in tokens as the embedder counted it."""
    cost = tables["vectors"].select("id", cost=pl.col("tokens").clip(1))
    quality = tables["scores"].select("id", "quality")
    return tables["selection"].join(cost, on="id", how="left").join(quality, on="id", how="left")


def eligible_ids(tables: dict[str, pl.DataFrame], choose: ChooseParams) -> pl.Series:
    """Rows that could have been selected."""
    single = pl.col("semantic_keeper_id").is_null() | pl.col("id").is_in(choose.must_include)
    good = tables["scores"].filter(single, pl.col("quality") >= choose.min_quality)
    shut = [*choose.must_exclude, *choose.preselected, *tables["contaminated"]["id"]]
    return tables["vectors"].filter(~pl.col("id").is_in(shut)).join(good, on="id", how="semi")["id"]


def check_subset(
    chosen: pl.DataFrame, choose: ChooseParams, limit: int, sizes: Sizes, eligible: Sizes
) -> None:
    """Budget, caps, floors, lists and ranks of the subset, recounted from the tables."""
    in_tokens = Budget.parse(choose.budget).unit == "tokens"
    spent = int(chosen["cost"].sum()) if in_tokens else len(chosen)
    problems = []
    if without := chosen.filter(pl.col("cost").is_null())["id"].to_list():
        problems.append(f"selected rows have no vector: {without[:5]}")
    if spent > limit:
        problems.append(f"the subset costs {spent:,}, the budget is {limit:,}")
    if sorted(chosen["rank"]) != list(range(1, len(chosen) + 1)):
        problems.append("ranks do not run from 1 to the number of rows")
    if absent := sorted(set(choose.must_include) - set(chosen["id"])):
        problems.append(f"must-include rows are missing: {absent[:5]}")
    if present := sorted(set(choose.must_exclude) & set(chosen["id"])):
        problems.append(f"must-exclude rows are there: {present[:5]}")
    if again := sorted(set(choose.preselected) & set(chosen["id"])):
        problems.append(f"preselected rows are selected again: {again[:5]}")
    poor = set(chosen.filter(pl.col("quality") < choose.min_quality)["id"])
    if poor := poor - set(choose.must_include):
        problems.append(f"rows below choose.min_quality are there: {sorted(poor)[:5]}")
    problems += group_problems(sizes, eligible, choose)
    if problems:
        raise ContractError("the subset breaks its limits", where="\n    ".join(problems))


def check_clean(chosen: pl.DataFrame, contaminated: pl.DataFrame) -> None:
    """No selected row overlaps with an evaluation item."""
    both = chosen.join(contaminated, on="id", how="semi")["id"].sort().to_list()
    if both:
        raise ContractError(
            f"{len(both)} selected rows overlap with evaluation items",
            expected="none of the rows of contaminated.parquet",
            where=f"the first are {both[:5]}",
            remedy="run the stage `choose` again",
        )


def group_problems(sizes: Sizes, eligible: Sizes, choose: ChooseParams) -> list[str]:
    """Caps exceeded and floors not reached, by groups with eligible or selected rows."""
    groups = Groups(choose.group_columns, tuple(sorted({*sizes, *eligible})))
    problems = []
    for column, value in groups.pairs:
        name, found = groups.name(column, value), sizes.get((column, value), 0)
        cap = groups.bound(choose.group_caps, column, value)
        floor = groups.bound(choose.group_floors, column, value) or 0
        if cap is not None and found > cap:
            problems.append(f"group {name!r} has {found} rows, its cap is {cap}")
        if found < floor:
            problems.append(f"group {name!r} has {found} rows, its floor is {floor}")
    asked = {name for name, floor in choose.group_floors.items() if floor > 0}
    for name in sorted(asked - set(groups.names)):
        if not name.endswith("*"):
            problems.append(f"group {name!r} has 0 rows, its floor is {choose.group_floors[name]}")
    return problems


def check_distance(paths: Paths, chosen: pl.Series, choose: ChooseParams) -> None:
    """Selected rows are far enough from each other and from the preselected ones."""
    if not choose.min_distance or chosen.is_empty():
        return
    keys, vectors = read_vectors(paths.table("vectors"))
    own = vectors[keys["id"].is_in(chosen.to_list()).to_numpy()]
    others = vectors[keys["id"].is_in(choose.preselected).to_numpy()]
    near = [
        nearest_in(own, others)[1],
        np.nan_to_num(nearest_neighbours(own, 1).similarity, nan=-1),
    ]
    highest = max(float(found.max()) for found in near)
    if 1.0 - highest < choose.min_distance - DISTANCE_ROUNDING:
        raise ContractError(
            f"two rows of the subset, or one and a preselected row, are {1.0 - highest:.6f} apart",
            expected=f"at least {choose.min_distance} (choose.min_distance)",
        )


def check_replacements(
    tables: dict[str, pl.DataFrame],
    eligible: pl.Series,
    choose: ChooseParams,
    facts: dict[str, Any],
) -> None:
    """No more rows of the previous run were replaced than the settings allow.

    `facts` is what `choose` says of its bound: rows that the limits forced out do not count, and
    where it was not to be held the run said so.
    """
    if not choose.heeds_previous or not facts["held"]:
        return
    same = tables["previous_selection"].join(
        tables["vectors"], on=["id", "content_sha256"], how="semi"
    )
    may = {*eligible.to_list(), *choose.must_include}  # these whatever their quality
    among = same.filter(pl.col("id").is_in(list(may)))
    left = among.join(tables["selection"], on="id", how="anti")
    most = most_replacements(choose, len(among))
    if len(left) - facts["forced_out"] > most:
        raise ContractError(
            f"{len(left)} of {len(among)} rows of the previous run that are still eligible were "
            f"left out, {facts['forced_out']} of them because no limit let them stay",
            expected=f"at most {most} others (choose.stability, choose.max_replacements)",
            where=str(left["id"].head(5).to_list()),
        )
