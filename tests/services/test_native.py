"""The native services for real: started on free ports, used, killed, brought back, stopped."""

import asyncio
import configparser
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from flows.server import free_port
from flows.services.config import Config, load_config, read_env
from flows.services.control import ROLES
from flows.services.objects import s3_client

ROOT = Path(__file__).resolve().parents[2]
PORTS = ("POSTGRES_PORT", "S3_PORT", "PREFECT_PORT")
pytestmark = [
    pytest.mark.slow,  # a minute or two; .ci/run runs them
    pytest.mark.skipif(
        not list(Path("/usr/lib/postgresql").glob("*/bin/postgres")),
        reason="PostgreSQL is not installed: infra/postgres.sh installs it",
    ),
]


@dataclass
class Services:
    """The command of `make services`, with a folder and ports of its own."""

    state: Path
    environment: dict[str, str]

    @property
    def config(self) -> Config:
        return load_config(environment=self.environment)

    def command(self, name: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "flows.services", name, "--json", "--state", str(self.state)],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
        )

    def states(self, name: str) -> dict[str, dict]:
        told = self.command(name)
        assert told.stdout, told.stderr
        return {each["name"]: each for each in json.loads(told.stdout)}

    def doctor(self) -> dict[str, dict]:
        client = read_env(self.state / "winnow.env")
        told = subprocess.run(
            [sys.executable, "-m", "flows.cli", "doctor", "--json"],
            cwd=ROOT,
            env={**self.environment, **client},
            capture_output=True,
            text=True,
        )
        found = json.loads(told.stdout)
        assert told.returncode == (0 if found["healthy"] else 1), told.stderr
        return {check["what"]: check for check in found["checks"]}

    def secrets(self) -> list[str]:
        password = (self.state / "secrets" / "postgres_password").read_text()
        profile = configparser.ConfigParser()
        profile.read(self.state / "secrets" / "s3_credentials")
        auth = (self.state / "secrets" / "prefect_auth").read_text().partition(":")[2]
        return [password, profile["default"]["aws_secret_access_key"], auth]


@pytest.fixture(scope="module")
def services():
    """Folder that PostgreSQL's account can pass through, which pytest's own is not to root."""
    state = Path(tempfile.mkdtemp(prefix="winnow-services-"))
    state.chmod(0o711)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "AWS_"))}
    ports = {name: str(free_port("127.0.0.1", 0)) for name in PORTS}
    found = Services(state, {**kept, **ports, "HF_HUB_OFFLINE": "1", "DVC_NO_ANALYTICS": "1"})
    try:
        yield found
    finally:
        found.command("stop")
        shutil.rmtree(state)


@pytest.fixture(scope="module")
def running(services):
    found = services.states("start")
    assert {name: each["problem"] for name, each in found.items()} == {r.name: "" for r in ROLES}
    return services


def test_the_database_holds_prefects_tables(running):
    import asyncpg

    async def version() -> tuple:
        config = running.config
        link = await asyncpg.connect(
            host="127.0.0.1",
            port=config.postgres_port,
            user=config.postgres_user,
            database=config.postgres_db,
            passfile=str(running.state / "secrets" / "pgpass"),
        )
        try:
            runs = await link.fetchval("select count(*) from flow_run")
            pools = await link.fetch("select name from work_pool")
            return runs, [pool["name"] for pool in pools]
        finally:
            await link.close()

    assert asyncio.run(version()) == (0, [running.config.prefect_work_pool])


def test_the_database_refuses_who_has_no_password(running):
    import asyncpg

    config = running.config
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(
            asyncpg.connect(
                host="127.0.0.1",
                port=config.postgres_port,
                user=config.postgres_user,
                database=config.postgres_db,
                password="guess",
            )
        )


def test_objects_come_back_as_they_were_put(running):
    config = running.config
    client = s3_client(config.s3_url, config.s3_region, running.state / "secrets/s3_credentials")
    body = os.urandom(9 * 2**20)
    client.put_object(Bucket=config.s3_bucket, Key="a/b", Body=body)
    assert client.get_object(Bucket=config.s3_bucket, Key="a/b")["Body"].read() == body


