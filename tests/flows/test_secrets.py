"""Secrets planted around a run of the whole chain: nothing that it writes or shows holds one."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from flows.server import free_port, local_server
from tests.flows.s3_server import SECRET, s3_server

pytestmark = [
    pytest.mark.slow,  # the whole chain once, with a server and object storage
    pytest.mark.timeout(1500),  # on a busy machine; a quiet one needs two or three minutes
]

AUTH = "admin:planted-auth-string-4e5f6a7b"
PASSWORD = "planted-database-password-8c9d0e1f"
SECRETS = {"S3 key": SECRET, "Prefect auth": AUTH.partition(":")[2], "database": PASSWORD}
PLANTED = (".dvc/config.local", ".env")  # where a user may keep them
IDENTITY = ("-c", "user.name=x", "-c", "user.email=x@y")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home with credentials in a file, as `aws configure` leaves it."""
    folder = tmp_path_factory.mktemp("home")
    (folder / ".aws").mkdir()
    credentials = f"[default]\naws_access_key_id = tester\naws_secret_access_key = {SECRET}\n"
    (folder / ".aws" / "credentials").write_text(credentials)
    return folder


@pytest.fixture(scope="module")
def guarded_api(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """A Prefect server behind basic auth, and its folder."""
    folder = tmp_path_factory.mktemp("guarded_prefect")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(folder))
        patch.setenv("PREFECT_SERVER_API_AUTH_STRING", AUTH)
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        with local_server("127.0.0.1", free_port("127.0.0.1", 0)) as url:
            yield url, folder


@pytest.fixture(scope="module")
def finished(make_checkout, tmp_path_factory, guarded_api, home, tiny_model):
    """A checkout after remote, run and push; what they said; every command line seen meanwhile."""
    url, _ = guarded_api
    checkout = make_checkout(tmp_path_factory.mktemp("secrets"))
    database = f"postgresql+asyncpg://winnow:{PASSWORD}@127.0.0.1:1/prefect"
    with s3_server() as s3:
        s3.client().create_bucket(Bucket="team")
        secrets = {
            "HOME": str(home),
            "PREFECT_API_URL": url,
            "PREFECT_API_AUTH_STRING": AUTH,
            "PREFECT_API_DATABASE_CONNECTION_URL": database,
            **s3.environment,
        }
        checkout = replace(checkout, environment={**checkout.environment, **secrets})
        shutil.copytree(tiny_model, checkout.root / "model")
        plant(checkout.root)
        said, seen = b"", set()
        for command in (["init-remote", "s3://team/x", "--endpoint", s3.endpoint],
                        ["run", "--set", "embed.model=model"],
                        ["push", str(checkout.root.parent / "server.git")]):  # fmt: skip
            told, lines = watched(checkout, command)
            said, seen = said + told, seen | lines
    return checkout, said, seen


def plant(root: Path) -> None:
    """Secrets in the files that git ignores, and a first commit."""
    (root / ".env").write_text(f"PASSWORD={PASSWORD}\n")
    local = (
        f"['remote \"storage\"']\n    access_key_id = tester\n    secret_access_key = {SECRET}\n"
    )
    (root / ".gitignore").write_text("/artifacts/\n__pycache__/\n.env\n")
    git = ["git", *IDENTITY]
    subprocess.run([*git, "add", "-A"], cwd=root, check=True)
    subprocess.run([*git, "commit", "-qm", "first"], cwd=root, check=True)
    (root / "kept-for-later").write_text(local)
    server = root.parent / "server.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(root), str(server)], check=True)


def watched(checkout, command: list[str]) -> tuple[bytes, set[bytes]]:
    """Run a command to its end: all it printed, and every command line on the machine meanwhile."""
    log = checkout.root.parent / "said.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *command],
            cwd=checkout.root, env=checkout.environment, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip
        seen: set[bytes] = set()
        while process.poll() is None:
            seen |= set(command_lines())
            time.sleep(0.2)  # looking costs more than a core at twenty times a second
    assert process.returncode == 0, log.read_text()
    if command[0] == "init-remote":
        (checkout.root / "kept-for-later").rename(checkout.root / ".dvc" / "config.local")
    return log.read_bytes(), seen


def command_lines() -> Iterator[bytes]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            yield (folder / "cmdline").read_bytes()
        except OSError:
            continue  # it ended meanwhile


def written(checkout, prefect: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (where, bytes) of all that a run leaves; what is compressed is unpacked."""
    places = [checkout.root, prefect, checkout.root.parent / "server.git"]
    for place in places:
        for folder, _, names in os.walk(place):
            for file in (Path(folder) / name for name in names):
                if file.relative_to(place).as_posix() in PLANTED:
                    continue
                content = file.read_bytes()
                yield str(file), content
                if content[:4] == b"PAR1":
                    yield f"{file}, unpacked", pl.read_parquet(file).write_ndjson().encode()
    objects = ["git", "cat-file", "--batch-all-objects", "--batch"]
    for place in (checkout.root, places[-1]):
        yield f"objects of {place}", subprocess.check_output(objects, cwd=place)


def test_nothing_that_a_run_writes_or_shows_holds_a_secret(finished, guarded_api):
    checkout, said, seen = finished
    assert b"kept as run " in said
    name = said.partition(b"kept as run ")[2].partition(b":")[0]
    everything = [
        *written(checkout, guarded_api[1]),
        ("what was printed", said),
        ("command lines", b"\n".join(seen)),
    ]
    found = [
        f"{what} in {where}"
        for where, content in everything
        for what, secret in SECRETS.items()
        if secret.encode() in content
    ]
    assert not found
    # The search sees what it must: the run's name in git's objects and in Prefect's database,
    # a row's text inside Parquet, a stage among the processes.
    row = pl.read_parquet(checkout.root / "artifacts/selection.parquet")["id"][0].encode()
    holds = {where for where, content in everything if name in content}
    assert f"objects of {checkout.root}" in holds
    assert any(where.startswith(str(guarded_api[1])) for where in holds)
    assert any(row in content and "unpacked" in where for where, content in everything)
    assert any(b"tasks.choose" in line for line in seen)
