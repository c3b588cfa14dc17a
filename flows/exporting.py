"""`winnow export`: the subset of this checkout, of a kept or of a promoted run, for other tools."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from flows.checkout import find
from flows.console import columns
from flows.lock import run_lock
from flows.repro import LOCK_FILE, LockedOut, cached, outputs, parse_lock
from flows.repro.experiments import kept_runs, locked_outs
from flows.revisions import experiments, revision
from schemas.errors import WinnowError
from tasks.exports.settings import ExportSettings
from tasks.exports.subset import Subset, open_subset
from tasks.exports.writing import Exported
from tasks.exports.writing import export as write
from tasks.stage import Paths
from tasks.telling import plain

PROMOTED: Final = Path("promoted")
UNUSED: Final = ("vectors", "scores", "report", "lineage", "stands_for", "decisions", "rejected")


def export(
    target: Path, run: str | None, settings: ExportSettings, force: bool, as_json: bool
) -> str:
    """Export a run's subset, None for the workspace's; tell what was written, or as JSON."""
    with _subset(run) as subset:
        exported = write(subset, target, settings, force)
    return _data(subset, exported, target) if as_json else _words(subset, exported, target)


@contextmanager
def _subset(run: str | None) -> Iterator[Subset]:
    if run is None and not Paths().artifacts.is_dir():
        raise WinnowError("no run has finished here", remedy="`winnow run`, or --run RUN")
    if run is None:
        with run_lock("winnow export"):  # no run may change the artifacts meanwhile
            yield _here()
        return
    folder = _folder(run)
    if folder and (folder / "documents.parquet").is_file():
        yield open_subset(folder, folder.name)
        return
    if folder:
        name, commit, outs = _promoted(folder)
    else:
        kept = find(run, kept_runs())
        name, commit, outs = kept.name, kept.commit, locked_outs(kept)
    with _from_cache(name, outs) as artifacts:
        yield open_subset(artifacts, name, commit)


def _here() -> Subset:
    """The workspace's subset, named as the kept run that left it if there is one."""
    names = sorted(revision(None).runs) if cached.is_locked("artifacts/choose.json") else []
    name = names[0] if names else ""
    return open_subset(Paths().artifacts, name, experiments()[name] if name else "")


def _folder(run: str) -> Path | None:
    """The folder that `run` means, links resolved: a path with a subset, or a promoted run."""
    for folder in (Path(run), PROMOTED / run):
        if (folder / "selection.parquet").is_file():
            return folder.resolve()
    return None


def _promoted(folder: Path) -> tuple[str, str, list[LockedOut]]:
    """Name, commit and artifacts of the run that was promoted into a folder, by its dvc.lock."""
    lock, promotion = folder / LOCK_FILE, folder / "promotion.json"
    if not lock.is_file():
        raise WinnowError(
            "the folder holds a selection without its texts",
            expected=f"documents.parquet, or the {LOCK_FILE} of a promoted run",
            where=str(folder),
        )
    told = json.loads(promotion.read_text(encoding="utf-8")) if promotion.is_file() else {}
    outs = parse_lock(lock.read_text(encoding="utf-8"))
    return folder.name, str(told.get("commit", "")), outs


@contextmanager
def _from_cache(name: str, outs: list[LockedOut]) -> Iterator[Path]:
    """Lay a run's artifacts out from DVC's cache; what is not in it is fetched from the remote."""
    wanted = [
        out for out in outs
        if Path(out.path).suffix in (".parquet", ".json") and Path(out.path).stem not in UNUSED
    ]  # fmt: skip
    if not wanted:
        raise WinnowError(f"run {plain(name)} has no artifacts", where="its dvc.lock names none")
    if missing := outputs.not_cached(wanted):
        outputs.fetch(missing)
    with tempfile.TemporaryDirectory(prefix="winnow-export-") as folder:
        cached.lay_out(wanted, Path(folder))
        yield Path(folder) / "artifacts"


def _data(subset: Subset, exported: Exported, target: Path) -> str:
    told = {
        "folder": str(target),
        "format": exported.settings.format,
        "run": subset.run or None,
        "selection_sha256": subset.selection_sha256,
        "rows": exported.rows,
        "files": [asdict(shard) for shard in exported.shards],
    }
    return json.dumps(told, indent=2, ensure_ascii=False)


def _words(subset: Subset, exported: Exported, target: Path) -> str:
    lines = [("rows", "bytes", "SHA-256", "file")]
    lines += [
        (f"{shard.rows:,}", f"{shard.bytes:,}", shard.sha256[:12], shard.path)
        for shard in exported.shards
    ]
    what = f"{exported.rows:,} rows of {plain(subset.name)} as {exported.settings.format}"
    return f"{columns(lines)}\n{what}: {target}, with a card (README.md), croissant.json, prov.json"
