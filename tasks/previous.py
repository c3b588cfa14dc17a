"""Stage `previous`: promoted/<previous.run> -> previous_*.parquet, previous.json.

The first is what this run's changes are told against. The second is what `choose` reads: empty
unless the settings let it count, so that a promotion makes nothing be selected anew without need.
What later stages compare with lies in artifacts/ afterwards, tracked like every other table: a run
can be rebuilt where the promoted folders are not.
"""

from pathlib import Path
from typing import Any, Final

import polars as pl

from schemas.errors import SettingsError
from schemas.manifest import Manifest
from schemas.params import Params
from schemas.tables import PreviousRows, PreviousSelection, Profile, Survival, check
from tasks.stage import Paths, run_stage, write_manifest
from tasks.storage.rows import read_rows, write_rows

VERSION: Final = "1.1.0"  # DVC reads this line; raise it when equal input may give other output
COLUMNS: Final = {
    "id": pl.String,
    "rank": pl.Int64,
    "source": pl.String,
    "content_sha256": pl.String,
}
LEDGER: Final = ["id", "verdict", "stage", "rule", "source"]
PROFILE: Final = {
    "id": pl.String,
    "content_sha256": pl.String,
    "source": pl.String,
    "kept": pl.Boolean,
    "encoder": pl.String,
    "quality": pl.Float64,
}
SURVIVAL: Final = {
    "source": pl.String,
    "read": pl.Int64,
    "kept": pl.Int64,
    "quarantined": pl.Int64,
}


def run(params: Params, paths: Paths) -> Manifest:
    """Copy what the named run selected and its profile; empty tables where there is none."""
    chosen = pl.DataFrame(schema=COLUMNS)
    ledger = pl.DataFrame(schema=dict.fromkeys(LEDGER, pl.String))
    profile, survival = pl.DataFrame(schema=PROFILE), pl.DataFrame(schema=SURVIVAL)
    if params.previous.run:
        folder = promoted_folder(paths, params.previous.run)
        chosen = read_rows(folder / "selected.parquet", list(COLUMNS)).sort("id")
        ledger = read_rows(folder / "decisions.parquet", LEDGER)
        profile = _read(folder / "profile.parquet", profile)
        survival = _read(folder / "survival.parquet", survival)
    rows = previous_rows(ledger, chosen)
    counted = chosen if params.choose.heeds_previous else chosen.clear()
    tables = {
        "previous_rows": check(PreviousRows, rows),
        "previous_selection": check(PreviousSelection, counted),
        "previous_profile": check(Profile, profile),
        "previous_survival": check(Survival, survival),
    }
    for name, table in tables.items():
        write_rows(paths.table(name), table)
    manifest = Manifest(
        stage="previous",
        version=VERSION,
        params={"run": params.previous.run, "heeded": params.choose.heeds_previous},
        rows={name: len(table) for name, table in tables.items()},
        facts={"selected": len(chosen), **answered(paths, params.previous.run)},
    )
    return write_manifest(paths, manifest, outputs=tuple(map(paths.table, tables)))


def previous_rows(ledger: pl.DataFrame, chosen: pl.DataFrame) -> pl.DataFrame:
    """One line per id of a ledger, of its best verdict, with the rank if it was selected."""
    best = [pl.col("verdict") != "kept", pl.col("stage") == "deduplicate"]
    first = ledger.sort("id", *best, "stage", "rule", "source").unique("id", keep="first")
    ranks = chosen.select("id", "rank", "content_sha256")
    return first.join(ranks, on="id", how="left").sort("id")


def answered(paths: Paths, run: str) -> dict[str, Any]:
    """What the gate of held-out rows was answered for the promoted run; empty if it was not."""
    gates = paths.promoted / run / "gates.json"
    if not (run and gates.exists()):
        return {}
    facts = Manifest.read(gates).facts
    return {"holdout": facts["holdout"]} if "holdout" in facts else {}


def _read(path: Path, empty: pl.DataFrame) -> pl.DataFrame:
    """A table of a promoted run; the empty one for a run promoted before there were gates."""
    return read_rows(path) if path.exists() else empty


def promoted_folder(paths: Paths, name: str) -> Path:
    """The folder of a promoted run; raises `SettingsError` with the names that exist."""
    folder = paths.promoted / name
    if folder.is_dir():
        return folder
    known = sorted(path.name for path in paths.promoted.glob("*") if not path.is_symlink())
    raise SettingsError(
        f"no promoted run is called {name!r}",
        expected="one of " + ", ".join(known) if known else "no name: nothing is promoted here",
        where="previous.run",
        remedy="name another one, or none: `winnow run --set previous.run=`",
    )


if __name__ == "__main__":
    run_stage("previous", run)
