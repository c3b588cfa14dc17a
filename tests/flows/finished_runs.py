"""A checkout with a finished run of sixty rows and a tiny model, made in this process: cheap."""

import importlib
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

from flows.settings import apply_overrides, save
from tasks import PIPELINE
from tasks.stage import Paths, load_params
from tests.flows.kept_runs import IDENTITY


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *IDENTITY, *arguments], cwd=root, check=True, capture_output=True)


def settle(root: Path, *overrides: str) -> None:
    """Change settings of the checkout."""
    path = root / "params.yaml"
    save(apply_overrides(load_params(path), overrides), path)


def finish_run(root: Path, *overrides: str, first: str = PIPELINE[0]) -> None:
    """Run every stage from `first` on here, and have DVC take over what they wrote."""
    settle(root, *overrides)
    with chdir(root):
        for stage in PIPELINE[PIPELINE.index(first) :]:
            importlib.import_module(f"tasks.{stage}").run(load_params(Paths().params), Paths())
        command = [sys.executable, "-m", "dvc", "commit", "--force", "--quiet"]
        subprocess.run(command, check=True)


def keep_run(root: Path, name: str) -> str:
    """Keep the run in the checkout under a name; returns its commit."""
    from flows.record import record

    with chdir(root):
        return record(name).commit
