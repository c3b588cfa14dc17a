"""One side of a comparison: a run's artifacts, or a file that names selected rows and no more."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import polars as pl

from schemas.errors import SettingsError
from schemas.manifest import Manifest
from tasks.paths import Paths
from tasks.stage import manifest_path

LEDGER: Final = {  # what an explanation takes from the ledger
    "id": pl.String,
    "verdict": pl.String,
    "stage": pl.String,
    "rule": pl.String,
    "detail": pl.String,
    "gain": pl.Float64,
    "threshold": pl.Float64,
    "keeper_id": pl.String,
    "similarity": pl.Float64,
    "needed_quality": pl.Float64,
    "needed_budget_rows": pl.Float64,
}
PART: Final = {  # columns of a selection file that are of use; only id must be there
    "id": pl.String,
    "rank": pl.Int64,
    "source": pl.String,
    "content_sha256": pl.String,
}
FILES: Final = (".parquet", ".jsonl", ".jsonl.gz", ".jsonl.zst")


@dataclass(frozen=True)
class Side:
    """`selection` holds the selected ids; `folder` the run's artifacts, None for a mere file."""

    name: str
    selection: Path
    folder: Path | None = None

    def table(self, name: str) -> Path | None:
        """A table of the run, None where this side has none."""
        path = self.folder / f"{name}.parquet" if self.folder else None
        return path if path and path.exists() else None

    def manifest(self, stage: str) -> Manifest | None:
        """What a stage left beside its tables, None where this side has none."""
        if self.folder is None:
            return None
        path = self.folder / manifest_path(Paths(), stage).name
        return Manifest.read(path) if path.exists() else None

    @property
    def source_files(self) -> list[dict[str, Any]]:
        """Files the run read, with their hashes; none where this side does not say."""
        path = self.folder / "sources.json" if self.folder else None
        if not path or not path.exists():
            return []
        listed = json.loads(path.read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = listed["files"]
        return found + ([listed["reference"]] if listed.get("reference") else [])

    @cached_property
    def ledger(self) -> pl.LazyFrame | None:
        """Every decision of the run, with the columns of `LEDGER`."""
        path = self.table("decisions")
        return None if path is None else pl.scan_parquet(path).select(*LEDGER)

    @cached_property
    def contents(self) -> pl.DataFrame | None:
        """(id, content, source) of every document that no equal one stands for."""
        path = self.table("documents")
        if path is None:
            return None
        first = pl.scan_parquet(path).filter(pl.col("duplicate_of").is_null())
        return first.select("id", pl.col("content_sha256").alias("content"), "source").collect()

    @cached_property
    def chosen(self) -> pl.DataFrame:
        """(id, rank, content, source) of every selected row, by rank; null where not known."""
        part = _read(self.selection)
        if self.contents is not None:
            part = part.drop("content", "source").join(self.contents, on="id", how="left")
        return part.select("id", "rank", "content", "source").sort("rank", "id", nulls_last=True)


def _read(path: Path) -> pl.DataFrame:
    """Read a selection, whatever else its rows hold; raises `SettingsError` where ids are amiss."""
    try:
        frame = _some_columns(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0][:200]
        raise SettingsError(f"the selection cannot be read: {reason}", where=str(path)) from None
    found = frame.with_columns(
        pl.lit(None).cast(kind).alias(name) for name, kind in PART.items() if name not in frame
    ).select(pl.col(name).cast(kind) for name, kind in PART.items())
    wrong = "no id" if found["id"].null_count() else "repeated ids"
    if found["id"].null_count() or found["id"].is_duplicated().any():
        raise SettingsError(
            f"the selection has rows with {wrong}",
            expected="a column `id` that names each row once",
            where=str(path),
        )
    return found.rename({"content_sha256": "content"})


def _some_columns(path: Path) -> pl.DataFrame:
    if path.suffix == ".parquet":
        scan = pl.scan_parquet(path)
        return scan.select(name for name in scan.collect_schema() if name in PART).collect()
    return pl.read_ndjson(path, schema=PART)  # other keys may hold anything
