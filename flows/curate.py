"""The flow `curate`: writes params.yaml, then asks DVC for one stage after the other.

Prefect shows, logs and schedules; DVC alone decides what is stale (D1). So every task run is new
(no Prefect cache), and a stage that DVC finds unchanged ends in the state `Cached`. A stage is
tried again only after a broken transfer from or to object storage.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from prefect import Task, flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows import repro
from flows.estimate.foresight import foresee, review
from flows.findings import failed_gates, read_metrics
from flows.form import CurateParams, filled
from flows.holdout import track_ledger
from flows.outcome import Outcome, row_counts
from flows.promotion.folder import current_name
from flows.promotion.promote import promote
from flows.publishing import Progress, publish_run, publish_stage
from flows.record import Recorded, keep
from flows.repro.damage import replace_damaged
from flows.settings import save
from flows.versions import stage_version
from flows.waiting import checkout
from schemas.errors import TransferError, WinnowError
from tasks import PIPELINE
from tasks.outlook import Outlook
from tasks.stage import Paths, load_params
from tasks.telling import plain

RETRY_SECONDS: Final = [5, 20, 60]  # before each new try after a broken transfer
log = logging.getLogger("winnow.run")  # what a person at the console sees


def _run_name() -> str:
    """Name a run after its selector and budget; after neither if the settings are wrong."""
    try:
        choose = filled(flow_run.get_parameters()["params"]).choose
    except WinnowError:  # the run itself tells it
        return "curate"
    return f"curate-{choose.selector}-{choose.budget}"


@flow(name="curate", flow_run_name=_run_name)
def curate(params: CurateParams = CurateParams()) -> Any:  # noqa: B008  # frozen
    """Pick the rows worth training on: every stage from the sources to the report.

    A setting left out takes its value from params.yaml, to which the whole is written.
    """
    try:
        with checkout():
            settings = following(filled(params))
            foreseen = foresee(settings, Paths(), _tell)
            save(settings, Paths().params)
            return _run_stages(foreseen)
    except WinnowError as error:
        return Failed(message=str(error), data=error)


def following(params: CurateParams) -> CurateParams:
    """Name the run that is promoted now as the previous one, if the settings say so."""
    if not params.previous.follow:
        return params
    previous = params.previous.model_copy(update={"run": current_name(Paths())})
    return params.model_copy(update={"previous": previous})


def _run_stages(foreseen: Outlook | None) -> Any:
    outcomes: list[Outcome] = []
    before = read_metrics(Paths())
    for stage in PIPELINE:
        state: State = stage_task(stage)(stage, return_state=True)
        if not state.is_completed():
            return Failed(message=state.message, data=state.result(raise_on_failure=False))
        outcomes.append(state.result())
    publish_run(Paths(), before)
    track_ledger(Paths())
    kept = keep(flow_run.get_name() or "curate", _tell)
    ran = [outcome.stage for outcome in outcomes if outcome.state == "Completed"]
    if told := review(foreseen, ran, Paths()):
        _tell(told)
    held = _promotion(kept)
    return Completed(name="Held", message=held, data=outcomes) if held else outcomes


def _promotion(kept: Recorded | None) -> str:
    """Promote a run if the settings say so; returns what holds it, which number by how much."""
    failed = failed_gates(Paths())
    held = "\n  ".join(["HELD, not to be promoted:", *map(plain, failed)]) if failed else ""
    if kept and not failed and load_params(Paths().params).gate.promote == "auto":
        try:
            _tell(promote(kept.name).told(as_json=False))
        except WinnowError as error:  # the run is finished all the same
            held = f"HELD, not promoted: {error}"
    if held:
        _tell(held)
    return held


def _tell(text: str) -> None:
    get_run_logger().info(text)
    log.info(text)


def stage_task(stage: str) -> Task:
    """Make the Prefect task of one stage: named after it, versioned with its VERSION."""
    return task(
        _reproduce,
        name=stage,
        task_run_name=stage,
        version=stage_version(stage),
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=len(RETRY_SECONDS),
        retry_delay_seconds=RETRY_SECONDS,
        retry_condition_fn=may_help,
    )


def may_help(_task: Any, _run: Any, state: State) -> bool:
    """Whether trying again can mend a failure: a broken transfer, never a broken contract."""
    return isinstance(state.data, TransferError)


def _reproduce(stage: str) -> State:
    """Have DVC bring one stage up to date; a failure carries the stage's own words."""
    started, progress = time.monotonic(), Progress(stage)
    on_line = _teller(stage, progress)
    try:
        ran = bring_up_to_date(stage, on_line)
    except WinnowError as error:
        return Failed(message=str(error), data=error)
    progress.finish()
    outcome = Outcome(
        stage=stage,
        state="Completed" if ran else "Cached",
        version=stage_version(stage),
        rows=row_counts(Paths(), stage),
        seconds=round(time.monotonic() - started, 1),
    )
    if not ran:
        on_line("unchanged")
    publish_stage(stage, outcome.version, ran)
    if ran:
        return Completed(data=outcome)
    return Completed(name="Cached", message="DVC found nothing changed", data=outcome)


def bring_up_to_date(stage: str, on_line: Callable[[str], None]) -> bool:
    """Whether the stage ran; what is damaged is replaced, before and after.

    After: DVC takes the copy in its cache for an output that it finds there by its digest.
    """
    _replace_damaged(stage, on_line)
    if repro.is_unchanged(stage):
        return False
    ran = repro.reproduce(stage, on_line)
    if _replace_damaged(stage, on_line):
        ran = repro.reproduce(stage, on_line) or ran
    return ran


def _replace_damaged(stage: str, on_line: Callable[[str], None]) -> bool:
    told = replace_damaged(stage)
    for line in told:
        on_line(line)
    return bool(told)


def _teller(stage: str, progress: Progress) -> Any:
    """Pass a stage's lines to Prefect's log, its progress and the console.

    Why a stage stopped is the message of its failure, which the console prints at the end.
    """
    run_log, stopped = get_run_logger(), False

    def on_line(line: str) -> None:
        nonlocal stopped
        run_log.info(line)
        progress.tell(line)
        stopped = stopped or bool(repro.STOPPED.match(line))
        if not stopped:
            log.info("%-12s %s", stage, line)

    return on_line
