"""Which Prefect API a run talks to: the configured one, or a local server on loopback."""

import ipaddress
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from schemas.errors import SettingsError, WinnowError

START_SECONDS = 120.0  # a first start migrates the database


def configured_url() -> str:
    """Read the API address of the environment or the Prefect profile; empty where there is none."""
    from prefect.settings import PREFECT_API_URL

    return str(PREFECT_API_URL.value() or "")


def is_reachable() -> bool:
    """Whether the configured Prefect API answers."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return client.api_healthcheck() is None


@contextmanager
def without_api() -> Iterator[None]:
    """Forget the configured API while the block runs: Prefect then starts a temporary server."""
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_SERVER_EPHEMERAL_ENABLED,
        temporary_settings,
    )

    updates = {PREFECT_SERVER_EPHEMERAL_ENABLED: True}
    with temporary_settings(updates=updates, restore_defaults={PREFECT_API_URL}):
        yield


def loopback(host: str) -> str:
    """Return the host if only this machine can reach it; raises `SettingsError` otherwise."""
    try:
        safe = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        safe = False
    if not safe:
        raise SettingsError(
            f"the server would listen on {host!r}, where others could start runs",
            expected="127.0.0.1 or another loopback address",
            remedy="put a server with authentication in front, and set PREFECT_API_URL to it",
        )
    return host


def free_port(host: str, wanted: int = 4200) -> int:
    """`wanted` if nothing listens there, else a port the system picks."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise WinnowError(f"no free port on {host}")


@contextmanager
def local_server(host: str, port: int) -> Iterator[str]:
    """Run a Prefect server while the block runs; yields the address of its API."""
    url = f"http://{host}:{port}/api"
    environment = {**os.environ, "PREFECT_UI_API_URL": url, "PREFECT_API_URL": url}
    command = [sys.executable, "-m", "prefect", "server", "start"]
    process = subprocess.Popen(
        [*command, "--host", host, "--port", str(port), "--log-level", "ERROR"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        _wait(url, process)
        yield url
    finally:
        _stop(process)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    import httpx

    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            said = process.stdout.read().decode("utf-8", "replace") if process.stdout else ""
            raise WinnowError("the Prefect server did not start", where=said[-2000:].strip())
        try:
            up = (httpx.codes.OK, httpx.codes.UNAUTHORIZED)  # with auth on, even health asks for it
            if httpx.get(f"{url}/health", timeout=2).status_code in up:
                return
        except httpx.TransportError:
            pass  # not up yet: ask again
        time.sleep(0.3)
    raise WinnowError(f"the Prefect server at {url} did not answer in {START_SECONDS:.0f} s")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
