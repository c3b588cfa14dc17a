"""What `winnow compare` can name: a kept run, a git revision, a folder, a file, the workspace."""

import difflib
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from flows import revisions
from flows.git import line
from flows.repro import outputs, parse_lock
from flows.repro.experiments import kept_runs
from schemas.errors import SettingsError, WinnowError
from tasks.comparing.side import FILES, Side

WORKSPACE: Final = "."
SUBSET: Final = "selection.parquet"
PROMOTED: Final = Path("promoted")
UNREAD: Final = (".html", ".csv")  # outputs that no comparison reads


@dataclass(frozen=True)
class Origin:
    """A side and what is recorded of its making.

    `kind` is run, revision, workspace, folder or file; `commit` the code's commit where git knows
    it, `sha` the one that holds settings and dvc.lock; `stages` those of dvc.lock, None without.
    """

    side: Side
    kind: str
    commit: str = ""
    sha: str = ""
    stages: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """What the user called it."""
        return self.side.name


@contextmanager
def origins(a: str, b: str) -> Iterator[tuple[Origin, Origin]]:
    """Find both sides; artifacts of past runs are linked into a folder that ends with this.

    Raises `SettingsError` with near names where there is no such thing. The workspace is not
    touched; what DVC's cache lacks is fetched into it.
    """
    with ExitStack() as stack:
        yield _origin(a, stack), _origin(b, stack)


def _origin(name: str, stack: ExitStack) -> Origin:
    path = Path(name)
    if name == WORKSPACE:
        return _workspace()
    if name in _distinct_runs():
        return _past(name, "run", stack)
    if path.is_dir():
        return _folder(name, path)
    if path.is_file():
        return _file(name, path)
    if line("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"):
        return _past(name, "revision", stack)
    raise _unknown(name)


def _distinct_runs() -> list[str]:
    """Names of kept runs that mean one run."""
    names = [run.name for run in kept_runs()] if _in_git() else []
    return [name for name in names if names.count(name) == 1]


def _in_git() -> bool:
    return bool(line("rev-parse", "--git-dir"))


def _workspace() -> Origin:
    folder = Path("artifacts")
    if not (folder / SUBSET).exists():
        raise WinnowError(
            "no run has finished here",
            where=str(folder / SUBSET),
            remedy="`winnow run`, or name two other runs",
        )
    commit = line("rev-parse", "--verify", "--quiet", "HEAD") if _in_git() else ""
    side = Side("the workspace", folder / SUBSET, folder)
    return Origin(side, "workspace", commit, "", _stages(_text(Path("dvc.lock"))))


def _folder(name: str, path: Path) -> Origin:
    for folder in (path / "artifacts", path):
        if (folder / SUBSET).exists():
            side = Side(name, folder / SUBSET, folder)
            return Origin(side, "folder", stages=_stages(_text(path / "dvc.lock")))
    raise SettingsError(
        f"the folder {name!r} holds no selection",
        expected=f"{SUBSET} in it or in its folder artifacts",
        where=str(path),
    )


def _file(name: str, path: Path) -> Origin:
    if not path.name.endswith(FILES):
        raise SettingsError(
            f"{name!r} is no selection file", expected=f"a name that ends in {', '.join(FILES)}"
        )
    return Origin(Side(name, path), "file")


def _past(name: str, kind: str, stack: ExitStack) -> Origin:
    """A run or revision: its artifacts as links into DVC's cache, which fetches what it lacks."""
    found = revisions.revision(name)
    text = found.text("dvc.lock") or ""
    outs = [
        out for out in parse_lock(text)
        if out.path.startswith("artifacts/") and not out.path.endswith(UNREAD)
    ]  # fmt: skip
    if not any(Path(out.path).name == SUBSET for out in outs):
        raise WinnowError(
            f"no subset was selected in {name!r}",
            where=f"dvc.lock at {found.sha[:12]}",
            remedy="`winnow runs` lists runs that have one",
        )
    if missing := outputs.not_cached(outs):
        outputs.fetch(missing)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="winnow-compare-")))
    outputs.link(outs, folder)
    side = Side(name, folder / SUBSET, folder)
    return Origin(side, kind, found.commit, found.sha, _stages(text))


def _stages(text: str | None) -> dict[str, Any] | None:
    stages: dict[str, Any] | None = (yaml.safe_load(text) or {}).get("stages") if text else None
    return stages


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _unknown(name: str) -> SettingsError:
    runs = [run.name for run in kept_runs()] if _in_git() else []
    if runs.count(name) > 1:
        same = [run.commit[:12] for run in kept_runs() if run.name == name]
        return SettingsError(
            f"{len(same)} runs are called {name!r}",
            expected="one of the commits " + ", ".join(same),
        )
    listed = line("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags")
    promoted = [str(path) for path in sorted(PROMOTED.glob("*"))] if PROMOTED.is_dir() else []
    names = sorted({*runs, *listed.splitlines(), *promoted})
    near = difflib.get_close_matches(name, names, n=5, cutoff=0.4) or names[:5]
    return SettingsError(
        f"no run, git revision, folder or file is called {name!r}",
        expected=f"for instance {', '.join(near)}" if near else "",
        remedy="`winnow runs` lists the runs that were kept; `.` is the workspace",
    )
