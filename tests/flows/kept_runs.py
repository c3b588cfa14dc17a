"""A small project of git and DVC with one stage: runs of it take a moment, and nothing is faked."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PIPELINE = """
stages:
  make:
    cmd: python tasks/make.py
    deps: [tasks/make.py]
    params: [word, times]
    outs: [artifacts/out.txt: {persist: true}]
    metrics: [artifacts/metrics.json: {persist: true}]
"""
MAKE = """
import json, pathlib, yaml
settings = yaml.safe_load(open("params.yaml"))
folder = pathlib.Path("artifacts")
folder.mkdir(exist_ok=True)
(folder / "out.txt").write_text(settings["word"] * settings["times"])
(folder / "metrics.json").write_text(json.dumps({"selected": {"rows": settings["times"]}}))
"""
IDENTITY = ("-c", "user.name=A Person", "-c", "user.email=person@example.org")


@dataclass(frozen=True)
class Project:
    """The project's folder; the tests' working directory."""

    root: Path

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *IDENTITY, *arguments], cwd=self.root, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def dvc(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "dvc", *arguments]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def read(self, name: str) -> str:
        return (self.root / name).read_text(encoding="utf-8")

    def run(self, word: str, times: int = 3) -> None:
        """Set the settings and have DVC make the outputs."""
        self.write("params.yaml", f"word: {word}\ntimes: {times}\n")
        self.dvc("repro", "-q")

    def state(self) -> tuple[str, ...]:
        """All that recording may not touch: branch, index, files as git sees them."""
        asked = (["rev-parse", "HEAD"], ["diff"], ["diff", "--cached"], ["stash", "list"],
                 ["status", "--porcelain", "--branch"])  # fmt: skip
        return tuple(self.git(*each) for each in asked)


def make_project(root: Path, monkeypatch) -> Project:
    """A project with one commit, its stage not yet run."""
    project = _enter(root, monkeypatch)
    project.write("dvc.yaml", PIPELINE)
    project.write("tasks/make.py", MAKE)
    project.write("params.yaml", "word: a\ntimes: 3\n")
    project.write(".gitignore", "/artifacts/\nsecret.env\n")
    project.write(".dvc/config", "[core]\n    analytics = false\n")
    project.write(".dvc/.gitignore", "/config.local\n/tmp\n/cache\n")
    project.git("init", "-q", "-b", "main")
    project.git("add", "-A")
    project.git("commit", "-qm", "first")
    return project


def copy_project(project: Project, root: Path, monkeypatch) -> Project:
    """The same project again, cache and history included."""
    shutil.copytree(project.root, root)
    return _enter(root, monkeypatch)


def _enter(root: Path, monkeypatch) -> Project:
    monkeypatch.chdir(root)
    binaries = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", binaries + os.pathsep + os.environ["PATH"])
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    return Project(root)
