"""`winnow compare` on a small real git and DVC checkout: names, causes, words, JSON, status."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml

from flows.attribution import attribute
from flows.compare import tell
from flows.sides import origins
from schemas.errors import SettingsError, WinnowError
from schemas.manifest import Manifest
from tasks.comparing.whole import compare
from tests.tasks.sides import comparison, make_side

TEXTS = {f"{letter}{i}": f"{letter} {i}" for letter in "abc" for i in range(4)}
TABLES = {"ingest": ["documents"], "embed": ["vectors", "embed.json"], "score": ["scores"],
          "choose": ["selection"], "validate": ["decisions"], "measure": ["comparison"],
          "sources": ["sources.json"]}  # fmt: skip


def git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def write_run(
    chosen: list[str],
    budget: str = "20%",
    data: str = "1",
    code: str = "c1",
    model: str = "m",
    texts: dict[str, str] = TEXTS,
    report: str = "r1",
) -> None:
    """Write artifacts/ and the dvc.lock that names them, and put them into DVC's cache."""
    side = make_side(Path("artifacts"), texts, chosen, model=model)
    comparison(side, 0.5 + len(budget) / 100, 0.02)
    listing = {"files": [{"path": "rows.jsonl", "sha256": data * 64, "bytes": 1}]}
    Path("artifacts/sources.json").write_text(json.dumps(listing))
    params = {"embed": {"embed": {"model": model}}, "choose": {"choose": {"budget": budget}},
              "measure": {"measure": {"control_seeds": report}}}  # fmt: skip
    stages, before = {}, ""
    for stage, names in TABLES.items():
        outs = [entry(f"artifacts/{n if '.' in n else n + '.parquet'}") for n in names]
        deps = [entry(before)] if before else []
        deps += [{"path": f"tasks/{stage}.py", "md5": code if stage == "choose" else "same"}]
        stages[stage] = {"cmd": "x", "deps": deps, "outs": outs,
                         "params": {"params.yaml": params.get(stage, {})}}  # fmt: skip
        before = outs[0]["path"]
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))


def entry(name: str) -> dict:
    content = Path(name).read_bytes()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    place = Path(".dvc/cache/files/md5") / md5[:2] / md5[2:]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return {"path": name, "hash": "md5", "md5": md5, "size": len(content)}


