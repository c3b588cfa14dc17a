"""Stage `measure`: the selection and its controls, at the same budget, on every metric."""

import csv
import hashlib
import io
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import polars as pl

from schemas.errors import ContractError, InfeasibleError
from schemas.manifest import Manifest
from schemas.params import Params
from schemas.tables import Comparison, check
from tasks.choose import load_pool
from tasks.engine.cells import partition
from tasks.engine.constraints import Limits, eligible
from tasks.engine.pool import Pool
from tasks.metrics import ALL_METRICS
from tasks.metrics.compare import Subset, compare
from tasks.metrics.rows import BLOCKS, Rows, keys_of
from tasks.metrics.sampling import sampling_facts
from tasks.metrics.shares import group_facts
from tasks.metrics.source_distances import source_distances
from tasks.selectors import Selector
from tasks.selectors.facility_location import FacilityLocation
from tasks.selectors.stratified import Stratified
from tasks.selectors.top_quality import TopQuality
from tasks.selectors.uniform import Uniform
from tasks.stage import Paths, run_stage, write_manifest
from tasks.storage.rows import read_rows, write_rows, write_text

log = logging.getLogger("winnow")
VERSION: Final = "1.1.0"  # DVC reads this line; raise it when equal input may give other output
INPUTS: Final = ("documents", "vectors", "contaminated", "scores", "selection")
RANDOM: Final = ("uniform", "stratified")
CONTROLS: Final[dict[str, Selector]] = {
    "uniform": Uniform(),
    "stratified": Stratified(),
    "top_quality": TopQuality(),
    "diversity_only": FacilityLocation(diversity_weight=1.0),
}


def run(params: Params, paths: Paths) -> Manifest:
    """Write comparison.parquet, metrics.json and the plots' data."""
    pool, limits = load_pool(params, paths)
    selection = read_rows(paths.table("selection"), ["id", "rank", "gain"]).sort("rank")
    among = eligible_rows(pool, limits)
    chosen = _places(pool, among, selection["id"].to_list())
    draws = {
        "selected": [chosen],
        **draw_controls(pool, limits, params.seed, params.measure.control_seeds),
    }
    place = np.full(len(pool), -1)  # of a pool row among the eligible ones
    place[among] = np.arange(len(among))
    subsets = [Subset(name, [place[draw] for draw in found]) for name, found in draws.items()]
    subsets.append(Subset("pool", [np.arange(len(among))]))
    clusters = read_rows(paths.table("scores"), ["id", "cluster"]).sort("id")["cluster"]
    rows, names = _rows(pool, among, clusters.to_numpy())
    rows, target = _with_target(params, paths, rows)
    table = pl.DataFrame(compare(rows, subsets), schema=_SCHEMA)
    _write(paths, check(Comparison, table), selection)
    manifest = Manifest(
        "measure",
        VERSION,
        {"seed": params.seed, **params.measure.model_dump()},
        rows={"comparison": len(table), "eligible": len(among), "selected": len(selection)},
        facts={
            "metrics": {name: ALL_METRICS[name].version for name in _measured(table)},
            "sampling": sampling_facts(rows, len(chosen)),
            "source_distances": source_distances(rows, *_sources(paths, among)),
            "group_by": params.choose.group_by,
            **group_facts(rows, names, subsets),
            **target,
        },
    )
    read = [*map(paths.table, INPUTS), *([paths.json("target")] if target else [])]
    outputs = (paths.table("comparison"), paths.json("metrics"))
    return write_manifest(paths, manifest, tuple(read), outputs)


def _places(pool: Pool, among: np.ndarray, ids: list[str]) -> np.ndarray:
    """Find selected ids in the pool; raises `ContractError` for one that may not be chosen."""
    places = np.searchsorted(pool.ids, np.array(ids, dtype=object)).clip(max=len(pool) - 1)
    sound = np.isin(places, among) & (pool.ids[places] == np.array(ids, dtype=object))
    strangers = [row_id for row_id, is_sound in zip(ids, sound, strict=True) if not is_sound]
    if strangers:
        raise ContractError(
            "selected rows are not among the eligible ones",
            expected="every id of selection.parquet in vectors.parquet and scores.parquet",
            where=f"{len(strangers):,} ids, the first {strangers[0]!r}",
            remedy="run the stage `choose` again",
        )
    return places


