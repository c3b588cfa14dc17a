"""Stage `previous`: promoted/<previous.run> -> previous_selection.parquet, previous.json.

What later stages compare with lies in artifacts/ afterwards, tracked like every other table: a run
can be rebuilt where the promoted folders are not.
"""

from pathlib import Path
from typing import Final

import polars as pl

from schemas.errors import SettingsError
from schemas.manifest import Manifest
from schemas.params import Params
from schemas.tables import PreviousSelection, check
from tasks.stage import Paths, run_stage, write_manifest
from tasks.storage.rows import read_rows, write_rows

VERSION: Final = "1.0.0"  # DVC reads this line; raise it when equal input may give other output
COLUMNS: Final = {
    "id": pl.String,
    "rank": pl.Int64,
    "source": pl.String,
    "content_sha256": pl.String,
}


def run(params: Params, paths: Paths) -> Manifest:
    """Copy what the named run selected; empty tables if `previous.run` names none."""
    chosen = pl.DataFrame(schema=COLUMNS)
    if params.previous.run:
        folder = promoted_folder(paths, params.previous.run)
        chosen = read_rows(folder / "selected.parquet", list(COLUMNS)).sort("id")
    write_rows(paths.table("previous_selection"), check(PreviousSelection, chosen))
    manifest = Manifest(
        stage="previous",
        version=VERSION,
        params={"run": params.previous.run},
        rows={"previous_selection": len(chosen)},
    )
    return write_manifest(paths, manifest, outputs=(paths.table("previous_selection"),))


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