def keep(name: str) -> None:
    """Keep what is here as a run, as DVC does, and go back to the commit."""
    git("commit", "-qam", name)
    git("update-ref", f"refs/exps/ab/{'c' * 38}/{name}", "HEAD")
    git("reset", "-q", "--hard", "HEAD^")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with a committed run; tests keep others beside it."""
    monkeypatch.chdir(tmp_path)
    git("init", "-q", "-b", "main")
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text("[core]\n    analytics = false\n")
    Path(".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    Path(".gitignore").write_text("/artifacts\n/promoted\n/*.html\n/*.parquet\n")
    write_run(["a0", "b0", "c0"])
    git("add", "-A")
    git("commit", "-qm", "first")
    return tmp_path


def causes(a: str, b: str) -> dict:
    with origins(a, b) as (left, right):
        return attribute(left, right, compare(left.side, right.side)).data()


def test_runs_revisions_folders_and_the_workspace_can_be_named(checkout):
    write_run(["a0", "b0", "c1"], budget="5%")
    keep("brave-newt")
    status = git("status", "--porcelain")
    Path("promoted").mkdir()
    Path("promoted/good").symlink_to(checkout / "artifacts")
    Path("ids.jsonl").write_text('{"id": "a0"}\n')
    for a, b, both in (("main", "brave-newt", 2), ("brave-newt", ".", 3), ("HEAD", "main", 3),
                       ("main", "promoted/good", 2), ("brave-newt", "ids.jsonl", 1)):  # fmt: skip
        told = json.loads(tell(a, b, as_json=True))
        assert told["overlap"]["by_id"]["both"] == both, (a, b)
    Path("ids.jsonl").unlink()
    assert git("status", "--porcelain") == status


def test_words_tell_rows_reasons_metrics_and_the_cause(checkout):
    write_run(["a0", "b0", "c1"], budget="5%")
    words = tell("main", ".", as_json=False)
    assert "1 rows came in, 1 went out, 2 stayed; A has 3, B has 3" in words
    assert "outranked; nearest there: a0 (0.500), which is in both" in words
    assert "choose.budget: 20% -> 5%" in words
    assert "all of it is due to parameters: nothing else differs" in words


def test_a_run_and_itself_are_equal(checkout):
    words = tell("main", "main", as_json=False)
    assert "equal: 3 rows, the same rows" in words
    assert "there is nothing to attribute" in words
    assert json.loads(tell("main", ".", as_json=True))["equal"] is True


@pytest.mark.parametrize(
    ("change", "name"),
    [({"budget": "5%"}, "parameters"), ({"data": "2", "texts": {**TEXTS, "z": "z"}}, "data"),
     ({"code": "c2"}, "code"), ({"model": "other"}, "model")],
)  # fmt: skip
def test_one_difference_is_the_cause_of_all(checkout, change, name):
    write_run(["a0", "b0", "c1"], **change)
    found = causes("main", ".")
    assert found["differing"] == [name]
    assert found["answer"] == f"all of it is due to {name}: nothing else differs"


def test_several_differences_are_named_and_not_guessed_at(checkout):
    write_run(["a0", "b0", "c1"], budget="5%", code="c2")
    found = causes("main", ".")
    assert found["differing"] == ["parameters", "code"]
    assert "the records cannot tell their parts" in found["answer"]


def test_what_differs_after_the_subset_or_left_equal_outputs_had_no_effect(checkout):
    write_run(["a0", "b0", "c1"], budget="5%", data="2", report="r2")
    found = {cause["name"]: cause for cause in causes("main", ".")["causes"]}
    assert found["parameters"]["differs"] == ["choose.budget: 20% -> 5%"]
    assert found["parameters"]["without_effect"] == ["measure.control_seeds: r1 -> r2"]
    write_run(["a0", "b0", "c0"], budget="3 rows")
    assert causes("main", ".")["differing"] == [], "choose made the same of the same"


def test_no_recorded_difference_is_said_to_be_unexplained(checkout):
    write_run(["a0", "b0", "c1"])
    assert "none of the four differs, yet the selections do" in causes("main", ".")["answer"]


def test_a_stopped_search_is_noted(checkout):
    write_run(["a0", "b0", "c1"])
    totals = {"totals": {"stopped": "time limit"}}
    manifest = Manifest("choose", "1", {}, facts=totals).to_json()
    Path("artifacts/choose.json").write_text(manifest)
    assert any("stopped by its time limit" in note for note in causes("main", ".")["notes"])


def test_a_file_of_ids_has_no_records_and_the_answer_says_so(checkout):
    Path("ids.jsonl").write_text('{"id": "a0"}\n')
    assert "not known" in causes("main", "ids.jsonl")["answer"]


def test_a_wrong_name_is_answered_with_near_ones(checkout):
    write_run(["a0"])
    keep("brave-newt")
    with pytest.raises(SettingsError) as error:
        tell("brave-nwet", "main", as_json=False)
    assert "for instance brave-newt" in str(error.value)
    with pytest.raises(SettingsError, match="holds no selection"):
        tell(".dvc", "main", as_json=False)
    with pytest.raises(SettingsError, match="no selection file"):
        tell("dvc.lock", "main", as_json=False)


def test_artifacts_that_are_nowhere_are_named_and_nothing_is_left_behind(checkout):
    write_run(["a0"])
    keep("lost")
    for place in Path(".dvc/cache").rglob("*"):
        if place.is_file():
            place.unlink()
    with pytest.raises(WinnowError, match="not in the cache here, and there is no remote"):
        tell("lost", ".", as_json=False)


@pytest.mark.slow
def test_the_command_prints_writes_a_page_and_every_row_and_ends_well(checkout):
    write_run(["a0", "b0", "c1"], budget="5%")
    command = [sys.executable, "-m", "flows.cli", "compare", "main"]
    asked = [*command, ".", "--page", "p.html", "--rows", "r.parquet"]
    done = subprocess.run(asked, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "came in (1)" in done.stdout
    assert "Both selections on one map" in Path("p.html").read_text(encoding="utf-8")
    assert sorted(pl.read_parquet("r.parquet")["id"]) == ["c0", "c1"]
    wrong = subprocess.run([*command, "no-such"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "is called 'no-such'" in wrong.stderr
