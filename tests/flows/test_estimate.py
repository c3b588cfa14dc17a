"""`winnow estimate`, its limits, and what `winnow run` makes of it."""

import json

import pytest

from flows.estimate import foresight
from flows.estimate.limits import VARIABLES, Limits
from flows.estimate.telling import above, as_json, as_text, refuse_above
from schemas.errors import SettingsError, WinnowError
from schemas.manifest import Manifest
from schemas.params import Params
from tasks.history import remember
from tasks.outlook import Known, outlook
from tasks.stage import Paths
from tests.tasks.test_outlook import sample


@pytest.fixture
def found():
    return outlook(Params(), sample(), [], Known(), "ingest")


@pytest.fixture(autouse=True)
def _no_limits(monkeypatch):
    for variable in VARIABLES.values():
        monkeypatch.setenv(variable, "0")


def test_the_refusal_names_limit_estimate_interval_stage_and_remedy(found):
    with pytest.raises(WinnowError) as refused:
        refuse_above(found, Limits(max_minutes=1, max_memory_gb=0.1, max_disk_gb=1e-6))
    told = str(refused.value)
    for words in ("the run would take more than is allowed", "minutes", "allowed 1 (--max-minutes)",
                  "GB", "(--max-memory-gb)", "(--max-disk-gb)", "most time goes to embed",
                  "shipped default", "remedy: raise the limit"):  # fmt: skip
        assert words in told, told


def test_without_limits_or_within_them_nothing_is_refused(found):
    assert above(found, Limits()) == []
    assert above(found, Limits(1e6, 1e6, 1e6)) == []
    refuse_above(found, Limits())


def test_limits_come_from_the_environment_and_a_wrong_one_is_told(monkeypatch):
    monkeypatch.setenv("WINNOW_MAX_MINUTES", "30")
    assert Limits.here() == Limits(max_minutes=30)
    monkeypatch.setenv("WINNOW_MAX_DISK_GB", "much")
    with pytest.raises(SettingsError, match="WINNOW_MAX_DISK_GB is 'much'"):
        Limits.here()


def test_text_and_data_tell_the_same(found):
    data = json.loads(as_json(found, Limits(max_minutes=1), []))
    text = as_text(found)
    for stage in data["stages"]:
        assert stage["seconds"]["low"] < stage["seconds"]["middle"] < stage["seconds"]["high"]
        assert f"{stage['seconds']['middle']:,.1f}" in text
        assert stage["basis"] in text
    assert data["above_limits"]


def test_the_error_of_an_estimate_is_recorded_and_told(found, tmp_path):
    paths = Paths(tmp_path)
    remember(paths, Manifest("choose", "1", {}), 40.0, 1)
    remember(paths, Manifest("report", "1", {}), 5.0, 1)
    told = foresight.review(found, ["choose", "report"], paths)
    assert "45.0 s taken" in told
    assert "furthest off choose" in told
    assert [one["taken"] for one in foresight.last_errors(paths)] == [40.0, 5.0]
    assert foresight.in_words(foresight.last_errors(paths)) == told
    assert foresight.review(found, [], paths) == ""


def test_a_long_run_is_announced_and_one_above_a_limit_refused(found, tmp_path, monkeypatch):
    monkeypatch.setattr(foresight, "look", lambda *_, **__: found)
    said: list[str] = []
    foresight.foresee(Params(), Paths(tmp_path), said.append)
    assert said[0].startswith("this run will take about ")
    monkeypatch.setenv("WINNOW_MAX_MINUTES", "0.1")
    with pytest.raises(WinnowError, match="more than is allowed"):
        foresight.foresee(Params(), Paths(tmp_path), said.append)


def test_what_keeps_an_estimate_from_being_made_is_told_and_the_run_goes_on(tmp_path):
    said: list[str] = []
    (tmp_path / "params.yaml").write_text("")
    params = Params.model_validate({"ingest": {"sources": ["none.jsonl"]}})
    assert foresight.foresee(params, Paths(tmp_path), said.append) is None
    assert said[0].startswith("no estimate of this run")
    assert "no file matches 'none.jsonl'" in said[0]
    assert foresight.review(None, ["choose"], Paths(tmp_path)) == ""


@pytest.mark.slow
def test_on_sixty_rows_a_run_makes_the_next_estimate_a_measured_one(make_checkout, tmp_path):
    checkout = make_checkout(tmp_path / "checkout")
    before = json.loads(checkout.winnow("estimate", "--json").stdout)
    assert before["sizes"]["records"]["middle"] == 60
    assert {one["basis"] for one in before["stages"]} == {"shipped default", "a try of the model"}
    params = (checkout.root / "params.yaml").read_bytes()
    refused = checkout.winnow("run", "--max-memory-gb", "0.1", check=False)
    assert refused.returncode == 1
    assert "allowed 0.1 (--max-memory-gb)" in refused.stderr
    assert (checkout.root / "params.yaml").read_bytes() == params
    assert not (checkout.root / "artifacts" / "documents.parquet").exists()
    told = checkout.winnow("run")
    assert "estimate of the last run: " in told.stderr
    after = json.loads(checkout.winnow("estimate", "--set", "choose.budget=9", "--json").stdout)
    assert {one["basis"] for one in after["stages"]} == {"1 past run"}
    assert after["sizes"]["encoded_rows"]["middle"] < 1
    assert [one["stage"] for one in after["stages"] if one["runs"]] == [
        "sources", "choose", "validate", "measure", "gate", "report"
    ]  # fmt: skip
    assert len(after["past_errors"]) >= 8
    assert (checkout.root / "params.yaml").read_bytes() == params
