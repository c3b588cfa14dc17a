"""`winnow init-remote`, and runs brought back in another clone, over HTTP against an S3 service."""

import subprocess
import sys
from pathlib import Path

import pytest

from flows.checkout import checkout
from flows.push import push
from flows.record import record
from flows.remote import init_remote
from flows.repro.experiments import experiments
from flows.runs import fetch_metrics
from schemas.errors import SettingsError, WinnowError
from tests.flows.kept_runs import Project, copy_project, make_project
from tests.flows.s3_server import SECRET, s3_server

CONFIG = Path(".dvc/config")


@pytest.fixture(scope="module")
def s3():
    with s3_server() as service:
        service.client().create_bucket(Bucket="team")
        yield service


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        project = make_project(tmp_path_factory.mktemp("made"), patch)
        project.run("b", 2)
        record("short")
    return project


@pytest.fixture
def project(made, tmp_path, monkeypatch) -> Project:
    return copy_project(made, tmp_path / "project", monkeypatch)


@pytest.fixture
def entered(s3, monkeypatch):
    """Credentials in the environment."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return s3


def test_the_place_is_tested_and_becomes_dvcs_default_remote_once(project, entered):
    told = init_remote("s3://team/one", entered.endpoint)
    assert told.startswith("s3://team/one is now DVC's default remote")
    text = CONFIG.read_text()
    assert "remote = storage" in text
    assert "analytics = false" in text, "what was configured before"
    assert SECRET not in text
    assert "tester" not in text
    text += "    region = us-east-1\n"
    assert text.index("endpointurl") > text.rindex("["), "the remote comes last"
    CONFIG.write_text(text)
    assert init_remote("s3://team/one", "").startswith("s3://team/one was already")
    assert CONFIG.read_text() == text, "endpoint and region stay"
    left = entered.client().list_objects_v2(Bucket="team", Prefix="one/")
    assert left["KeyCount"] == 0, "the probe is gone"
    assert project.dvc("push").strip() == "2 files pushed"


def test_credentials_of_config_local_are_used_and_none_is_told_with_the_remedy(
    project, entered, monkeypatch, tmp_path
):
    init_remote("s3://team/two", entered.endpoint)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    before = CONFIG.read_bytes()
    with pytest.raises(WinnowError, match="access denied") as refused:
        init_remote("s3://team/three", entered.endpoint)
    assert "AWS_SECRET_ACCESS_KEY in the environment" in refused.value.remedy
    assert CONFIG.read_bytes() == before
    half = f"['remote \"storage\"']\n    secret_access_key = {SECRET}\n"
    project.write(".dvc/config.local", half)
    with pytest.raises(WinnowError, match=r"access denied.*missing: aws_access_key_id"):
        init_remote("s3://team/three", entered.endpoint)
    project.write(".dvc/config.local", half + "    access_key_id = tester\n")
    assert "is now" in init_remote("s3://team/three", entered.endpoint)
    assert SECRET not in CONFIG.read_text()


@pytest.mark.slow
def test_a_bucket_that_is_not_there_and_a_service_that_is_down_are_told_apart(project, entered):
    before = CONFIG.read_bytes()
    with pytest.raises(WinnowError, match="no such place") as refused:
        init_remote("s3://nowhere/x", entered.endpoint)
    assert "create the bucket" in refused.value.remedy
    with pytest.raises(WinnowError, match="cannot be reached"):
        init_remote("s3://team/x", "http://127.0.0.1:9")
    assert CONFIG.read_bytes() == before


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("s3://key:secret@team/x", ""),
        ("s3://team/x?secret=1", ""),
        ("s3:///x", ""),
        ("ftp://team/x", ""),
        ("", ""),
        ("s3://team/x", "127.0.0.1:9000"),
        ("s3://team/x", "http://key:secret@127.0.0.1:9000"),
    ],
)
def test_an_address_with_credentials_or_of_no_known_kind_is_refused(project, url, endpoint):
    before = CONFIG.read_bytes()
    with pytest.raises(SettingsError) as refused:
        init_remote(url, endpoint)
    assert "key:secret" not in str(refused.value)
    assert CONFIG.read_bytes() == before


def test_credentials_in_the_file_that_git_tracks_are_refused(project, tmp_path):
    project.write(
        ".dvc/config", f"['remote \"old\"']\n    url = s3://x\n    secret_access_key = {SECRET}\n"
    )
    with pytest.raises(WinnowError, match="a file that git tracks") as refused:
        init_remote(str(tmp_path / "store"), "")
    assert SECRET not in str(refused.value)
    assert "dvc remote modify --unset old secret_access_key" in refused.value.remedy


@pytest.mark.slow  # 14 CPU seconds of git and DVC
def test_runs_travel_to_another_clone_over_s3_and_come_back_byte_for_byte(
    project, entered, tmp_path, monkeypatch
):
    init_remote("s3://team/travel", entered.endpoint)  # after `short`, which knows no remote
    project.git("add", ".dvc/config", "params.yaml", "dvc.lock")
    project.git("commit", "-qm", "remote")
    project.run("b", 5)
    record("long")
    long = Path("artifacts/out.txt").read_bytes()
    bare = tmp_path / "server.git"
    project.git("clone", "-q", "--bare", ".", str(bare))
    project.git("remote", "add", "origin", str(bare))
    assert push("origin") == "4 artifacts sent to the default remote, 2 of 2 runs to origin"
    assert push("origin") == "0 artifacts sent to the default remote, 2 of 2 runs to origin"
    clone = Project(tmp_path / "elsewhere" / "clone")
    project.git("clone", "-q", str(bare), str(clone.root))
    monkeypatch.chdir(clone.root)
    told = clone.dvc("exp", "pull", "origin", "-A", "--no-cache")
    fetch_metrics()
    found = {run.name: run.metrics for run in experiments()}
    assert found == {"short": {"selected.rows": 2}, "long": {"selected.rows": 5}}, told
    checkout("long", False, False)
    assert Path("artifacts/out.txt").read_bytes() == long
    assert "1 of them fetched" in checkout("short", False, False)
    assert Path("artifacts/out.txt").read_text() == "bb"
    assert "up to date" in clone.dvc("status")


@pytest.mark.slow  # 5 CPU seconds of DVC as a command
def test_a_folder_serves_as_remote_and_dvc_agrees(project, tmp_path):
    init_remote("../store", "")
    told = subprocess.run(
        [sys.executable, "-m", "dvc", "remote", "list"], capture_output=True, text=True
    )
    assert Path(told.stdout.split()[1]).resolve() == (tmp_path / "store").resolve()
    project.dvc("push", "-q")
    assert list((tmp_path / "store" / "files").rglob("*"))
