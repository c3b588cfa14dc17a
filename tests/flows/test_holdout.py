"""`winnow holdout` in a small project with real git and DVC: what is left, and no way back."""

import json
import subprocess
from pathlib import Path

import pytest
from dvc.repo import Repo

from flows.holdout import tell
from tasks.holdout import HeldOut, HoldoutGuard
from tasks.holdout.checkout import ledger_of, noise_of
from tasks.paths import SECRETS, Paths
from tests.flows.kept_runs import IDENTITY

SET = HeldOut.of("hand-made <set>", [[f"text {place}", place % 2] for place in range(400)])


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """A folder that git and DVC know, with settings and our own ignore files."""
    root = Path(__file__).resolve().parents[2]
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(SECRETS, raising=False)
    run("git", "init", "-q")
    Repo.init(".").close()
    for name in (".gitignore", ".dvcignore", "params.yaml"):
        Path(name).write_bytes((root / name).read_bytes())
    commit("start")
    return tmp_path


def run(*command: str) -> str:
    words = ["python", "-m", *command] if command[0] == "dvc" else command
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def commit(message: str) -> None:
    run("git", "add", "--all")
    run("git", *IDENTITY, "commit", "-qm", message)


def ask(*queries: str) -> int:
    paths = Paths()
    with ledger_of(paths) as ledger:
        guard = HoldoutGuard(SET, 3, noise_of(paths), ledger)
        for query in queries:
            guard.answer(query, f"subset {query}", lambda: 1.0, lambda: 0.1)
        return guard.left


def test_it_tells_what_is_left_and_every_answer(checkout):
    assert "no held-out set" in tell(as_json=False)
    ask("a", "b")
    (known,) = json.loads(tell(as_json=True))["sets"]
    assert (known["name"], known["budget"], known["spent"], known["left"]) == (SET.name, 3, 2, 1)
    assert [line["about"] for line in json.loads(tell(as_json=True))["answers"]] == [
        "subset a",
        "subset b",
    ]
    said = tell(as_json=False)
    assert SET.digest[:12] in said
    assert "fewer than 1,000 rows" in said


def test_neither_git_nor_dvc_brings_spent_budget_back_or_sees_the_salt(checkout):
    ask("a")
    tell(as_json=False)
    commit("one question asked")
    ask("b", "c")
    tell(as_json=False)
    commit("all asked")
    run("git", "checkout", "-q", "HEAD~1")
    run("dvc", "checkout", "-q", "--force")
    assert len(Paths().guard_ledger.read_text().splitlines()) == 1, "DVC did roll it back"
    assert ask() == 0
    assert "  3" in tell(as_json=False)
    run("git", "clean", "-qfd")
    assert ask() == 0
    salt = (checkout / ".winnow-secrets" / "holdout_salt").read_text()
    seen = [path for path in checkout.rglob("*") if path.is_file()]
    assert [path.name for path in seen if salt.encode() in path.read_bytes()] == ["holdout_salt"]
    assert ".winnow-secrets" not in run("git", "log", "--all", "--name-only")
