"""Stage `choose`: vectors + scores -> selection.parquet, rejected.parquet, choose.json."""

from typing import Any, Final

import numpy as np
import polars as pl

from schemas.errors import SettingsError
from schemas.manifest import Manifest
from schemas.params import Budget, ChooseParams, Params
from schemas.results import BELOW_MINIMUM, SELECTED, Selection
from schemas.tables import RejectedTable, SelectionTable, check
from tasks.documents import metadata_values
from tasks.engine.constraints import Limits
from tasks.engine.neighbours import nearest_in
from tasks.engine.pool import Pool
from tasks.methods import selector_of
from tasks.stage import Paths, run_stage, write_manifest
from tasks.storage.rows import read_rows, read_vectors, write_rows

VERSION: Final = "1.0.0"  # DVC reads this line; raise it when equal input may give other output
GAIN_DIGITS: Final = 9


def run(params: Params, paths: Paths) -> Manifest:
    """Choose a subset and say of every other row why it lost."""
    pool, limits = load_pool(params, paths)
    selector = selector_of(params.choose)
    selection = selector(pool, limits, params.seed)
    nearest, similarity = nearest_in(pool.vectors, pool.vectors[selection.indices])
    chosen = check(SelectionTable, selection_table(pool, limits, selection, nearest))
    rejected = check(RejectedTable, rejected_table(pool, selection, nearest, similarity))
    write_rows(paths.table("selection"), chosen)
    write_rows(paths.table("rejected"), rejected)
    manifest = Manifest(
        stage="choose",
        version=VERSION,
        params=params.choose.model_dump(),
        rows={"selection": len(chosen), "rejected": len(rejected)},
        facts={
            "selector": {**vars_of(selection), "draw": selector.draw, "seed": params.seed},
            "budget": {
                "unit": "tokens" if limits.in_tokens else "rows",
                "limit": limits.budget,
                "spent": int(chosen["tokens"].sum()) if limits.in_tokens else len(chosen),
                "tokens": int(chosen["tokens"].sum()),
            },
            "eligible": len(pool) - len(limits.closed) - len(limits.exclude),
            "totals": selection.totals,
        },
    )
    inputs = tuple(paths.table(name) for name in ("documents", "vectors", "scores"))
    outputs = (paths.table("selection"), paths.table("rejected"))
    return write_manifest(paths, manifest, inputs, outputs)


def vars_of(selection: Selection) -> dict[str, Any]:
    """Name, version and settings of what made a selection."""
    method = selection.method
    return {"name": method.name, "version": method.version, "settings": method.settings}


def load_pool(params: Params, paths: Paths) -> tuple[Pool, Limits]:
    """The rows to choose from, sorted by id, and what `choose` asks of a subset of them."""
    keys, vectors = read_vectors(paths.table("vectors"))
    scores = read_rows(paths.table("scores"), ["id", "quality", "cluster"])
    documents = read_rows(
        paths.table("documents"), ["id", "source", "metadata", "duplicate_of"]
    ).filter(pl.col("duplicate_of").is_null())
    rows = keys.join(scores, on="id", how="left", validate="1:1", maintain_order="left").join(
        documents, on="id", how="left", validate="1:1", maintain_order="left"
    )
    group_names, group = codes_of(rows, params.choose.group_by)
    by = params.choose.settings.get("by", "cluster")
    pool = Pool(
        ids=rows["id"].to_numpy().astype(object),
        vectors=vectors,
        quality=rows["quality"].to_numpy().astype(np.float64),
        cost=np.maximum(rows["tokens"].to_numpy(), 1),
        group=group,
        group_names=group_names,
        stratum=codes_of(rows, str(by))[1],
    )
    return pool, limits_of(params.choose, pool)


