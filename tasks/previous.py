"""Stage `previous`: promoted/<previous.run> -> previous_*.parquet, previous.json.

What later stages compare with lies in artifacts/ afterwards, tracked like every other table: a run
can be rebuilt where the promoted folders are not.
"""

from pathlib import Path
from typing import Final

import polars as pl

from schemas.errors import SettingsError
from schemas.manifest import Manifest
from schemas.params import Params
from schemas.tables import PreviousSelection, Profile, Survival, check
from tasks.stage import Paths, run_stage, write_manifest
from tasks.storage.rows import read_rows, write_rows

VERSION: Final = "1.1.0"  # DVC reads this line; raise it when equal input may give other output
COLUMNS: Final = {
    "id": pl.String,
    "rank": pl.Int64,
    "source": pl.String,
    "content_sha256": pl.String,
}
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
    profile, survival = pl.DataFrame(schema=PROFILE), pl.DataFrame(schema=SURVIVAL)
    if params.previous.run:
        folder = promoted_folder(paths, params.previous.run)
        chosen = read_rows(folder / "selected.parquet", list(COLUMNS)).sort("id")
        profile = _read(folder / "profile.parquet", profile)
        survival = _read(folder / "survival.parquet", survival)
    write_rows(paths.table("previous_selection"), check(PreviousSelection, chosen))
    write_rows(paths.table("previous_profile"), check(Profile, profile))
    write_rows(paths.table("previous_survival"), check(Survival, survival))
    manifest = Manifest(
        stage="previous",
        version=VERSION,
        params={"run": params.previous.run},
        rows={
            "previous_selection": len(chosen),
            "previous_profile": len(profile),
            "previous_survival": len(survival),
        },
    )
    outputs = ("previous_selection", "previous_profile", "previous_survival")
    return write_manifest(paths, manifest, outputs=tuple(map(paths.table, outputs)))


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
