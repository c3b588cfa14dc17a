"""Stage `choose`: vectors + scores -> selection.parquet, rejected.parquet, choose.json."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from schemas.errors import SettingsError
from schemas.manifest import Manifest, file_digest
from schemas.params import Budget, ChooseParams, Params
from schemas.results import CONTAMINATED, SEMANTIC
from schemas.tables import RejectedTable, SelectionTable, check
from tasks.chosen import SEMANTIC_COLUMNS, facts_of, name_keepers, rejected_table, selection_table
from tasks.engine.constraints import Limits, eligible
from tasks.engine.near import nearest_kept
from tasks.engine.pool import Pool
from tasks.engine.watch import Watch
from tasks.features import features_of
from tasks.groups import Groups, by_columns, groups_of, joint_codes
from tasks.methods import selector_of
from tasks.selectors import Selector, needs_of
from tasks.stability import Search, Steadied, most_replacements, steadied
from tasks.stage import Paths, run_stage, write_manifest
from tasks.storage.progress import ProgressFiles
from tasks.storage.rows import read_rows, read_vectors, write_rows

VERSION: Final = "1.3.0"  # DVC reads this line; raise it when equal input may give other output


def run(params: Params, paths: Paths) -> Manifest:
    """Choose a subset and say of every other row why it lost.

    A run that is interrupted goes on from its last picks when it is started again.
    """
    pool, limits = load_pool(params, paths)
    selector = selector_of(params.choose)
    progress = ProgressFiles(paths.progress("choose"), lambda: work_key(params, paths, selector))
    watch = Watch(params.choose.time_limit_seconds, progress)
    selection = selector(pool, limits, params.seed, watch)
    steady = Steadied(selection)
    if params.choose.heeds_previous:
        previous = previous_rows(paths, pool)
        most = most_replacements(params.choose, int(eligible(pool, limits)[previous].sum()))
        search = Search(selector, pool, limits, params.seed, watch)
        steady = steadied(search, selection, previous, most)
        selection = steady.selection
    before = np.array(limits.preselected, dtype=np.int64)
    there = np.concatenate([selection.indices, before])  # whose coverage counts
    nearest, similarity = nearest_kept(pool.vectors, there)
    chosen = check(SelectionTable, selection_table(pool, limits, steady, nearest))
    rejected = rejected_table(pool, selection, there, nearest, similarity)
    rejected = check(
        RejectedTable, name_keepers(rejected, read_rows(paths.table("scores"), SEMANTIC_COLUMNS))
    )
    write_rows(paths.table("selection"), chosen)
    write_rows(paths.table("rejected"), rejected)
    facts = facts_of(pool, limits, selection, watch)
    facts |= {"stability": steady.facts} if steady.facts else {}
    facts["selector"] |= {"draw": selector.draw, "seed": params.seed}
    manifest = Manifest(
        stage="choose",
        version=VERSION,
        params=params.choose.model_dump(),
        rows={"selection": len(chosen), "rejected": len(rejected)},
        facts=facts,
    )
    outputs = (paths.table("selection"), paths.table("rejected"))
    manifest = write_manifest(paths, manifest, inputs_of(params, paths), outputs)
    if not watch.stopped:  # else a later start, with more time, goes on from there
        progress.remove()
    return manifest


def inputs_of(params: Params, paths: Paths) -> tuple[Path, ...]:
    """The tables that the stage reads."""
    previous = ("previous_selection",) if params.choose.heeds_previous else ()
    tables = ("documents", "vectors", "contaminated", "scores", *previous)
    return tuple(paths.table(name) for name in tables)


def previous_rows(paths: Paths, pool: Pool) -> np.ndarray:
    """Indices of the rows that the previous run selected with the content they have now, sorted."""
    before = read_rows(paths.table("previous_selection"), ["id", "content_sha256"])
    now = read_rows(paths.table("vectors"), ["id", "content_sha256"])
    same = before.join(now, on=["id", "content_sha256"], how="semi")["id"].sort()
    return np.searchsorted(pool.ids, same.to_numpy().astype(object)).astype(np.int64)


def work_key(params: Params, paths: Paths, selector: Selector) -> str:
    """A digest of all that decides the picks; the time limit decides only when they end."""
    settings = params.choose.model_dump(exclude={"time_limit_seconds"})
    inputs = [file_digest(path) for path in inputs_of(params, paths)]
    facts = [VERSION, selector.version, params.seed, settings, inputs]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def load_pool(params: Params, paths: Paths) -> tuple[Pool, Limits]:
    """The rows to choose from, sorted by id, and what `choose` asks of a subset of them."""
    keys, vectors = read_vectors(paths.table("vectors"))
    columns = ["id", "quality", "cluster", "semantic_keeper_id"]
    scores = read_rows(paths.table("scores"), columns)
    documents = read_rows(
        paths.table("documents"), ["id", "source", "metadata", "duplicate_of"]
    ).filter(pl.col("duplicate_of").is_null())
    rows = keys.join(scores, on="id", how="left", validate="1:1", maintain_order="left").join(
        documents, on="id", how="left", validate="1:1", maintain_order="left"
    )
    groups, group = groups_of(rows, params.choose.group_columns)
    selector = selector_of(params.choose)
    by = by_columns(params.choose.settings.get("by", "cluster"))
    pool = Pool(
        ids=rows["id"].to_numpy().astype(object),
        vectors=vectors,
        quality=rows["quality"].to_numpy().astype(np.float64),
        cost=np.maximum(rows["tokens"].to_numpy(), 1),
        group=group,
        group_names=groups.names,
        stratum=joint_codes(rows, by),
        features=features_of(rows, by) if "features" in needs_of(selector) else None,
    )
    double = np.flatnonzero(rows["semantic_keeper_id"].is_not_null().to_numpy())
    contaminated = read_rows(paths.table("contaminated"), ["id"])["id"]
    shut = np.flatnonzero(rows["id"].is_in(contaminated.implode()).to_numpy())
    return pool, limits_of(params.choose, pool, groups, double.tolist(), shut.tolist())


def limits_of(
    params: ChooseParams,
    pool: Pool,
    groups: Groups,
    double: Collection[int] = (),
    contaminated: Collection[int] = (),
) -> Limits:
    """Budget, floors, caps and lists as indices; raises `SettingsError` for what is not there.

    `double` holds rows for which another stands: not eligible unless they must be included.
    `contaminated` rows are not eligible, and it is an error to ask for one.
    """
    wanted = set(params.must_include)
    closed = {index: SEMANTIC for index in double if pool.ids[index] not in wanted}
    closed |= dict.fromkeys(contaminated, CONTAMINATED)
    refuse_contaminated(wanted & {pool.ids[index] for index in contaminated})
    limits = Limits(
        budget=1,
        floors=groups.bounds(params.group_floors, "choose.group_floors"),
        caps=groups.bounds(params.group_caps, "choose.group_caps"),
        include=indices_of(pool, params.must_include, "choose.must_include"),
        exclude=indices_of(pool, params.must_exclude, "choose.must_exclude"),
        min_quality=params.min_quality,
        closed=closed,
        preselected=indices_of(pool, params.preselected, "choose.preselected"),
        min_distance=params.min_distance,
    )
    budget, amount = Budget.parse(params.budget), 0
    if budget.unit == "share":
        amount = int(budget.amount * int(eligible(pool, limits).sum()) + 1e-9)
    else:
        amount = int(budget.amount)
    return replace(limits, budget=max(1, amount), in_tokens=budget.unit == "tokens")


def refuse_contaminated(wanted: set[str]) -> None:
    """Raise `SettingsError` if any row is both asked for and contaminated."""
    if wanted:
        raise SettingsError(
            f"{len(wanted)} rows of choose.must_include overlap with evaluation items, "
            f"the first is {min(wanted)!r}",
            expected="rows that share nothing with the files of decontaminate.evaluations",
            where="artifacts/contaminated.parquet names the items",
            remedy="take the rows off choose.must_include, or the file off "
            "decontaminate.evaluations",
        )


def indices_of(pool: Pool, ids: list[str], where: str) -> tuple[int, ...]:
    """Positions of row ids in the pool, sorted."""
    if not ids:
        return ()
    wanted = np.array(sorted(set(ids)), dtype=object)
    places = np.searchsorted(pool.ids, wanted).clip(max=max(0, len(pool) - 1))
    unknown = wanted[pool.ids[places] != wanted] if len(pool) else wanted
    if len(unknown):
        raise SettingsError(
            f"{len(unknown)} ids are not in the pool, the first is {unknown[0]!r}",
            where=where,
            remedy="`winnow why ID` says what became of a row (a duplicate cannot be chosen)",
        )
    return tuple(places.tolist())


if __name__ == "__main__":
    run_stage("choose", run)