def codes_of(rows: pl.DataFrame, column: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Sorted distinct values of source, cluster or a metadata key, and each row's code."""
    if column in ("source", "cluster"):
        values = rows[column].cast(pl.String)
    else:
        values = metadata_values(rows["metadata"], column)
        if values.null_count() == len(values) and len(values):
            raise SettingsError(
                f"no row has the metadata key {column!r}",
                expected="source, cluster or a key of the records' other fields",
                where="choose.group_by or choose.settings.by",
            )
    # objects: a fixed-width array would be as wide as the longest value, and drop NULs at its end
    keys = values.fill_null("(none)").to_numpy().astype(object)
    names, codes = np.unique(keys, return_inverse=True)
    return tuple(str(name) for name in names), codes.astype(np.int64)


def limits_of(params: ChooseParams, pool: Pool) -> Limits:
    """Budget, floors, caps and lists as indices; raises `SettingsError` for what is not there."""
    exclude = indices_of(pool, params.must_exclude, "choose.must_exclude")
    include = indices_of(pool, params.must_include, "choose.must_include")
    low = np.flatnonzero(pool.quality < params.min_quality)
    listed = set(include) | set(exclude)
    closed = {int(index): BELOW_MINIMUM for index in low if index not in listed}
    eligible = len(pool) - len(closed) - len(exclude)
    budget = Budget.parse(params.budget)
    amount = int(budget.amount * eligible + 1e-9) if budget.unit == "share" else int(budget.amount)
    return Limits(
        budget=max(1, amount),
        in_tokens=budget.unit == "tokens",
        floors=groups_of(pool, params.group_floors, "choose.group_floors"),
        caps=groups_of(pool, params.group_caps, "choose.group_caps"),
        include=include,
        exclude=exclude,
        closed=closed,
    )


def indices_of(pool: Pool, ids: list[str], where: str) -> tuple[int, ...]:
    """Positions of row ids in the pool, sorted."""
    if not ids:
        return ()
    place = {row_id: index for index, row_id in enumerate(pool.ids)}
    unknown = [row_id for row_id in ids if row_id not in place]
    if unknown:
        raise SettingsError(
            f"{len(unknown)} ids are not in the pool, the first is {unknown[0]!r}",
            where=where,
            remedy="`winnow why ID` says what became of a row (a duplicate cannot be chosen)",
        )
    return tuple(sorted({place[row_id] for row_id in ids}))


def groups_of(pool: Pool, bounds: dict[str, int], where: str) -> dict[int, int]:
    """Bounds by group code; `*` stands for every group not named."""
    names = {name: code for code, name in enumerate(pool.group_names)}
    if negative := [name for name, bound in bounds.items() if bound < 0]:
        raise SettingsError(f"a bound of group {negative[0]!r} is below 0", where=where)
    unknown = sorted(set(bounds) - set(names) - {"*"})
    if unknown:
        raise SettingsError(
            f"no group is called {unknown[0]!r}",
            expected=f"one of {', '.join(list(names)[:20])}",
            where=where,
        )
    wide = bounds.get("*")
    return {
        code: bounds.get(name, wide)  # type: ignore[misc]
        for name, code in names.items()
        if name in bounds or wide is not None
    }


def selection_table(
    pool: Pool, limits: Limits, selection: Selection, nearest: np.ndarray
) -> pl.DataFrame:
    """One row per selected document, in order of choice."""
    included = set(limits.include)
    covers = np.bincount(nearest[nearest >= 0], minlength=len(selection.indices))
    return pl.DataFrame(
        {
            "id": pool.ids[selection.indices].astype(str),
            "rank": np.arange(1, len(selection.indices) + 1, dtype=np.int64),
            "gain": np.round(selection.gains, GAIN_DIGITS),
            "weight": selection.weights,
            "reason": ["must_include" if i in included else "gain" for i in selection.indices],
            "covers": covers[: len(selection.indices)].astype(np.int64),
            "tokens": pool.cost[selection.indices].astype(np.int64),
        },
        schema_overrides={"id": pl.String, "reason": pl.String},
    ).sort("id")


def rejected_table(
    pool: Pool, selection: Selection, nearest: np.ndarray, similarity: np.ndarray
) -> pl.DataFrame:
    """One row per document that was not selected, in order of id."""
    lost = np.flatnonzero(selection.status != SELECTED)
    some = len(selection.indices) > 0
    keepers = pool.ids[selection.indices[nearest[lost]]] if some else np.full(len(lost), None)
    return pl.DataFrame(
        {
            "id": pool.ids[lost].astype(str),
            "rule": selection.status[lost].astype(str),
            "final_gain": np.round(selection.final_gain[lost], GAIN_DIGITS),
            "is_bound": selection.gain_is_bound[lost],
            "nearest_kept_id": keepers,
            "nearest_kept_similarity": np.round(np.where(some, similarity[lost], np.nan), 6),
            "needed_quality": np.round(selection.needed_quality[lost], 6),
            "needed_budget_rows": selection.needed_budget_rows[lost],
        },
        schema_overrides={"id": pl.String, "rule": pl.String, "nearest_kept_id": pl.String},
        nan_to_null=True,
    )


if __name__ == "__main__":
    run_stage("choose", run)
