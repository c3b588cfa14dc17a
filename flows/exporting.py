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
from flows.repro import cached, outputs
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
    if run is None:
        with run_lock("winnow export"):  # no run may change the artifacts meanwhile
            yield _here()
    elif folder := _folder(run):
        yield open_subset(folder, folder.name)
    else:
        with _kept(run) as subset:
            yield subset


def _here() -> Subset:
    """The workspace's subset, named as the kept run that left it if there is one."""
    names = sorted(revision(None).runs)
    name = names[0] if names else ""
    return open_subset(Paths().artifacts, name, experiments()[name] if name else "")


def _folder(run: str) -> Path | None:
    """The folder that `run` means, links resolved: a path with a subset, or a promoted run."""
    for folder in (Path(run), PROMOTED / run):
        if (folder / "selection.parquet").is_file():
            return folder.resolve()
    return None


@contextmanager
def _kept(run: str) -> Iterator[Subset]:
    """A kept run's subset, from DVC's cache; what is not in it is fetched from the remote."""
    found = find(run, kept_runs())
    outs = [
        out for out in locked_outs(found)
        if Path(out.path).suffix in (".parquet", ".json") and Path(out.path).stem not in UNUSED
    ]  # fmt: skip
    if not outs:
        raise WinnowError(
            f"run {plain(run)} has no artifacts", where=f"dvc.lock at {found.commit[:12]}"
        )
    if missing := outputs.not_cached(outs):
        outputs.fetch(missing)
    with tempfile.TemporaryDirectory(prefix="winnow-export-") as folder:
        cached.lay_out(outs, Path(folder))
        yield open_subset(Path(folder) / "artifacts", found.name, found.commit)


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
