"""The files of a run to promote: found by its dvc.lock, copied whole into its own folder."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from flows.git import git
from flows.promotion import folder
from flows.record import RUN_FILES, Recorded
from flows.repro import LockedOut, outputs, parse_lock
from flows.repro.cached import file
from schemas.errors import SettingsError, WinnowError
from schemas.manifest import file_digest
from schemas.tables import Selected, check
from tasks.documents import document_batches
from tasks.paths import Paths
from tasks.storage.rows import read_rows, write_rows, write_text

COPIED: Final = (
    "selection.parquet",
    "decisions.parquet",
    "profile.parquet",
    "survival.parquet",
    "gates.json",
)
TEXTS: Final = ("id", "source", "content_sha256", "text", "metadata")


@dataclass(frozen=True)
class RunFiles:
    """A run by its name, the commit that keeps it, its params.yaml and its dvc.lock."""

    name: str
    commit: str
    params: bytes
    lock: bytes

    @classmethod
    def of(cls, run: Recorded) -> "RunFiles":
        """The files of a kept run, as its commit has them."""
        asked = (git("cat-file", "--filters", f"{run.commit}:./{name}") for name in RUN_FILES)
        return cls(run.name, run.commit, *asked)

    @classmethod
    def in_folder(cls, place: Path) -> "RunFiles":
        """The files of a run that was promoted, as its folder has them."""
        commit = json.loads((place / "promotion.json").read_text(encoding="utf-8"))["commit"]
        return cls(place.name, commit, *((place / name).read_bytes() for name in RUN_FILES))

    def paths(self, names: Sequence[str]) -> dict[str, Path]:
        """Where these artifacts of the run lie, bytes checked; fetched from the remote if need be.

        Raises `WinnowError` for one that the run has not or that cannot be had.
        """
        outs = [self._locked(name) for name in names]
        missing = [out for out in outs if file(out.path, out.md5) is None]
        if missing:
            outputs.fetch(missing)
        found = {name: file(out.path, out.md5) for name, out in zip(names, outs, strict=True)}
        damaged = sorted(name for name, place in found.items() if place is None)
        if damaged:
            raise WinnowError(
                f"artifacts of run {self.name} are damaged in DVC's cache",
                where=", ".join(damaged),
                remedy="`winnow verify` or `dvc repro --force` makes them again",
            )
        return {name: place for name, place in found.items() if place is not None}

    def _locked(self, name: str) -> LockedOut:
        outs = {out.path: out for out in parse_lock(self.lock.decode("utf-8"))}
        if f"artifacts/{name}" not in outs:
            raise WinnowError(
                f"run {self.name} has no {name}: it was made before there were gates",
                remedy="run again with its settings, then promote that run",
            )
        return outs[f"artifacts/{name}"]

    def gates(self) -> dict[str, Any]:
        """The manifest of the run's stage `gate`."""
        place = self.paths(["gates.json"])["gates.json"]
        found: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
        return found

    def is_promoted(self, paths: Paths) -> bool:
        """Whether the run has its folder; raises `SettingsError` if another run has that name."""
        place = paths.promoted / self.name
        if not place.exists():
            return False
        lock = place / "dvc.lock"
        if not lock.exists() or lock.read_bytes() != self.lock:
            raise SettingsError(
                f"another run was promoted under the name {self.name!r}",
                where=str(place),
                remedy="`dvc exp rename` gives this one another name",
            )
        return True


def write_run(paths: Paths, run: RunFiles, forced: str, failed: Sequence[str]) -> None:
    """Make promoted/<run>/: tables, settings, gates, and promotion.json with every digest."""
    found = run.paths([*COPIED, "documents.parquet"])
    with folder.new_folder(paths, run.name) as place:
        for name in COPIED:
            shutil.copyfile(found[name], place / name)
        write_rows(place / "selected.parquet", selected(found))
        for name, content in zip(RUN_FILES, (run.params, run.lock), strict=True):
            (place / name).write_bytes(content)
        promotion = {
            "run": run.name,
            "commit": run.commit,
            "when": folder.now(),
            "by": folder.somebody(),
            "forced": forced,
            "failed": list(failed),
            "sha256": {path.name: file_digest(path) for path in sorted(place.iterdir())},
        }
        text = json.dumps(promotion, indent=2, ensure_ascii=False) + "\n"
        write_text(place / "promotion.json", text)


def selected(found: dict[str, Path]) -> pl.DataFrame:
    """The selected documents with their texts, by rank."""
    chosen = read_rows(found["selection.parquet"], ["id", "rank", "weight"])
    parts = [*document_batches(found["documents.parquet"], list(TEXTS), chosen["id"])]
    texts = pl.concat(parts) if parts else pl.DataFrame(schema=dict.fromkeys(TEXTS, pl.String))
    return check(Selected, chosen.join(texts, on="id", how="inner").sort("rank"))
