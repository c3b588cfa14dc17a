"""Runs are kept by git's plumbing: what is in them, and that nothing of the user's is touched."""

import json
import re
import subprocess

import pytest

from flows.record import free_name, keep, record
from schemas.errors import WinnowError
from tests.flows.kept_runs import copy_project, make_project


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project whose run has just finished: its dvc.lock is new to git."""
    with pytest.MonkeyPatch.context() as patch:
        project = make_project(tmp_path_factory.mktemp("finished"), patch)
        project.run("b")
    return project


@pytest.fixture
def project(finished, tmp_path, monkeypatch):
    """A copy of the finished project, for one test."""
    return copy_project(finished, tmp_path / "project", monkeypatch)


@pytest.fixture
def nameless(monkeypatch, tmp_path):
    """Git knows no name to sign with, and may not make one up."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME", raising=False)
        monkeypatch.delenv(f"GIT_{role}_EMAIL", raising=False)
    config = tmp_path / "gitconfig"
    config.write_text("[user]\n    useConfigOnly = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")


def files_of(project, commit: str) -> set[str]:
    return set(project.git("ls-tree", "-r", "--name-only", commit).split())


def test_dvc_knows_a_recorded_run_by_its_name_with_its_settings_and_metrics(project):
    project.run("b", 5)
    kept = record("my run")
    (state,) = json.loads(project.dvc("exp", "show", "--json", "--hide-workspace"))
    (run,) = [each["revs"][0] for each in state["experiments"]]
    assert (run["name"], run["rev"]) == ("my-run", kept.commit)
    assert run["data"]["params"]["params.yaml"]["data"] == {"word": "b", "times": 5}
    metrics = run["data"]["metrics"]["artifacts/metrics.json"]["data"]
    assert metrics == {"selected": {"rows": 5}}


def test_recording_leaves_branch_index_and_files_as_they_are(project):
    project.write("staged.py", "staged")
    project.git("add", "staged.py")
    project.write("tasks/make.py", edited := project.read("tasks/make.py") + "# changed\n")
    project.write("tasks/new.py", "untracked code")
    project.write("notes.txt", "untracked, not code")
    before = project.state()
    kept = record("run")
    assert project.state() == before
    assert project.read("tasks/make.py") == edited
    assert project.git("show", f"{kept.commit}:tasks/make.py") == edited
    held = files_of(project, kept.commit)
    assert {"params.yaml", "dvc.lock", "dvc.yaml", "tasks/new.py", "staged.py"} <= held
    assert "notes.txt" not in held


def test_what_git_ignores_and_what_dvc_is_told_stay_out(project):
    project.write("secret.env", "KEY=abc")
    project.write("tasks/secret.env", "KEY=abc")
    project.write(".dvc/config", "[core]\n    remote = s\n['remote \"s\"']\n    password = abc\n")
    kept = record("run")
    assert not {"secret.env", "tasks/secret.env"} & files_of(project, kept.commit)
    assert "abc" not in project.git("show", f"{kept.commit}:.dvc/config")


def test_dvc_lock_and_settings_are_kept_even_where_git_ignores_them(project):
    project.write(".gitignore", "/artifacts/\ndvc.lock\nparams.yaml\n")
    kept = record("run")
    assert project.git("show", f"{kept.commit}:dvc.lock") == project.read("dvc.lock")


def test_equal_names_are_numbered_also_across_commits(project):
    names = [record("run").name, record("run").name]
    project.git("commit", "-qm", "second", "--allow-empty")
    names.append(record("run").name)
    assert names == ["run", "run-2", "run-3"]


def test_a_run_is_recorded_on_a_detached_head_and_in_a_shallow_clone(project, tmp_path):
    project.git("add", "dvc.lock", "params.yaml")
    project.git("commit", "-qm", "second")
    project.git("checkout", "-q", "--detach")
    before = project.state()
    assert record("detached").commit
    assert project.state() == before
    clone = tmp_path / "clone"
    project.git("clone", "-q", "--depth", "1", f"file://{project.root}", str(clone))
    told = subprocess.run(
        ["python", "-c", "from flows.record import record; print(record('shallow').name)"],
        cwd=clone, capture_output=True, text=True,
    )  # fmt: skip
    assert told.stdout == "shallow\n", told.stderr


@pytest.mark.usefixtures("nameless")
def test_a_run_is_recorded_where_git_knows_nobody_to_sign_for_it(project):
    kept = record("run")
    signed = subprocess.run(["git", "log", "-1", "--format=%an %ae", kept.commit],
                            capture_output=True, text=True)  # fmt: skip
    assert signed.stdout == "winnow winnow@localhost\n"


def test_without_a_commit_the_run_goes_on_and_is_told_why_it_is_not_kept(project, monkeypatch):
    project.git("update-ref", "-d", "HEAD")
    told: list[str] = []
    keep("run", told.append)
    (text,) = told
    assert "git has no commit here" in text
    assert "remedy: `git add -A && git commit`" in text
    monkeypatch.chdir("/")
    with pytest.raises(WinnowError, match="no commit"):
        record("run")


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("curate-facility_location-20%", "curate-facility_location-20pct"),
        ("curate-uniform-2000000 tokens", "curate-uniform-2000000-tokens"),
        ("a/b..c~d^e:f?g*[h]\\i@{j}", "a-b.c-d-e-f-g-h-i-j"),
        ("--option.lock", "option"),
        ("\x00é", "run"),
        ("", "run"),
        ("x" * 300, "x" * 100),
    ],
)
def test_a_name_is_made_valid_for_git(wanted, name):
    assert free_name(wanted, ()) == name
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name)
    assert subprocess.run(["git", "check-ref-format", f"refs/exps/{name}"]).returncode == 0
