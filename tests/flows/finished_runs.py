"""A checkout with finished runs of sixty rows and a tiny model, made in this process: cheap.

The stages `measure` and `report`, on which nothing depends that is promoted, are left out of it.
"""

import importlib
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import yaml

from flows.settings import apply_overrides, save
from tasks import PIPELINE
from tasks.stage import Paths, load_params
from tests.flows.kept_runs import IDENTITY

STAGES = tuple(stage for stage in PIPELINE if stage not in ("measure", "report"))


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *IDENTITY, *arguments], cwd=root, check=True, capture_output=True)


def settle(root: Path, *overrides: str) -> None:
    """Change settings of the checkout."""
    path = root / "params.yaml"
    save(apply_overrides(load_params(path), overrides), path)


def without_pages(root: Path) -> None:
    """Leave the stages whose results are for people alone out of the pipeline."""
    path = root / "dvc.yaml"
    pipeline = yaml.safe_load(path.read_text(encoding="utf-8"))
    stages = {name: pipeline["stages"][name] for name in STAGES}
    path.write_text(yaml.safe_dump({"stages": stages}, sort_keys=False), encoding="utf-8")


def finish_run(root: Path, *overrides: str, first: str = STAGES[0]) -> None:
    """Run every stage from `first` on here, and have DVC take over what they wrote."""
    settle(root, *overrides)
    with chdir(root):
        for stage in STAGES[STAGES.index(first) :]:
            importlib.import_module(f"tasks.{stage}").run(load_params(Paths().params), Paths())
        command = [sys.executable, "-m", "dvc", "commit", "--force", "--quiet"]
        subprocess.run(command, check=True)


def keep_run(root: Path, name: str) -> str:
    """Keep the run in the checkout under a name; returns its commit."""
    from flows.record import record

    with chdir(root):
        return record(name).commit