def _write(paths: Paths, table: pl.DataFrame, selection: pl.DataFrame) -> None:
    write_rows(paths.table("comparison"), table)
    write_text(paths.json("metrics"), _metrics_json(table))
    write_text(paths.artifacts / "plots" / "comparison.csv", _comparison_csv(table))
    gains = selection.select("rank", "gain").rows()
    write_text(paths.artifacts / "plots" / "gains.csv", _csv(["rank", "gain"], gains))


_SCHEMA: Final = {
    "subset": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "interval": pl.String,
    "draws": pl.Int64,
    "better": pl.String,
}


def draw_controls(pool: Pool, limits: Limits, seed: int, draws: int) -> dict[str, list[np.ndarray]]:
    """Row indices of every control under the selection's own limits; random ones drawn often."""
    return {
        name: [
            draw_control(pool, limits, name, control_seed(seed, name, draw))
            for draw in range(draws if name in RANDOM else 1)
        ]
        for name in CONTROLS
    }


def draw_control(pool: Pool, limits: Limits, name: str, seed: int) -> np.ndarray:
    """One control; without the least distance if it comes to no floors at that distance."""
    try:
        return CONTROLS[name](pool, limits, seed).indices
    except InfeasibleError as error:
        if not limits.min_distance:
            raise
        log.info(f"control {name} is drawn without choose.min_distance: {error.problem}")
        return CONTROLS[name](pool, replace(limits, min_distance=0.0), seed).indices


def control_seed(seed: int, name: str, draw: int) -> int:
    """Seed of one draw: unlike the run's own seed, so that no control repeats the selection."""
    digest = hashlib.blake2b(f"{seed}/measure/{name}/{draw}".encode(), digest_size=7).digest()
    return int.from_bytes(digest)


def eligible_rows(pool: Pool, limits: Limits) -> np.ndarray:
    """Find the rows that could have been chosen: the pool that subsets are measured on."""
    return np.flatnonzero(eligible(pool, limits))


def _rows(pool: Pool, places: np.ndarray, clusters: np.ndarray) -> tuple[Rows, list[str]]:
    """The rows that subsets are measured on, and the names of their combinations of groups."""
    group, combinations = partition(pool.group)
    keys = keys_of([str(pool.ids[index]) for index in places])
    names = [", ".join(pool.group_names[code] for code in codes) for codes in combinations]
    rows = Rows(
        vectors=pool.vectors[places],
        quality=pool.quality[places],
        cost=pool.cost[places],
        group=group[places],
        groups=len(names),
        block=(keys % np.uint64(BLOCKS)).astype(np.int64),
        key=keys,
        cluster=np.unique(clusters[places], return_inverse=True)[1],
    )
    return rows, names


def _with_target(params: Params, paths: Paths, rows: Rows) -> tuple[Rows, dict[str, Any]]:
    """The rows with the target that the settings name, if any, and what the record says of it."""
    if not params.measure.target:
        return rows, {}
    from tasks.target import read_target  # loads the model's libraries, which others do without

    target, facts = read_target(params, paths, rows)
    return replace(rows, target=target), {"target": facts}


def _measured(table: pl.DataFrame) -> list[str]:
    """The metrics of the table, in the order of the registry."""
    there = set(table["metric"])
    return [name for name in ALL_METRICS if name in there]


def _sources(paths: Paths, places: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Source of each row that subsets are measured on, as a place in the list of names."""
    columns = ["id", "source", "duplicate_of"]
    documents = read_rows(paths.table("documents"), columns)
    embedded = read_rows(paths.table("vectors"), ["id"]).sort("id")
    kept = documents.filter(pl.col("duplicate_of").is_null())
    source = embedded.join(kept, on="id", how="left", maintain_order="left")["source"]
    names, code = np.unique(
        source.fill_null("").to_numpy()[places].astype(str), return_inverse=True
    )
    return code, names.tolist()


def _metrics_json(table: pl.DataFrame) -> str:
    nested: dict[str, dict[str, float]] = {}
    for row in table.iter_rows(named=True):
        nested.setdefault(row["subset"], {})[row["metric"]] = row["value"]
    return json.dumps(nested, indent=2) + "\n"


def _comparison_csv(table: pl.DataFrame) -> str:
    """One line per subset, one column per metric: what DVC's bar plots read."""
    nested = json.loads(_metrics_json(table))
    metrics = _measured(table)
    lines = [[name, *(values[metric] for metric in metrics)] for name, values in nested.items()]
    return _csv(["subset", *metrics], lines)


def _csv(header: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([header, *lines])
    return text.getvalue()


if __name__ == "__main__":
    run_stage("measure", run)
