"""`winnow pareto` in a real checkout: every point is a run that comes back, the workspace stays."""

import gzip
import json
import shutil
import subprocess

import pytest

from flows.pareto import _grid, _weights
from schemas.errors import SettingsError
from schemas.params import Params
from tests.flows.conftest import ROOT, ROWS

HELD_OUT = 120


@pytest.fixture(scope="module")
def swept(make_checkout, tmp_path_factory, tiny_model):
    """A checkout before and after a sweep of two weights, and what the sweep printed."""
    checkout = make_checkout(tmp_path_factory.mktemp("pareto"))
    shutil.copy2(ROOT / ".gitignore", checkout.root / ".gitignore")  # the ledger is DVC's
    with gzip.open(ROOT / "data/demo/open_docs.jsonl.gz", "rb") as file:
        lines = [next(file) for _ in range(ROWS + HELD_OUT)][ROWS:]
    (checkout.root / "held_out.jsonl").write_bytes(b"".join(lines))
    change = (
        "from pathlib import Path; from flows.settings import apply_overrides, save;"
        "from tasks.stage import load_params; p = Path('params.yaml');"
        f"save(apply_overrides(load_params(p), ['embed.model={tiny_model}',"
        "'gate.holdout_file=held_out.jsonl', 'gate.holdout_label_key=title',"
        "'choose.budget=20', 'report.max_points=100']), p)"
    )
    checkout.python("-c", change)
    checkout.python("-m", "dvc", "repro", "-q")
    for command in (["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@example.org",
                                    "commit", "-qm", "first"]):  # fmt: skip
        subprocess.run(["git", *command], cwd=checkout.root, check=True)
    before = checkout.files(), (checkout.root / "params.yaml").read_bytes(), checkout.lock
    told = checkout.winnow("pareto", "--weights", "0,1", "--json")
    return checkout, before, json.loads(told.stdout)


@pytest.mark.slow
@pytest.mark.timeout(3600)  # on a busy machine
def test_the_workspace_ends_as_it_was(swept):
    checkout, (files, params, lock), _ = swept
    assert checkout.files() == files
    assert (checkout.root / "params.yaml").read_bytes() == params
    assert checkout.lock == lock


@pytest.mark.slow
@pytest.mark.timeout(3600)  # on a busy machine
def test_every_point_is_a_run_that_can_be_checked_out(swept):
    checkout, _, found = swept
    (group,) = found["budgets"]
    own = [each for each in group["points"] if each["weight"] is not None]
    assert [each["weight"] for each in own] == [0.0, 1.0]
    for each in own:
        checkout.winnow("checkout", each["run"], "--force")
        metrics = json.loads((checkout.root / "artifacts/metrics.json").read_text())["selected"]
        assert metrics["mean_quality"] == each["quality"]
        assert metrics["coverage_mean"] == each["diversity"]
        assert checkout.python("-m", "dvc", "status", "choose", "measure", "report").stdout.strip(
        ).endswith("up to date.")  # fmt: skip
    assert own[0]["quality"] > own[1]["quality"]
    assert own[0]["diversity"] < own[1]["diversity"]


@pytest.mark.slow
@pytest.mark.timeout(3600)  # on a busy machine
def test_the_knee_alone_asks_held_out_rows_and_the_ledger_is_tracked(swept):
    checkout, _, found = swept
    (group,) = found["budgets"]
    told = group["confirmation"]
    asked = [line["about"] for line in
             json.loads(checkout.winnow("holdout", "--json").stdout)["answers"]]  # fmt: skip
    assert asked[0].startswith("gate: ")
    assert [about.split(": ")[0] for about in asked[1:]] == ["pareto"] * len(told["answers"])
    assert told["answers"][0]["of"] == "uniform"
    assert told["budget"] - told["left"] >= told["spent"]
    assert told["words"] in checkout.winnow("pareto", "--weights", "0,1").stdout
    assert (checkout.root / "guard" / "ledger.jsonl.dvc").exists()
    checkout.winnow("checkout", group["knee"]["run"], "--force")
    gates = json.loads((checkout.root / "artifacts/gates.json").read_text())["facts"]["gates"]
    (gate,) = [one for one in gates if one["name"] == "holdout"]
    assert "not asked: gate.holdout_ask is false" in gate["words"]
    assert "holdout_file: held_out.jsonl" in (checkout.root / "params.yaml").read_text()


@pytest.mark.slow
@pytest.mark.timeout(3600)  # on a busy machine
def test_the_same_sweep_again_keeps_no_second_run_of_a_point(swept):
    checkout, _, found = swept
    again = json.loads(checkout.winnow("pareto", "--weights", "0,1", "--json").stdout)
    assert again["budgets"][0]["points"] == found["budgets"][0]["points"]


def test_weights_are_numbers_in_zero_to_one():
    assert _weights("1, 0,0.5,0.5") == [0.0, 0.5, 1.0]
    for text in ("", "a", "0,2", "-0.1", "nan"):
        with pytest.raises(SettingsError, match="no list of diversity weights"):
            _weights(text)


def test_no_point_asks_held_out_rows_that_a_gate_may_ask():
    named = Params.model_validate({"gate": {"holdout_file": "held.jsonl"}})
    assert [each.gate.holdout_ask for each in _grid(named, [0.0, 1.0], [])] == [False, False]
    assert [each.gate for each in _grid(Params(), [0.5], [])] == [Params().gate]


def test_a_selector_without_a_weight_is_refused_before_anything_runs():
    uniform = Params.model_validate({"choose": {"selector": "uniform"}})
    with pytest.raises(SettingsError, match="changes nothing for uniform"):
        _grid(uniform, [0.0, 1.0], [])
    assert [(each.choose.budget, each.choose.diversity_weight)
            for each in _grid(Params(), [0.0, 1.0], ["5%", "10%"])] == [
        ("5%", 0.0), ("5%", 1.0), ("10%", 0.0), ("10%", 1.0)]  # fmt: skip
