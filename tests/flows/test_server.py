"""`winnow serve` with no Prefect configured, and a run where the configured one is gone."""

import signal
import socket
import subprocess
import sys

import httpx
import pytest

from flows.server import free_port, loopback
from schemas.errors import SettingsError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_addresses_are_allowed(host):
    assert loopback(host) == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "example.org", ""])
def test_other_addresses_are_refused(host):
    with pytest.raises(SettingsError, match="others could start runs"):
        loopback(host)


def test_a_taken_port_is_left_and_a_free_one_found():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = free_port("127.0.0.1", port)
    assert found != port
    assert free_port("127.0.0.1", found) == found


def test_serve_starts_a_server_that_ends_with_it(make_checkout, tmp_path):
    checkout = make_checkout(tmp_path / "checkout")
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "serve", "--port", str(free_port("127.0.0.1", 0))],
        cwd=checkout.root,
        env=checkout.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        page = process.stdout.readline().removeprefix("page: ").strip()
        site = page.removesuffix("/v2/deployments")
        assert httpx.get(f"{site}/api/health").json() is True
        told = httpx.get(f"{site}/ui-settings").json()
        assert told["api_url"] == f"{site}/api"
        assert process.stdout.readline()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{site}/api/health")
