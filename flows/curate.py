"""The flow `curate`: writes params.yaml, then asks DVC for one stage after the other.

Prefect shows, logs and schedules; DVC alone decides what is stale (D1). So every task run is new
(no Prefect cache, no retries) and a stage that DVC finds unchanged ends in the state `Cached`.
"""

import logging
import time
from typing import Any

from prefect import Task, flow, get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows import repro
from flows.form import CurateParams, checked
from flows.lock import run_lock
from flows.outcome import Outcome, output_rows, row_counts, show_findings
from flows.record import keep
from flows.settings import save
from flows.versions import stage_version
from schemas.errors import WinnowError
from tasks import PIPELINE
from tasks.stage import Paths

log = logging.getLogger("winnow.run")  # what a person at the console sees


@flow(name="curate", flow_run_name="curate-{params.choose.selector}-{params.choose.budget}")
def curate(params: CurateParams = CurateParams()) -> Any:  # noqa: B008  # frozen
    """Pick the rows worth training on: every stage from the sources to the report.

    The parameters are written to params.yaml, whole: a setting left out takes its default.
    """
    try:
        with run_lock(f"flow run {flow_run.get_name() or 'curate'}"):
            repro.ensure_free(Paths().params)
            save(checked(params), Paths().params)
            return _run_stages()
    except WinnowError as error:
        return Failed(message=str(error))


def _run_stages() -> Any:
    outcomes: list[Outcome] = []
    for stage in PIPELINE:
        state: State = stage_task(stage)(stage, return_state=True)
        if not state.is_completed():
            return Failed(message=state.message)
        outcomes.append(state.result())
    show_findings(Paths())
    keep(flow_run.get_name() or "curate", _tell)
    return outcomes


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
        retries=0,
    )


def _reproduce(stage: str) -> State:
    """Have DVC bring one stage up to date; a failure carries the stage's own words."""
    started = time.monotonic()
    run_log = get_run_logger()

    def on_line(line: str) -> None:
        run_log.info(line)
        log.info("%-12s %s", stage, line)

    try:
        ran = not repro.is_unchanged(stage) and repro.reproduce(stage, on_line)
    except WinnowError as error:
        return Failed(message=str(error))
    outcome = Outcome(
        stage=stage,
        state="Completed" if ran else "Cached",
        version=stage_version(stage),
        rows=row_counts(Paths(), stage),
        seconds=round(time.monotonic() - started, 1),
    )
    if not ran:
        on_line("unchanged")
    create_table_artifact(
        key=f"stage-{stage}", table=output_rows(outcome), description=f"Outputs of stage {stage}"
    )
    if ran:
        return Completed(data=outcome)
    return Completed(name="Cached", message="DVC found nothing changed", data=outcome)