def test_prefect_answers_and_its_worker_is_online(running):
    url = running.config.prefect_url
    assert httpx.get(f"{url}/health").json() is True
    pool = running.config.prefect_work_pool
    (worker,) = httpx.post(f"{url}/work_pools/{pool}/workers/filter", json={}).json()
    assert worker["status"] == "ONLINE"
    site = url.removesuffix("/api")
    assert httpx.get(f"{site}/ui-settings").json()["api_url"] == url


def test_a_second_start_leaves_the_processes_alone(running):
    before = running.states("status")
    assert {n: e["pid"] for n, e in running.states("start").items()} == {
        name: each["pid"] for name, each in before.items()
    }


def test_everything_listens_on_loopback_alone(running):
    ports = {getattr(running.config, name.lower()) for name in PORTS}
    listening = [
        link
        for link in psutil.net_connections("inet")
        if link.status == psutil.CONN_LISTEN and link.laddr.port in ports
    ]
    assert {link.laddr.port for link in listening} == ports
    assert {link.laddr.ip for link in listening} == {"127.0.0.1"}


def test_secrets_are_in_their_files_alone(running):
    for path in (running.state / "secrets").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path
    lines = [" ".join(each.cmdline()) for each in processes_of(running)]
    texts = [path.read_text(errors="replace") for path in running.state.glob("logs/*")]
    texts += [(running.state / "winnow.env").read_text()]
    assert len(lines) >= 4
    for secret in running.secrets():
        assert len(secret) > 20
        assert not [text for text in [*lines, *texts] if secret in text]


def test_the_doctor_finds_them_well(running):
    found = running.doctor()
    for name in ("s3", "prefect", "database", "worker", "git", "dvc", "model", "packages"):
        assert found[name]["state"] == "ok", found[name]
    assert running.config.s3_bucket in found["s3"]["found"]


def test_killed_services_are_noticed_and_come_back_with_what_they_kept(running):
    url = f"{running.config.prefect_url}/variables/"
    assert httpx.post(url, json={"name": "kept", "value": "yes"}).status_code == 201
    before = kill(running, "postgres", "s3")
    found = running.doctor()
    for name in ("s3", "database"):
        assert found[name]["state"] == "fail"
        assert "make services" in found[name]["mend"]
    after = running.states("start")
    assert [each["problem"] for each in after.values()] == [""] * len(ROLES)
    assert after["postgres"]["pid"] != before["postgres"]["pid"]
    assert httpx.get(f"{url}name/kept").json()["value"] == "yes"


def test_a_killed_server_and_worker_come_back(running):
    before = kill(running, "prefect", "worker")
    after = running.states("start")
    assert [each["problem"] for each in after.values()] == [""] * len(ROLES)
    assert after["postgres"]["pid"] == before["postgres"]["pid"]


def kill(running: Services, *roles: str) -> dict[str, dict]:
    """Kill services without a word; returns how all were before."""
    before = running.states("status")
    for role in roles:
        process = psutil.Process(before[role]["pid"])
        process.kill()
        psutil.wait_procs([process], 10)
    now = running.states("status")
    assert [now[role]["problem"] for role in roles] == ["not running"] * len(roles)
    return before


def test_a_port_in_use_is_named_and_nothing_is_ended(services):
    services.command("stop")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", services.config.postgres_port))
        taken.listen()
        told = services.command("start")
    assert told.returncode == 1
    assert f"127.0.0.1:{services.config.postgres_port}" in told.stderr
    assert "POSTGRES_PORT" in told.stderr


def test_stop_leaves_no_process_no_port_and_no_addresses(services):
    services.states("start")
    left = processes_of(services)
    assert services.command("stop").returncode == 0
    assert not [each for each in left if each.is_running() and each.status() != "zombie"]
    assert processes_of(services) == []
    assert not (services.state / "winnow.env").exists()
    assert not [path for path in services.state.rglob("*") if path.is_socket()]
    for name in PORTS:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", getattr(services.config, name.lower())), 2)
    assert services.command("stop").returncode == 0, "safe to repeat"


def processes_of(services: Services) -> list[psutil.Process]:
    """Every process that names the folder in its command line, its environment or as its place."""
    found = []
    for each in psutil.process_iter():
        try:
            told = [*each.cmdline(), *each.environ().values(), each.cwd()]
        except psutil.Error:
            continue
        if each.pid != os.getpid() and any(str(services.state) in word for word in told):
            found.append(each)
    return found
