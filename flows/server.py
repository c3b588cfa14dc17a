"""Which Prefect API a run talks to: the configured one, or a local server on loopback."""

import ipaddress
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from schemas.errors import SettingsError, WinnowError

START_SECONDS = 300.0  # a first start migrates the database, on a busy machine for minutes
AUTH = "PREFECT_SERVER_API_AUTH_STRING"
LEAST_PASSWORD = 12


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


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on `host`; a name counts as not."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def auth_string() -> str:
    """`user:password` that our server asks for, of Prefect's settings or a file; empty if none.

    PREFECT_SERVER_API_AUTH_STRING_FILE names the file. Raises `SettingsError` if it is no pair.
    """
    from prefect.settings import PREFECT_SERVER_API_AUTH_STRING

    said = str(PREFECT_SERVER_API_AUTH_STRING.value() or "")
    path = os.environ.get(f"{AUTH}_FILE", "")
    if not said and path:
        try:
            said = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(f"cannot read {AUTH}_FILE: {error}") from None
    user, _, password = said.partition(":")
    if said and not (user and len(password) >= LEAST_PASSWORD):
        raise SettingsError(
            f"{AUTH} is not a user and a password",
            expected=f"user:password, the password of {LEAST_PASSWORD} characters or more",
            where=path or "environment or Prefect profile",
        )
    return said


def guarded(host: str) -> str:
    """Return the authentication to serve with; raises `SettingsError` if others could do without.

    On loopback it may be empty; on any other address it may not.
    """
    said = auth_string()
    if not is_loopback(host) and not said:
        raise SettingsError(
            f"the server would listen on {host!r}, where others could start runs",
            expected="a loopback address such as 127.0.0.1, or a password for everybody",
            remedy=f"put user:password into a file of mode 600 and name it in {AUTH}_FILE",
        )
    return said


def with_auth(said: str) -> dict[str, str]:
    """Environment of a server that asks for `said`, and of the clients that know it."""
    return {AUTH: said, "PREFECT_API_AUTH_STRING": said} if said else {}


def api_url(host: str, port: int) -> str:
    """Address at which this machine reaches a server that listens on `host`."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # not bound here
    return f"http://{f'[{here}]' if ':' in here else here}:{port}/api"


def page_url(host: str, port: int) -> str:
    """Address of the API as a browser is told it: for "any address", by this machine's name."""
    anywhere = host in ("0.0.0.0", "::")  # noqa: S104  # not bound here
    return api_url(socket.gethostname() if anywhere else host, port)


def free_port(host: str, wanted: int = 4200) -> int:
    """`wanted` if nothing listens there, else a port the system picks."""
    for port in (wanted, 0):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise WinnowError(f"no free port on {host}")


@contextmanager
def local_server(host: str, port: int, auth: str = "") -> Iterator[str]:
    """Run a Prefect server while the block runs; yields the address of its API.

    With `auth` (user:password) it refuses every call without it, health checks excepted.
    """
    url = api_url(host, port)
    pages = os.environ.get("PREFECT_UI_API_URL", page_url(host, port))
    environment = {**os.environ, **with_auth(auth), "PREFECT_API_URL": url}
    environment["PREFECT_UI_API_URL"] = pages
    command = [sys.executable, "-m", "prefect", "server", "start"]
    with tempfile.TemporaryFile() as log:  # a pipe that nobody reads would stop it when full
        process = subprocess.Popen(
            [*command, "--host", host, "--port", str(port), "--log-level", "ERROR"],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait(url, process, log)
            yield url
        finally:
            _stop(process)


def _wait(url: str, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    import httpx

    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            log.seek(0)
            said = log.read().decode("utf-8", "replace")
            raise WinnowError("the Prefect server did not start", where=said[-2000:].strip())
        try:
            up = (httpx.codes.OK, httpx.codes.UNAUTHORIZED)  # with auth on, even health asks for it
            if httpx.get(f"{url}/health", timeout=10).status_code in up:
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
