"""`winnow runs`: the runs that were kept, what sets them apart, and which one lies here."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from flows.console import columns
from flows.git import blobs, blobs_here
from flows.promotion.folder import current_name
from flows.record import RUN_FILES
from flows.repro import outputs
from flows.repro.experiments import METRICS, Experiment, Kept, experiments, kept_runs, locked_outs
from flows.takedowns import all_records
from schemas.errors import WinnowError
from tasks.paths import Paths
from tasks.telling import plain

HEADLINES: Final = ("rows", "coverage_mean", "mean_quality", "vendi_1")  # of the subset `selected`
NOTHING: Final = "no run was kept yet: a finished `winnow run`, or one from the form, is"
VALUE_CHARS: Final = 40
CURRENT_SIGN: Final = "+"
Run = TypeVar("Run", bound=Kept)


@dataclass(frozen=True)
class Listed:
    """A kept run, and whether params.yaml and dvc.lock here are the run's."""

    run: Experiment
    is_here: bool
    is_current: bool = False

    def record(self, keys: Iterable[str]) -> dict[str, Any]:
        """The run as data, with those of its parameters."""
        run = self.run
        return {
            "name": run.name,
            "when": run.when.isoformat(),
            "commit": run.commit,
            "baseline": run.baseline,
            "in_workspace": self.is_here,
            "is_current": self.is_current,
            "metrics": run.metrics,
            "params": {key: run.params.get(key) for key in keys},
            "problem": run.problem or None,
        }


def runs(as_json: bool) -> str:
    """List the kept runs, newest first, with the parameters that differ between them."""
    fetch_metrics()
    current = current_name(Paths())
    found = [Listed(run, here, run.name == current) for run, here in with_place(experiments())]
    keys = differing([each.run.params for each in found if not each.run.problem])
    if as_json:
        listed = [each.record(keys) for each in found]
        return json.dumps({"runs": listed, "differing": keys}, indent=2, ensure_ascii=False)
    return _table(found, keys) if found else NOTHING


def fetch_metrics() -> None:
    """Bring the runs' metrics into the cache, as in a new clone; where that fails, say why.

    DVC would ask the remote that a run's own commit names: a run may be older than the remote.
    """
    missing = outputs.not_cached(
        [out for run in kept_runs() for out in locked_outs(run) if out.path == METRICS]
    )
    try:
        if missing:
            outputs.fetch(missing)
    except WinnowError as error:
        print(f"some metrics are shown as -: {error}", file=sys.stderr)


def with_place(kept: Sequence[Run]) -> list[tuple[Run, bool]]:
    """Each run, and whether the files that define a run are here as it left them."""
    here = blobs_here(RUN_FILES)
    return [(run, files == here) for run, files in zip(kept, run_files(kept), strict=True)]


def run_files(kept: Sequence[Kept]) -> list[list[str]]:
    """Ids in git of each run's params.yaml and dvc.lock."""
    found = blobs(f"{run.commit}:./{path}" for run in kept for path in RUN_FILES)
    size = len(RUN_FILES)
    return [found[at : at + size] for at in range(0, len(found), size)]


def differing(params: Sequence[dict[str, Any]]) -> list[str]:
    """Keys whose value is not the same in all runs, in the order of the first run that has them."""
    keys = dict.fromkeys(key for each in params for key in each)
    missing = object()
    return [key for key in keys if any(each.get(key, missing) != params[0].get(key, missing)
                                       for each in params)]  # fmt: skip


def _table(found: Sequence[Listed], keys: Sequence[str]) -> str:
    taken = {run: record.path for record in all_records() for run in record.runs}
    lines: list[Sequence[str]] = [("", "run", "when (UTC)", "commit", *HEADLINES, "what differs")]
    for each in found:
        run = each.run
        told = ", ".join(f"{key}={_short(run.params.get(key))}" for key in keys)
        if run.name in taken:
            told = f"lost files, see {taken[run.name]}; {told}"
        lines.append((
            ("*" if each.is_here else "") + (CURRENT_SIGN if each.is_current else ""),
            run.name,
            f"{run.when:%Y-%m-%d %H:%M:%S}",
            run.commit[:8],
            *(_figure(run.metrics.get(f"selected.{name}")) for name in HEADLINES),
            plain(f"cannot be read: {run.problem}" if run.problem else told),
        ))  # fmt: skip
    promoted = f"; {CURRENT_SIGN} promoted" if any(each.is_current for each in found) else ""
    return f"{columns(lines)}\n* in the workspace{promoted}"


def _figure(value: Any) -> str:
    return "-" if value is None else f"{value:.6g}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
    return text if len(text) <= VALUE_CHARS else f"{text[: VALUE_CHARS - 1]}…"
