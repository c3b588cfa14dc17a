"""Stage `measure`: the selection and its controls, at the same budget, on every metric."""

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from schemas.errors import ContractError
from schemas.manifest import Manifest
from schemas.params import Params
from schemas.tables import Comparison, check
from tasks.choose import load_pool
from tasks.engine.constraints import Limits
from tasks.engine.pool import Pool
from tasks.metrics import METRICS
from tasks.metrics.compare import Subset, compare
from tasks.metrics.shares import group_facts
from tasks.metrics.view import Rows, blocks_of
from tasks.selectors import Selector
from tasks.selectors.facility_location import FacilityLocation
from tasks.selectors.stratified import Stratified
from tasks.selectors.top_quality import TopQuality
from tasks.selectors.uniform import Uniform
from tasks.stage import Paths, run_stage, write_manifest
from tasks.storage.rows import read_rows, write_rows, write_text

VERSION: Final = "1.0.0"  # DVC reads this line; raise it when equal input may give other output
INPUTS: Final = ("documents", "vectors", "scores", "selection")
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
    eligible = eligible_rows(pool, limits)
    chosen = _places(pool, eligible, selection["id"].to_list())
    draws = {
        "selected": [chosen],
        **draw_controls(pool, limits, params.seed, params.measure.control_seeds),
    }
    place = np.full(len(pool), -1)  # of a pool row among the eligible ones
    place[eligible] = np.arange(len(eligible))
    subsets = [Subset(name, [place[draw] for draw in found]) for name, found in draws.items()]
    subsets.append(Subset("pool", [np.arange(len(eligible))]))
    rows = _rows(pool, eligible)
    table = pl.DataFrame(compare(rows, subsets), schema=_SCHEMA)
    _write(paths, check(Comparison, table), selection)
    manifest = Manifest(
        "measure",
        VERSION,
        {"seed": params.seed, **params.measure.model_dump()},
        rows={"comparison": len(table), "eligible": len(eligible), "selected": len(selection)},
        facts={
            "metrics": {name: metric.version for name, metric in METRICS.items()},
            "group_by": params.choose.group_by,
            **group_facts(rows, pool.group_names, subsets),
        },
    )
    outputs = (paths.table("comparison"), paths.json("metrics"))
    return write_manifest(paths, manifest, tuple(map(paths.table, INPUTS)), outputs)


def _places(pool: Pool, eligible: np.ndarray, ids: list[str]) -> np.ndarray:
    """Find selected ids in the pool; raises `ContractError` for one that may not be chosen."""
    places = np.searchsorted(pool.ids, np.array(ids, dtype=object)).clip(max=len(pool) - 1)
    sound = np.isin(places, eligible) & (pool.ids[places] == np.array(ids, dtype=object))
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
            selector(pool, limits, control_seed(seed, name, draw)).indices
            for draw in range(draws if name in RANDOM else 1)
        ]
        for name, selector in CONTROLS.items()
    }


def control_seed(seed: int, name: str, draw: int) -> int:
    """Seed of one draw: unlike the run's own seed, so that no control repeats the selection."""
    digest = hashlib.blake2b(f"{seed}/measure/{name}/{draw}".encode(), digest_size=7).digest()
    return int.from_bytes(digest)


def eligible_rows(pool: Pool, limits: Limits) -> np.ndarray:
    """Find the rows that could have been chosen: the pool that subsets are measured on."""
    open_rows = np.ones(len(pool), dtype=bool)
    open_rows[[*limits.closed, *limits.exclude]] = False
    return np.flatnonzero(open_rows)


def _rows(pool: Pool, eligible: np.ndarray) -> Rows:
    return Rows(
        vectors=pool.vectors[eligible],
        quality=pool.quality[eligible],
        cost=pool.cost[eligible],
        group=pool.group[eligible],
        groups=len(pool.group_names),
        block=blocks_of([str(pool.ids[index]) for index in eligible]),
    )


def _metrics_json(table: pl.DataFrame) -> str:
    nested: dict[str, dict[str, float]] = {}
    for row in table.iter_rows(named=True):
        nested.setdefault(row["subset"], {})[row["metric"]] = row["value"]
    return json.dumps(nested, indent=2) + "\n"


def _comparison_csv(table: pl.DataFrame) -> str:
    """One line per subset, one column per metric: what DVC's bar plots read."""
    nested = json.loads(_metrics_json(table))
    lines = [[name, *(values[metric] for metric in METRICS)] for name, values in nested.items()]
    return _csv(["subset", *METRICS], lines)


def _csv(header: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([header, *lines])
    return text.getvalue()


if __name__ == "__main__":
    run_stage("measure", run)
