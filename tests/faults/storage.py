"""The S3 endpoint breaks off: in the middle of a push, and of what LanceDB writes there."""

import os
import random
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from flows.repro import lock_entries
from flows.settings import apply_overrides, save
from tasks.stage import load_params
from tests.faults.ground import DVC, Ground, Started
from tests.faults.kills import last_words, prepared, settled
from tests.faults.outcome import Trial
from tests.s3 import BUCKET, ENVIRONMENT, Fault, Proxy, emptied, moto_process, proxy_before

WORDS: Final = ("object storage", "could not be reached", "s3://", "endpoint")


def gone_after(requests: int, among: str) -> Fault:
    """Nothing is answered any more once so many requests have `among` in their `method path`."""
    left = [requests]
    lock = threading.Lock()

    def fault(method: str, path: str) -> int:
        with lock:
            left[0] -= among in f"{method} {path}"
            return Proxy.GONE if left[0] < 0 else 0

    return fault


@contextmanager
def behind_proxy(ground: Ground) -> Iterator[Proxy]:
    """Have the ground use an S3 server behind a proxy; the settings are put back afterwards."""
    params = ground.root / "params.yaml"
    before, known, own = params.read_bytes(), dict(ground.environment), dict(os.environ)
    os.environ.update(ENVIRONMENT)  # for the client that makes the bucket
    with (
        moto_process(ground.root.parent / "s3.log") as address,
        proxy_before(emptied(address).endpoint) as proxy,
    ):
        config = ground.root.parent / "aws_config"  # DVC wants a file, and /dev/null is none
        config.touch()
        ground.environment |= {
            **ENVIRONMENT, "AWS_ENDPOINT_URL": proxy.url, "AWS_CONFIG_FILE": str(config)
        }  # fmt: skip
        try:
            yield proxy
        finally:
            os.environ.clear()
            os.environ.update(own)
            ground.environment.clear()
            ground.environment.update(known)
            params.write_bytes(before)


def store(ground: Ground, chance: random.Random, times: int) -> Iterator[Trial]:
    """Cut the endpoint off while LanceDB writes there; then it is back and the run goes on."""
    with behind_proxy(ground) as proxy:
        path = ground.root / "params.yaml"
        for time_ in range(times):
            here = f"store=s3://{BUCKET}/lance{time_}"
            save(apply_overrides(load_params(path), [here]), path)
            prepared(ground, time_)
            after = chance.randrange(12)
            proxy.fault = gone_after(after, "PUT")
            ran = ground.run(*DVC)
            proxy.fault = lambda method, path: 0
            yield _recovered(ground, f"gone after {after} writes of LanceDB", ran)


def _recovered(ground: Ground, what: str, ran: Started) -> Trial:
    if not ran.status:
        return settled(ground, what, "went through", DVC)
    named = any(words in ran.said for words in WORDS) and "Traceback" not in ran.said
    trial = settled(ground, what, f"status {ran.status}", DVC)
    problem = trial.problem or ("" if named else f"the cause is not named: {last_words(ran)}")
    return Trial(what, trial.ended, problem, trial.rows_lost, detected=named)


def push(ground: Ground, chance: random.Random, times: int) -> Iterator[Trial]:
    """Cut the endpoint off in the middle of `dvc push`; the next push sends the rest."""
    prepared(ground, 0)
    ground.run(*DVC)
    with behind_proxy(ground) as proxy:
        for time_ in range(times):
            place = ["--local", "--default", "--force", "s3", f"s3://{BUCKET}/dvc{time_}"]
            ground.run("-m", "dvc", "remote", "add", *place)
            end = ["--local", "s3", "endpointurl", proxy.url]
            ground.run("-m", "dvc", "remote", "modify", *end)
            after = chance.randrange(20)
            proxy.fault = gone_after(after, "PUT")
            ran = ground.run("-m", "dvc", "push")
            proxy.fault = lambda method, path: 0
            again = ground.run("-m", "dvc", "push")
            yield _pulled(ground, f"gone after {after} writes of the push", ran.status, again)
    (ground.root / ".dvc" / "config.local").unlink(missing_ok=True)


def _pulled(ground: Ground, what: str, status: int, again: Started) -> Trial:
    ended = f"status {status}"
    if again.status:
        return Trial(what, ended, last_words(again), detected=bool(status))
    cache = ground.root / ".dvc" / "cache"
    aside = cache.with_name("cache-aside")
    cache.rename(aside)
    for out in lock_entries(ground.root / "dvc.lock"):
        (ground.root / out.path).unlink(missing_ok=True)
    pulled = ground.run("-m", "dvc", "pull")
    problem = last_words(pulled) if pulled.status else ", ".join(ground.differing())
    lost = ground.rows_lost()
    shutil.rmtree(cache, ignore_errors=True)
    aside.rename(cache)
    return Trial(what, ended, problem, lost, detected=bool(status))
