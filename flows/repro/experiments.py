"""Runs that were kept, as DVC sees them: experiments, each a commit on top of the one it ran on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from flows.git import blobs, git, line
from flows.repro import LockedOut, parse_lock, repository
from schemas.errors import WinnowError

SETTINGS: Final = "params.yaml"  # its keys are told without the file's name
METRICS: Final = "artifacts/metrics.json"


@dataclass(frozen=True)
class Kept:
    """One kept run by its references alone: `baseline` is the commit it ran on."""

    name: str
    commit: str
    baseline: str


@dataclass(frozen=True)
class Experiment(Kept):
    """One kept run with what DVC knows of it: `params` and `metrics` by dotted key."""

    when: datetime
    params: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


def reference(baseline: str, name: str) -> str:
    """The git reference under which DVC looks for an experiment."""
    from dvc.repo.experiments.refs import ExpRefInfo

    return str(ExpRefInfo(baseline, name))


def name_taken(baseline: str, name: str) -> bool:
    """Whether there is such an experiment on that commit."""
    return bool(line("rev-parse", "--verify", "--quiet", reference(baseline, name)))


def run_names() -> list[str]:
    """Names of all experiments, whatever commit they are on."""
    return [run.name for run in kept_runs()]


def kept_runs() -> list[Kept]:
    """All experiments, in no order."""
    from dvc.repo.experiments.refs import ITER_SKIP_NAMESPACES, ExpRefInfo

    found = []
    listed = git("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps/*/*/*").decode()
    for entry in listed.splitlines():
        commit, name = entry.split(" ", 1)
        if not name.startswith(tuple(ITER_SKIP_NAMESPACES)):
            info = ExpRefInfo.from_ref(name)
            found.append(Kept(info.name, commit, info.baseline_sha))
    return found


def kept_by_age() -> list[Kept]:
    """All experiments, newest first, equally old ones by name."""
    found = {run: _commit_time(run.commit) for run in kept_runs()}
    return sorted(found, key=lambda run: (found[run], run.name), reverse=True)


def locked_outs(run: Kept) -> list[LockedOut]:
    """Every output of a run, as its dvc.lock names them; none for an experiment without one."""
    name = f"{run.commit}:./dvc.lock"
    if blobs([name]) == [""]:
        return []
    return parse_lock(git("cat-file", "--filters", name).decode("utf-8"))


def experiments() -> list[Experiment]:
    """Every kept run with what `dvc exp show` tells of it, newest first."""
    baselines = sorted({run.baseline for run in kept_runs()})
    if not baselines:
        return []
    with repository() as repo:
        shown = repo.experiments.show(
            revs=baselines, hide_queued=True, hide_failed=True, hide_workspace=True, sha_only=True
        )
        found = [
            _experiment(entry.revs[0], state.rev)
            for state in shown
            for entry in state.experiments or []
        ]
    return sorted(found, key=lambda one: (one.when, one.name), reverse=True)


def _experiment(state: Any, baseline: str) -> Experiment:
    data = state.data
    when = data.timestamp.astimezone(UTC) if data else _commit_time(state.rev)
    if not data:
        problem = str(state.error.msg if state.error else "it cannot be read")
        return Experiment(state.name, state.rev, baseline, when, problem=problem)
    params = {
        key if path == SETTINGS else f"{path}:{key}": value
        for path, content in data.params.items()
        for key, value in flat(content.get("data") or {})
    }
    metrics = dict(flat(data.metrics.get(METRICS, {}).get("data") or {}))
    return Experiment(state.name, state.rev, baseline, when, params, metrics)


def _commit_time(commit: str) -> datetime:
    return datetime.fromtimestamp(int(line("show", "-s", "--format=%ct", commit)), UTC)


def flat(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of nested mappings; an empty mapping is a value."""
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def push_references(git_remote: str) -> int:
    """Send every kept run to a git remote, without artifacts; returns how many it then holds.

    Raises `WinnowError` for a remote that does not exist or has another run of the same name.
    """
    with repository() as repo:
        told = repo.experiments.push(git_remote, all_commits=True, push_cache=False)
    if diverged := told.get("diverged"):
        raise WinnowError(
            f"{git_remote} has other runs of the same name",
            where=", ".join(sorted(diverged)),
            remedy="`dvc exp rename` here, then push again",
        )
    return len(told.get("success", ())) + len(told.get("up_to_date", ()))


def past_outs() -> dict[str, list[str]]:
    """MD5 of every output that a dvc.lock of git's history names -> the runs or commits it is of.

    A kept run is told by its name, another commit by the first digits of its id.
    """
    names = {run.commit: run.name for run in kept_runs()}
    commits = git("log", "--all", "--format=%H", "--", "dvc.lock").decode().split()
    found: dict[str, list[str]] = {}
    for commit in dict.fromkeys([*names, *commits]):
        for out in locked_outs(Kept(names.get(commit, commit[:12]), commit, "")):
            label = names.get(commit, commit[:12])
            if label not in found.setdefault(out.md5, []):
                found[out.md5].append(label)
    return found
