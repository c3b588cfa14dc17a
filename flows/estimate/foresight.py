"""Around a run: the estimate before it, a refusal above limits, and afterwards how far it was off.

`artifacts/facts/estimates.jsonl` has one line per finished run: for each stage that ran the
seconds foreseen, the interval, and those taken. Nothing depends on it.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from flows.console import columns
from flows.estimate.limits import Limits
from flows.estimate.looking import look
from flows.estimate.telling import duration, refuse_above
from schemas.params import Params
from tasks.history import history_path, read_history
from tasks.outlook import Outlook
from tasks.stage import Paths
from tasks.storage.rows import write_text

SHOWN_FROM_SECONDS: Final = 60.0
KEPT: Final = 200  # finished runs whose errors are kept


def foresee(params: Params, paths: Paths, tell: Callable[[str], None]) -> Outlook | None:
    """Estimate a run before it starts; shown if it will be long, None if it cannot be made.

    Raises `WinnowError` where it lies above a limit of the environment.
    """
    limits = Limits.here()
    try:
        found = look(params, paths, thorough=False)
    except Exception as error:  # sources out of reach, a damaged artifact: the stages deal with it
        tell(f"no estimate of this run, so no limit is kept: {type(error).__name__}: {error}")
        return None
    refuse_above(found, limits)
    if found.seconds.middle >= SHOWN_FROM_SECONDS:
        tell(_short(found))
    return found


def _short(found: Outlook) -> str:
    total = found.seconds
    lines = [("stage", "about", "90 % interval")]
    lines += [
        (s.stage, duration(s.seconds.middle),
         f"{duration(s.seconds.low)} to {duration(s.seconds.high)} ({s.basis})")
        for s in found.stages if s.runs
    ]  # fmt: skip
    whole = f"{duration(total.middle)} ({duration(total.low)} to {duration(total.high)})"
    return f"this run will take about {whole}:\n{columns(lines)}"


def review(found: Outlook | None, ran: Sequence[str], paths: Paths) -> str:
    """Record and tell how far the estimate of the stages that ran was off; empty without.

    Compared with the time of the stages' processes: what DVC and Prefect add is not in either.
    """
    if found is None:
        return ""
    latest = {entry.stage: entry.seconds for entry in read_history(history_path(paths))}
    taken = {stage: latest[stage] for stage in ran if stage in latest}
    foreseen = {s.stage: s.seconds for s in found.stages}
    stages = [
        {"stage": stage, "low": foreseen[stage].low, "foreseen": foreseen[stage].middle,
         "high": foreseen[stage].high, "taken": seconds}
        for stage, seconds in taken.items() if stage in foreseen
    ]  # fmt: skip
    if not stages:
        return ""
    path = errors_path(paths)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    lines = [*lines[-KEPT + 1 :], json.dumps({"stages": stages})]
    write_text(path, "\n".join(lines) + "\n")
    return in_words(stages)


def errors_path(paths: Paths) -> Path:
    """Where past estimates are compared with what was taken."""
    return paths.artifacts / "facts" / "estimates.jsonl"


def last_errors(paths: Paths) -> list[dict[str, Any]]:
    """Foreseen and taken seconds of the last finished run, by stage; empty if there is none."""
    path = errors_path(paths)
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    try:
        return list(json.loads(lines[-1])["stages"])
    except (IndexError, KeyError, ValueError):  # cut by a crash: no estimate to speak of
        return []


def in_words(stages: Iterable[dict[str, Any]]) -> str:
    """One line: total foreseen and taken, and the stage that was furthest off."""
    stages = list(stages)
    foreseen, taken = (sum(s[key] for s in stages) for key in ("foreseen", "taken"))
    worst = max(stages, key=lambda s: abs(s["taken"] - s["foreseen"]))
    inside = sum(s["low"] <= s["taken"] <= s["high"] for s in stages)
    return (
        f"estimate of the last run: {foreseen:,.1f} s foreseen, {taken:,.1f} s taken; "
        f"{inside} of {len(stages)} stages within their interval; furthest off {worst['stage']}: "
        f"{worst['foreseen']:,.1f} s foreseen, {worst['taken']:,.1f} s taken"
    )
