"""`winnow run` at a terminal: progress to stderr as it comes, the outcome to stdout."""

import logging
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from flows import server
from flows.outcome import Outcome, as_json
from schemas.errors import WinnowError

REPORT = Path("artifacts/report.html")


def run(overrides: Sequence[str], as_data: bool) -> None:
    """Apply `--set` overrides to params.yaml and run the flow `curate`; prints what came out."""
    from flows.findings import failed_gates
    from flows.form import checked
    from flows.lock import run_lock
    from flows.settings import apply_overrides
    from tasks.stage import Paths, load_params
    from tasks.telling import plain

    load_params(Paths().params)  # no checkout? say so, and leave nothing here
    with run_lock("winnow run"):
        params = checked(apply_overrides(load_params(Paths().params), overrides))
        _listen()
        outcomes = _run_flow(params)
    report = REPORT.resolve()
    if as_data:
        print(as_json(outcomes, report))
        return
    print(table(outcomes))
    if failed := failed_gates(Paths()):
        print("\n  ".join([f"HELD: {len(failed)} gates failed", *map(plain, failed)]))
    print(f"report: {report}")


def _run_flow(params: Any) -> list[Outcome]:
    _tell("starting Prefect")
    url = server.configured_url()
    reachable = bool(url) and server.is_reachable()
    if reachable:
        _tell(f"Prefect API: {url}")
    else:
        missing = f"the Prefect API {url} does not answer; " if url else ""
        _tell(f"{missing}starting Prefect's own temporary server, which takes 10 to 20 s")
    with nullcontext() if reachable else server.without_api():
        from flows.curate import curate

        state = curate(params, return_state=True)
    if not state.is_completed():
        error = state.result(raise_on_failure=False)
        if isinstance(error, WinnowError):
            raise error
        raise WinnowError(state.message or f"the run ended as {state.name}")
    return state.result()  # type: ignore[no-any-return]


def _listen() -> None:
    """Show the stages' lines, and keep Prefect's own log off the screen unless a user wants it."""
    if "PREFECT_LOGGING_LEVEL" not in os.environ:
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log = logging.getLogger("winnow.run")
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def table(outcomes: Sequence[Outcome]) -> str:
    """One line per stage: stage, state, version, rows of its tables, seconds."""
    lines = [("stage", "state", "version", "seconds", "rows")]
    for outcome in outcomes:
        rows = ", ".join(f"{name} {count:,}" for name, count in outcome.rows.items())
        lines.append(
            (outcome.stage, outcome.state, outcome.version, f"{outcome.seconds:.1f}", rows)
        )
    return columns(lines)


def columns(lines: Sequence[Sequence[str]]) -> str:
    """Rows of texts as columns of equal width; the last column runs free."""
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(w) for cell, w in zip(line, widths, strict=False)), line[-1]])
        for line in lines
    )
