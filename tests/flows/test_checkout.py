"""Runs brought back: bytes, refusals, and that a failure leaves the workspace as it was."""

import shutil
from pathlib import Path

import pytest

from flows.checkout import checkout, find
from flows.record import record
from flows.repro import stale_stages
from flows.runs import runs
from schemas.errors import SettingsError, WinnowError
from tests.flows.kept_runs import copy_project, make_project

FILES = ("params.yaml", "dvc.lock", "artifacts/out.txt", "artifacts/metrics.json")


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """A project with the kept runs `short` and `long`, the latter in the workspace."""
    with pytest.MonkeyPatch.context() as patch:
        project = make_project(tmp_path_factory.mktemp("two_runs"), patch)
        for name, times in (("short", 2), ("long", 5)):
            project.run("b", times)
            record(name)
    return project


@pytest.fixture
def project(two_runs, tmp_path, monkeypatch):
    return copy_project(two_runs, tmp_path / "project", monkeypatch)


def content() -> dict[str, bytes]:
    return {name: Path(name).read_bytes() for name in FILES}


def test_two_runs_back_and_forth_give_the_same_bytes_and_dvc_finds_nothing_changed(project):
    long = content()
    told = checkout("short", False, False)
    assert told.startswith("run short is back: params.yaml, dvc.lock, 2 artifacts\n")
    assert told.endswith("the code here is the run's")
    assert project.read("artifacts/out.txt") == "bb"
    assert "up to date" in project.dvc("status")
    short = content()
    checkout("long", False, False)
    assert content() == long
    checkout("short", False, False)
    assert content() == short


def test_the_list_marks_the_run_in_the_workspace_and_tells_what_differs(project):
    lines = runs(False).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["*", "short", "*"], lines
    assert lines[1].endswith("times=5")
    assert "word" not in lines[1]
    checkout("short", False, False)
    lines = runs(False).splitlines()
    assert lines[2].startswith("*  short")


@pytest.mark.parametrize(
    ("file", "text"),
    [("params.yaml", "word: c\ntimes: 9\n"), ("artifacts/out.txt", "edited by hand")],
)
def test_what_is_kept_nowhere_else_is_not_dropped_unless_forced(project, file, text):
    Path(file).unlink()
    project.write(file, text)
    before = content()
    with pytest.raises(WinnowError, match="neither git nor a kept run") as refused:
        checkout("short", False, False)
    assert refused.value.where == file
    assert content() == before
    checkout("short", True, False)
    assert project.read("artifacts/out.txt") == "bb"
    assert stale_stages() == []


def test_settings_that_git_holds_may_be_left(project):
    project.write("params.yaml", "word: c\ntimes: 9\n")
    project.git("commit", "-qam", "other settings")
    checkout("short", False, False)
    assert project.read("params.yaml") == "word: b\ntimes: 2\n"


def test_artifacts_that_are_nowhere_are_named_and_the_workspace_stays(project):
    shutil.rmtree(".dvc/cache")
    before = content()
    with pytest.raises(WinnowError, match="there is no remote") as refused:
        checkout("short", False, False)
    assert "artifacts/out.txt" in refused.value.where
    assert "init-remote" in refused.value.remedy
    assert content() == before


def test_other_code_is_named_with_the_way_to_the_code_of_the_run(project):
    project.write("tasks/make.py", project.read("tasks/make.py") + "# another version\n")
    project.git("commit", "-qam", "code")
    edited = project.read("tasks/make.py")
    told = checkout("short", False, False)
    assert (
        "the code here is not the run's: tasks/make.py differ\nDVC would run again: make\n" in told
    )
    assert project.read("tasks/make.py") == edited
    (way,) = [line for line in told.splitlines() if line.startswith("to rebuild it")]
    command = way.partition(": git ")[2].partition(",")[0].split()
    project.git(*command)
    assert "another" not in (project.root.parent / "short" / "tasks" / "make.py").read_text()


def test_a_run_is_found_by_name_or_commit_and_a_wrong_name_gets_near_ones(project):
    from flows.repro.experiments import kept_runs

    found = {run.name: run for run in kept_runs()}
    assert find(found["long"].commit[:8], kept_runs()) == found["long"]
    with pytest.raises(SettingsError, match="no run is called 'lon'") as refused:
        find("lon", kept_runs())
    assert refused.value.expected == "for instance long"
