"""`winnow doctor` on what is whole and on what is broken, one thing at a time."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from flows import environment as finding_services
from flows.doctor import machine, model, packages, prefect, storage
from flows.doctor.examine import as_json, as_text, failed
from flows.doctor.finding import absent, fail, ok, warn

ROOT = Path(__file__).resolve().parents[2]
PROJECT = '[project]\nrequires-python = "{python}"\ndependencies = ["psutil{psutil}", "{other}"]\n'


def project(root: Path, python=">=3.11", psutil=">=1", other="httpx", pins="") -> Path:
    text = PROJECT.format(python=python, psutil=psutil, other=other)
    (root / "pyproject.toml").write_text(text)
    (root / "constraints.txt").write_text(pins)
    return root


def states(findings) -> dict[str, str]:
    return {finding.what: finding.state for finding in findings}


def test_this_checkout_has_its_packages():
    assert states(packages.check())["packages"] == "ok"


@pytest.mark.parametrize(
    ("wrong", "what", "state", "words"),
    [
        ({"python": ">=4"}, "python", "fail", "wanted >=4"),
        ({"psutil": "<1"}, "packages", "fail", "psutil is"),
        ({"other": "no-such-package-here"}, "packages", "fail", "no-such-package-here is missing"),
        ({"pins": "psutil==1.0\nnot-installed==1\n"}, "pins", "warn", "tested with 1.0"),
    ],
)
def test_a_wrong_version_is_named_with_the_command_that_mends_it(
    tmp_path, wrong, what, state, words
):
    found = {finding.what: finding for finding in packages.check(project(tmp_path, **wrong))}
    assert found[what].state == state
    assert words in found[what].found
    assert found[what].mend
    assert {each.state for name, each in found.items() if name != what} == {"ok"}


def test_a_folder_without_git_is_a_failure(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (found,) = machine.check_git()
    assert found.state == "fail"
    assert "git init" in found.mend


def test_git_that_is_not_installed_is_a_failure(monkeypatch):
    monkeypatch.setenv("PATH", "")
    (found,) = machine.check_git()
    assert (found.state, found.mend) == ("fail", "sudo apt-get install git")


@pytest.mark.parametrize(("limit", "state"), [("TIGHT_GIB", "warn"), ("FULL_GIB", "fail")])
def test_a_full_disk_is_told(monkeypatch, limit, state):
    monkeypatch.setattr(machine, limit, 10**9)
    assert states(machine.check_disk()) == {"disk": state}


@pytest.mark.parametrize(
    ("limit", "state"), [("TIGHT_MEMORY_GIB", "warn"), ("LEAST_MEMORY_GIB", "fail")]
)
def test_little_memory_is_told(monkeypatch, limit, state):
    monkeypatch.setattr(machine, limit, 10**9)
    assert states(machine.check_memory()) == {"memory": state}


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("model: all-MiniLM-L6-v2", "model: no/such-model", "model"),
        ("seed: 0", "seed: minus one", "settings"),
    ],
)
def test_a_wrong_setting_or_a_missing_model_is_told(tmp_path, monkeypatch, old, new, what):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    text = (ROOT / "params.yaml").read_text()
    assert old in text
    (tmp_path / "params.yaml").write_text(text.replace(old, new))
    monkeypatch.chdir(tmp_path)
    found = list(model.check())[-1]
    assert (found.what, found.state) == (what, "fail")
    assert found.mend


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """An empty repository of git and DVC."""
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configure(repository: Path, url: str, **options: str) -> None:
    lines = ["[core]", "    remote = store", "['remote \"store\"']", f"    url = {url}"]
    lines += [f"    {name} = {value}" for name, value in options.items()]
    (repository / ".dvc" / "config").write_text("\n".join(lines) + "\n")


def test_no_remote_is_not_set_up_and_a_folder_is_one(repository, tmp_path):
    assert states(storage.check_remote()) == {"dvc remote": "not set up"}
    configure(repository, str(tmp_path / "store"))
    assert states(storage.check_remote()) == {"dvc remote": "ok"}


def test_a_remote_that_does_not_answer_is_a_failure(repository, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    configure(repository, "s3://nowhere/dvc", endpointurl=silent_url())
    (found,) = storage.check_remote()
    assert found.state == "fail"
    assert "s3://nowhere/dvc" in found.found


def test_a_remote_without_a_definition_is_a_failure(repository):
    (repository / ".dvc" / "config").write_text("[core]\n    remote = gone\n")
    (found,) = storage.check_remote()
    assert (found.state, "'gone' is not defined" in found.found) == ("fail", True)


def test_a_folder_without_dvc_is_a_failure(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert states(storage.check_repository()) == {"dvc": "fail"}


def silent_url() -> str:
    """Address of a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_s3_that_is_not_set_up_does_not_answer_or_has_no_keys(monkeypatch, tmp_path):
    for name in finding_services.OWN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert states(storage.check_s3()) == {"s3": "not set up"}
    monkeypatch.setenv("AWS_ENDPOINT_URL", silent_url())
    (found,) = storage.check_s3()
    assert (found.state, "no credentials" in found.found) == ("fail", True)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    (found,) = storage.check_s3()
    assert (found.state, "does not answer" in found.found) == ("fail", True)


def test_prefect_that_does_not_answer_is_a_failure():
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings(updates={PREFECT_API_URL: f"{silent_url()}/api"}):
        (found,) = prefect.check()
    assert (found.what, found.state) == ("prefect", "fail")
    assert "make services" in found.mend


@pytest.mark.slow
def test_a_server_without_a_pool_is_healthy_and_one_without_a_worker_is_not(prefect_api):
    import httpx
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings(updates={PREFECT_API_URL: prefect_api}):
        assert states(prefect.check())["database"] == "ok"
        httpx.post(f"{prefect_api}/work_pools/", json={"name": "idle", "type": "process"})
        found = {finding.what: finding for finding in prefect.check()}
    assert found["worker"].state == "fail"
    assert "prefect worker start --pool idle" in found["worker"].mend


def test_the_table_shows_the_mending_command_and_json_the_same():
    findings = [ok("a", "fine"), warn("b", "hm", "do b"), fail("c", "no", "do c")]
    assert failed(findings)
    assert not failed([*findings[:2], absent("d", "nothing", "do d")])
    assert as_text(findings).splitlines()[-1].split() == ["->", "do", "c"]
    assert json.loads(as_json(findings))["checks"][2] == {
        "what": "c", "state": "fail", "found": "no", "mend": "do c",
    }  # fmt: skip


def test_the_services_are_found_unless_the_user_means_others(tmp_path, monkeypatch):
    for name in (*finding_services.OWN, "PREFECT_API_URL", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "winnow.env"
    finding_services.use_services(file)
    file.write_text("PREFECT_API_URL=http://a/api\nAWS_ENDPOINT_URL=http://b\nAWS_REGION=r\n")
    monkeypatch.setenv("AWS_PROFILE", "mine")
    finding_services.use_services(file)
    assert os.environ["PREFECT_API_URL"] == "http://a/api"
    assert "AWS_ENDPOINT_URL" not in os.environ
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("PREFECT_API_URL", "http://mine/api")
    finding_services.use_services(file)
    assert os.environ["PREFECT_API_URL"] == "http://mine/api"
    assert os.environ["AWS_ENDPOINT_URL"] == "http://b"
    for name in ("PREFECT_API_URL", "AWS_ENDPOINT_URL", "AWS_REGION"):
        os.environ.pop(name, None)
