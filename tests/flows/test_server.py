"""`winnow serve` with no Prefect configured, and a run where the configured one is gone."""

import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import polars as pl
import psutil
import pytest

from flows.server import api_url, free_port, guarded
from schemas.errors import SettingsError
from tasks import PIPELINE
from tests.flows.asking import RUN_SECONDS, ask, finished, get, start, wait_for

AUTH = "PREFECT_SERVER_API_AUTH_STRING"
LOGIN = ("winnow", "a long enough one")


@pytest.fixture(autouse=True)
def _no_auth(monkeypatch):
    for name in (AUTH, f"{AUTH}_FILE", "PREFECT_API_AUTH_STRING"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_addresses_need_no_password(host):
    assert guarded(host) == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "example.org", ""])
def test_other_addresses_are_refused_without_a_password(host):
    with pytest.raises(SettingsError, match="others could start runs"):
        guarded(host)


def test_a_password_comes_from_a_file(monkeypatch, tmp_path):
    (tmp_path / "auth").write_text(":".join(LOGIN) + "\n")
    monkeypatch.setenv(f"{AUTH}_FILE", str(tmp_path / "auth"))
    assert guarded("0.0.0.0") == ":".join(LOGIN)


@pytest.mark.parametrize("said", ["winnow", "winnow:", ":a long enough one", "winnow:short"])
def test_what_is_no_user_and_password_is_refused_and_not_repeated(monkeypatch, tmp_path, said):
    (tmp_path / "auth").write_text(said)
    monkeypatch.setenv(f"{AUTH}_FILE", str(tmp_path / "auth"))
    with pytest.raises(SettingsError, match="not a user and a password") as refused:
        guarded("127.0.0.1")
    assert said not in str(refused.value).replace("user:password", "")


@pytest.mark.parametrize("path", ["no such file", "."])
def test_a_file_that_cannot_be_read_is_named(monkeypatch, tmp_path, path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"{AUTH}_FILE", path)
    with pytest.raises(SettingsError, match=f"{AUTH}_FILE"):
        guarded("0.0.0.0")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:1/api"),
        ("::", "http://[::1]:1/api"),
        ("127.0.0.2", "http://127.0.0.2:1/api"),
    ],
)
def test_this_machine_reaches_its_server(host, url):
    assert api_url(host, 1) == url


def test_a_taken_port_is_left_and_a_free_one_found():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = free_port("127.0.0.1", port)
    assert found != port
    assert free_port("127.0.0.1", found) == found


@contextmanager
def served(checkout, *arguments, **variables):
    """`winnow serve` with a database of its own; yields the lines it has printed once it serves."""
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "serve", *arguments],
        cwd=checkout.root,
        env={
            **checkout.environment,
            "PREFECT_HOME": str(checkout.root.parent / "home"),
            **variables,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, [process.stdout.readline().strip() for _ in range(2)]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


@pytest.mark.slow
def test_serve_starts_a_server_that_ends_with_it(make_checkout, tmp_path):
    checkout = make_checkout(tmp_path / "checkout")
    with served(checkout, "--port", str(free_port("127.0.0.1", 0))) as (_, lines):
        site = lines[0].removeprefix("page: ").removesuffix("/v2/deployments")
        assert httpx.get(f"{site}/api/health").json() is True
        told = httpx.get(f"{site}/ui-settings").json()
        assert told["api_url"] == f"{site}/api"
        assert lines[1]
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{site}/api/health")


@pytest.mark.slow
@pytest.mark.timeout(4 * RUN_SECONDS)
def test_runs_of_serve_rerun_what_a_setting_touches_and_fail_in_a_stage_s_own_words(
    make_checkout, tmp_path
):
    checkout = make_checkout(tmp_path / "checkout")
    with served(checkout, "--port", str(free_port("127.0.0.1", 0))) as (_, lines):
        api = lines[0].removeprefix("page: ").removesuffix("/v2/deployments") + "/api"
        deployment = wait_for(lambda: get(api, "deployments/name/curate/curate"))
        params = deployment["parameters"]["params"]

        def ran(block, **values):
            changed = {**params, block: {**params[block], **values}}
            return finished(api, start(api, deployment, changed))

        first = ran("choose", budget="9")
        assert first["state"]["type"] == "COMPLETED", first["state"]["message"]
        second = ran("choose", budget="10")
        states = {one["name"]: one["state"]["name"] for one in ask(api, "task_runs", second["id"])}
        place = PIPELINE.index("choose")
        assert {states[stage] for stage in PIPELINE[:place]} == {"Cached"}
        assert states["choose"] == "Completed"
        wrong = ran("ingest", text_key="no_such_column")
    assert wrong["state"]["type"] == "FAILED"
    assert wrong["state"]["message"].startswith("ingest stopped: ")
    assert "no_such_column" in wrong["state"]["message"]
    selection = pl.read_parquet(checkout.root / "artifacts" / "selection.parquet")
    assert len(selection) == 10, "the last good one"
    assert "budget: '10'" in checkout.lock


@pytest.mark.slow
def test_serve_beyond_loopback_asks_for_the_password(make_checkout, tmp_path):
    """Bound to every address of this machine, asked over loopback alone."""
    checkout = make_checkout(tmp_path / "checkout")
    (tmp_path / "auth").write_text(":".join(LOGIN))
    port = free_port("0.0.0.0", 0)
    where = ["--host", "0.0.0.0", "--port", str(port)]
    refused = checkout.winnow("serve", *where, check=False)
    assert refused.returncode == 2
    assert f"{AUTH}_FILE" in refused.stderr
    with served(checkout, *where, **{f"{AUTH}_FILE": str(tmp_path / "auth")}) as (process, lines):
        assert lines[1], "it reached its own server, and deployed, with the password"
        api = f"http://127.0.0.1:{port}/api"
        call = f"{api}/deployments/filter"
        assert httpx.post(call, json={}).status_code == 401
        assert httpx.post(call, json={}, auth=("winnow", "a wrong one indeed")).status_code == 401
        (deployment,) = until(lambda: httpx.post(call, json={}, auth=LOGIN).json())
        assert deployment["name"] == "curate"
        arguments = [line for each in family(process.pid) for line in each.cmdline()]
        assert arguments
        assert not [line for line in arguments if LOGIN[1] in line]


def until(ask, seconds=60):
    """What `ask` returns, as soon as that is something."""
    end = time.monotonic() + seconds
    while not (found := ask()) and time.monotonic() < end:
        time.sleep(0.5)
    return found


def family(pid):
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]
