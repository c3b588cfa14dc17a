"""infra/compose.yaml: valid as Docker reads it, and the same services as the native ones."""

import json
import re
import subprocess
from pathlib import Path

import compose_spec
import pytest
import yaml

from flows.services.config import SETTINGS, Config, load_config, read_env
from flows.services.control import ROLES
from flows.services.secrets import FILES, ensure_secrets

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "infra" / "compose.yaml"
LOOPBACK_PORT = re.compile(r"127\.0\.0\.1:(\d+):\d+")


def filled() -> str:
    """The file as `docker compose --env-file infra/services.env` fills it in."""
    settings = read_env(SETTINGS)
    return re.sub(r"\$\{(\w+)\}", lambda name: settings[name[1]], FILE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load(filled())


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config(environment={})


def test_docker_would_read_it():
    plain = json.dumps(yaml.safe_load(filled()))  # its own reader knows no merge keys
    names = set(compose_spec.PyCompose.from_yaml(plain).service_names())
    assert names == {"postgres", "s3", "bucket", "prefect", "worker"}


@pytest.mark.parametrize("wrong", ["    ports: [x:1]", "    imaje: a", "    restart: sometimes"])
def test_the_reader_refuses_what_is_wrong(wrong):
    with pytest.raises(ValueError, match="line"):
        compose_spec.PyCompose.from_yaml(f"services:\n  a:\n    image: b\n{wrong}\n")


def test_it_has_the_native_roles_on_the_native_ports(compose, config):
    native = {role.name: role(config, ROOT).port for role in ROLES}
    published = {
        name: [int(LOOPBACK_PORT.fullmatch(port)[1]) for port in service.get("ports", [])]
        for name, service in compose["services"].items()
        if name != "bucket"  # runs once; natively a step of the start
    }
    assert published == {name: [port] if port else [] for name, port in native.items()}


def test_every_lasting_service_has_a_health_check_and_a_pinned_image(compose):
    for name, service in compose["services"].items():
        assert re.search(r":\d+\.\d+", service["image"]), name
        assert name == "bucket" or service["healthcheck"]["test"][0] == "CMD"


def test_data_lies_in_named_volumes(compose):
    used = {
        volume.partition(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", [])
    }
    assert used - {".."} == set(compose["volumes"])


def test_secrets_are_the_native_files_and_each_use_is_declared(compose, tmp_path, config):
    ensure_secrets(tmp_path / "secrets", config)
    made = {path.name for path in (tmp_path / "secrets").iterdir()}
    declared = {name: Path(entry["file"]) for name, entry in compose["secrets"].items()}
    assert made == set(declared) == set(FILES)
    assert all(path == Path("../.services/secrets") / name for name, path in declared.items())
    used = {name for each in compose["services"].values() for name in each.get("secrets", [])}
    assert used == set(declared)
    for service in compose["services"].values():
        mounted = {f"/run/secrets/{name}" for name in service.get("secrets", [])}
        named = set(re.findall(r"/run/secrets/[\w.]+", str(service)))
        assert named <= mounted


def test_no_password_stands_in_a_variable(compose):
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|AUTH|CREDENTIALS|PASSFILE", name):
                assert str(value).startswith("/run/secrets/"), name


def test_versions_are_those_of_the_native_services(compose, config):
    assert (
        compose["services"]["postgres"]["image"] == f"postgres:{config.postgres_version}-bookworm"
    )
    dockerfile = (ROOT / "infra" / "Dockerfile").read_text(encoding="utf-8")
    assert "-c constraints.txt ." in dockerfile  # Prefect and all else: the pins of .venv
    assert "FROM python:3.11." in dockerfile


def test_both_use_the_same_pool_database_and_bucket(compose, config):
    services = compose["services"]
    assert services["worker"]["command"][6] == config.prefect_work_pool
    assert services["bucket"]["environment"]["S3_BUCKET"] == config.s3_bucket
    where = services["prefect"]["environment"]["PREFECT_SERVER_DATABASE_CONNECTION_URL"]
    native = config.database_url.replace(f"127.0.0.1:{config.postgres_port}", "postgres:5432")
    assert where == native


def test_the_entrypoint_hands_the_secret_on_and_not_on_the_command_line(tmp_path):
    secret = tmp_path / "auth"
    secret.write_text("winnow:a b'c\"d$e")
    told = subprocess.run(
        [ROOT / "infra" / "entrypoint.sh", "printenv", "PREFECT_SERVER_API_AUTH_STRING"],
        env={"PATH": "/usr/bin:/bin", "PREFECT_SERVER_API_AUTH_STRING_FILE": str(secret)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == secret.read_text() + "\n"
