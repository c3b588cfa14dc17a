"""A clean copy of a checkout: what git knows, uncommitted changes included, and no caches."""

import os
import shutil
import subprocess
from glob import glob
from pathlib import Path

from flows.settings import save
from schemas.errors import WinnowError
from schemas.params import Params
from tasks.stage import load_params

LEVELS = 8  # folders above the copy, so that a source such as ../../data stays inside it


def copy_checkout(root: Path, folder: Path) -> Path:
    """Copy `root` into a new folder below `folder` and return it; sources outside git are linked.

    The copy has its own empty DVC cache. Raises `WinnowError` if `root` is not in a git checkout.
    """
    copy = folder.joinpath(*["r"] * LEVELS)
    for name in _tracked(root):
        if (root / name).is_file():
            _place(root / name, copy / name)
    params = load_params(root / "params.yaml")
    for name in _named_files(params, root):
        target = Path(os.path.normpath(copy / name))
        if not target.exists() and target.is_relative_to(folder):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to((root / name).resolve())
    if params.store:  # else the copy would read and write the vectors of this checkout
        save(params.model_copy(update={"store": ""}), copy / "params.yaml")
    own = "[core]\n    no_scm = true\n    analytics = false\n[cache]\n    dir = cache\n"
    (copy / ".dvc").mkdir(exist_ok=True)
    (copy / ".dvc" / "config.local").write_text(own, encoding="utf-8")
    return copy


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def _tracked(root: Path) -> list[str]:
    """Files that git tracks or would track; dvc.lock is left out, so that nothing is known."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, check=False)
    if listed.returncode:
        raise WinnowError(
            "verify copies what git knows, and git knows nothing here",
            where=str(root),
            expected="a git checkout",
        )
    names = set(listed.stdout.decode("utf-8", "surrogateescape").split("\0"))
    return sorted(names - {"", "dvc.lock", ".dvc/config.local"})


def _named_files(params: Params, root: Path) -> list[str]:
    """Relative paths that the settings name: sources, other files, local model, promoted run."""
    promoted = f"promoted/{params.previous.run}" if params.previous.run else ""
    named = [*params.ingest.sources, params.score.reference, params.embed.model, promoted]
    named += [*params.decontaminate.evaluations, *params.measure.target, params.gate.holdout_file]
    found: list[str] = []
    for name in named:
        if not name or "://" in name or Path(name).is_absolute():
            continue  # reached from anywhere
        if (root / name).exists():
            found.append(name)
        else:
            found += sorted(glob(name, root_dir=root, recursive=True))  # noqa: PTH207  # keeps `..`
    return found
