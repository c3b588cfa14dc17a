"""A past run by its name: a DVC experiment (a git reference below refs/exps) or a git revision."""

import subprocess
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from schemas.errors import WinnowError

EXPERIMENTS: Final = "refs/exps"
NO_RUNS: Final = ("exec", "stash")  # DVC's own references beside the experiments'


@dataclass(frozen=True)
class Revision:
    """Where a run's dvc.lock and params.yaml are read from; `sha` is empty for the workspace.

    `commit` is the code's commit: for an experiment the one that it branched off. `changed` says
    that files which git knows differ from it.
    """

    runs: tuple[str, ...]
    commit: str
    changed: bool = False
    sha: str = ""

    def text(self, name: str) -> str | None:
        """A file of the checkout's folder as it was, None where there was none."""
        if not self.sha:
            path = Path(name)
            return path.read_text(encoding="utf-8") if path.exists() else None
        return git("show", f"{self.sha}:./{name}")


def revision(run: str | None) -> Revision:
    """Find a run by name, else a commit, tag or branch; None is the workspace as it stands.

    Raises `WinnowError` that names near runs if there is no such thing.
    """
    runs = experiments()
    if run is None:
        return _workspace(runs)
    if run in runs:
        return Revision((run,), git("rev-parse", f"{runs[run]}^") or "", sha=runs[run])
    commit = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{run}^{{commit}}")
    if not commit:
        near = get_close_matches(run, runs, n=5, cutoff=0.4) or list(runs)[:5]
        raise WinnowError(
            f"no run and no git revision is called {run!r}",
            expected="the name of a past run, a commit, a tag or a branch",
            remedy=f"near runs: {', '.join(near)}" if near else "no run has been kept here yet",
        )
    return Revision(tuple(name for name, sha in runs.items() if sha == commit), commit, sha=commit)


def experiments() -> dict[str, str]:
    """Names of the kept runs with the commit of each, sorted."""
    listed = git("for-each-ref", "--format=%(refname) %(objectname)", EXPERIMENTS) or ""
    lines = (line.split(" ") for line in listed.splitlines())
    return {
        reference.rpartition("/")[2]: sha
        for reference, sha in sorted(lines)
        if reference.split("/")[2] not in NO_RUNS
    }


def _workspace(runs: dict[str, str]) -> Revision:
    """The checkout as it is; it bears the name of every run that left the same dvc.lock."""
    lock = Path("dvc.lock")
    own = git("hash-object", "dvc.lock") if lock.exists() else None
    same = (
        name for name, sha in runs.items() if own and git("rev-parse", f"{sha}:./dvc.lock") == own
    )
    changed = bool(git("status", "--porcelain", "--untracked-files=no"))
    return Revision(tuple(same), git("rev-parse", "--verify", "--quiet", "HEAD") or "", changed)


def git(*arguments: str) -> str | None:
    """What git prints, without the last line's end; None where it fails: no such thing here."""
    told = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return told.stdout.rstrip("\n") if told.returncode == 0 else None
