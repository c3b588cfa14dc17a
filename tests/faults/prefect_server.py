"""A Prefect server for the flows of the ground, and what becomes of them when it is killed."""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psutil

from flows.server import free_port, local_server
from tasks import PIPELINE
from tests.faults.ground import FLOW, Ground, stage_of
from tests.faults.kills import prepared, settled
from tests.faults.outcome import Trial

API: Final = "PREFECT_API_URL"


@contextmanager
def serving(ground: Ground) -> Iterator[None]:
    """Have the ground's flows talk to a server of their own while the block runs."""
    before = dict(os.environ)
    os.environ.update({name: ground.environment[name] for name in ("PREFECT_HOME",)})
    try:
        with local_server("127.0.0.1", free_port("127.0.0.1", 0)) as url:
            ground.environment[API] = url
            yield
    finally:
        ground.environment.pop(API, None)
        os.environ.clear()
        os.environ.update(before)


def killed(ground: Ground, chance: random.Random, times: int) -> Iterator[Trial]:
    """Kill the server while a stage works; the next run has a new one."""
    outer = ground.environment.get(API)
    for time_ in range(times):
        prepared(ground, time_)
        stage = chance.choice(PIPELINE[1:])
        with serving(ground):
            started = ground.start(*FLOW)
            found = stage_of(started, stage)
            if found:
                time.sleep(chance.uniform(0, ground.seconds[stage]))
            _kill_server(ground.environment[API])
            status = started.status
        if outer:
            ground.environment[API] = outer
        yield settled(ground, f"in {stage}", f"the run ended with status {status}", FLOW)


def _kill_server(url: str) -> None:
    port = int(url.split(":")[2].split("/")[0])
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
            process = psutil.Process(connection.pid)
            for each in (process, *process.children(recursive=True)):
                each.kill()
