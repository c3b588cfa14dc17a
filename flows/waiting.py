"""A run of a deployment waits for a busy checkout; Prefect's page says for whom."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.runtime import deployment, flow_run
from prefect.states import Running, State

from flows import repro
from flows.lock import run_lock
from schemas.errors import BusyError
from tasks.stage import Paths

LOOK_SECONDS: Final = 2.0


@contextmanager
def checkout() -> Iterator[None]:
    """Hold the checkout for this flow run while the block runs.

    A run of a deployment waits, in the state `Waiting` whose message names the holder; a person at
    a console gets the `BusyError` at once.
    """
    with ExitStack() as held:
        waited = ""
        while True:
            try:
                held.enter_context(run_lock(f"flow run {flow_run.get_name() or 'curate'}"))
                repro.ensure_free(Paths().params)
                break
            except BusyError as error:
                held.close()
                if not deployment.get_id():
                    raise
                if str(error) != waited:
                    waited = str(error)
                    _tell(Running(name="Waiting", message=waited))
                time.sleep(LOOK_SECONDS)
        if waited:
            _tell(Running(message="the checkout is free"))
        yield


def _tell(state: State) -> None:
    get_run_logger().info(state.message)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(flow_run.get_id()), state, force=True)
