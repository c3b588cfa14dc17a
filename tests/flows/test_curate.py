"""The whole chain on sixty real rows by `winnow run`.

One story, told in order: the tests of this file share a checkout and a real Prefect server.
"""

import json
import re
import subprocess
import sys
from dataclasses import replace

import polars as pl
import pytest

from tasks import PIPELINE
from tests.flows.asking import RUN_SECONDS, ask, latest_run
from tests.flows.kept_runs import IDENTITY

pytestmark = pytest.mark.timeout(3 * RUN_SECONDS)
HOLD = """
import sys
from flows.lock import run_lock
with run_lock("winnow run"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def by_flow(make_checkout, tmp_path_factory, prefect_api):
    """A checkout with a commit, in which `winnow run` ran against the server; what it printed."""
    checkout = make_checkout(tmp_path_factory.mktemp("by_flow"))
    for command in (["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run(["git", *IDENTITY, *command], cwd=checkout.root, check=True)
    checkout = replace(
        checkout, environment={**checkout.environment, "PREFECT_API_URL": prefect_api}
    )
    return checkout, checkout.winnow("run")


def test_a_run_prints_a_line_per_stage_and_the_report_last(by_flow):
    checkout, told = by_flow
    lines = told.stdout.splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == list(PIPELINE)
    assert lines[0].split() == ["stage", "state", "version", "seconds", "rows"]
    assert lines[-1] == f"report: {checkout.root / 'artifacts' / 'report.html'}"
    for stage in PIPELINE:
        assert f"\n{stage:<12} {stage} " in told.stderr, "the stage's own last line"
    assert "Traceback" not in told.stderr


def test_each_stage_is_a_task_run_with_its_version_logs_and_outputs(by_flow, prefect_api):
    checkout, _ = by_flow
    run = latest_run(prefect_api)
    tasks = {task["name"]: task for task in ask(prefect_api, "task_runs", run)}
    assert set(tasks) == set(PIPELINE)
    assert {task["state"]["name"] for task in tasks.values()} == {"Completed"}
    manifest = json.loads((checkout.root / "artifacts" / "embed.json").read_text())
    assert tasks["embed"]["task_version"] == manifest["version"]
    messages = [line["message"] for line in ask(prefect_api, "logs", run)]
    assert any(line.startswith(f"choose {_version(checkout, 'choose')}") for line in messages)
    artifacts = {one["key"]: one for one in ask(prefect_api, "artifacts", run)}
    assert {f"stage-{stage}" for stage in PIPELINE} <= set(artifacts)
    outputs = {out["path"]: out for out in json.loads(artifacts["stage-ingest"]["data"])}
    assert (
        outputs["artifacts/documents.parquet"]["rows"]
        + outputs["artifacts/quarantine.parquet"]["rows"]
        == 60
    )
    assert outputs["artifacts/documents.parquet"]["md5"] in checkout.lock


def _version(checkout, stage: str) -> str:
    return json.loads((checkout.root / "artifacts" / f"{stage}.json").read_text())["version"]


def test_funnel_metrics_settings_and_report_are_artifacts_of_the_run(by_flow, prefect_api):
    checkout, _ = by_flow
    artifacts = {one["key"]: one for one in ask(prefect_api, "artifacts", latest_run(prefect_api))}
    funnel = json.loads(artifacts["funnel"]["data"])
    assert (funnel[0]["step"], funnel[0]["rows"]) == ("Records read", 60)
    removed = [step["rows"] for step in funnel if step["what"] not in ("total", "left", "kept")]
    kept = len(pl.read_parquet(checkout.root / "artifacts" / "selection.parquet"))
    assert (funnel[-1]["what"], funnel[-1]["rows"]) == ("kept", kept)
    assert sum(removed) + kept == 60
    metrics = json.loads(artifacts["metrics"]["data"])
    assert len(metrics) > 1
    assert {"metric", "better", "selected", "uniform"} < set(metrics[0])
    assert {line["previous run"] for line in metrics} == {""}, "there was none"
    lineage = {out["path"]: out for out in json.loads(artifacts["lineage"]["data"])}
    assert lineage["artifacts/selection.parquet"]["version"] == _version(checkout, "choose")
    assert all(out["md5"] in checkout.lock for out in lineage.values())
    assert artifacts["quarantine"]["description"] == "0 records refused"
    (encoded,) = json.loads(artifacts["encoded"]["data"])
    assert (
        encoded["encoded"] + encoded["known"]
        == json.loads((checkout.root / "artifacts" / "embed.json").read_text())["rows"]["documents"]
    )
    assert artifacts["changes"]["data"] == "None.", "nothing was promoted before"
    assert str(checkout.root / "artifacts" / "report.html") in artifacts["report"]["data"]
    assert (checkout.root / "params.yaml").read_text() in artifacts["settings"]["data"]


def test_a_run_is_kept_under_its_name_and_listed_with_its_metrics(by_flow):
    checkout, told = by_flow
    name = re.search(r"kept as run (\S+): `winnow checkout \1`", told.stderr)[1]
    (run,) = json.loads(checkout.winnow("runs", "--json").stdout)["runs"]
    assert (run["name"], run["in_workspace"], run["problem"]) == (name, True, None)
    kept = len(pl.read_parquet(checkout.root / "artifacts" / "selection.parquet"))
    assert run["metrics"]["selected.rows"] == kept
    assert name in checkout.winnow("runs").stdout


@pytest.mark.slow
def test_a_second_run_finds_every_stage_unchanged(by_flow, prefect_api):
    checkout, _ = by_flow
    before, stamps = checkout.lock, _stamps(checkout)
    told = json.loads(checkout.winnow("run", "--json").stdout)
    assert [stage["stage"] for stage in told["stages"]] == list(PIPELINE)
    assert {stage["state"] for stage in told["stages"]} == {"Cached"}
    states = {
        task["state"]["name"] for task in ask(prefect_api, "task_runs", latest_run(prefect_api))
    }
    assert states == {"Cached"}
    assert (checkout.lock, _stamps(checkout)) == (before, stamps)


def test_dvc_itself_finds_nothing_to_do_after_a_run(by_flow):
    checkout, _ = by_flow
    before = checkout.lock
    told = checkout.python("-m", "dvc", "repro").stdout
    for stage in PIPELINE[1:]:
        assert f"Stage '{stage}' didn't change, skipping" in told
    assert checkout.lock == before


def test_why_tells_a_kept_and_a_dropped_row_of_the_run(by_flow):
    checkout, _ = by_flow
    table = pl.read_parquet(checkout.root / "artifacts" / "decisions.parquet")
    kept = table.filter(pl.col("verdict") == "kept")["id"][0]
    twin = table.filter(pl.col("rule") == "near_duplicate")
    assert f"{kept}: kept by choose" in checkout.winnow("why", kept).stdout
    (told,) = json.loads(checkout.winnow("why", twin["id"][0], "--json").stdout)
    assert (told["verdict"], told["keeper_id"]) == ("dropped", twin["keeper_id"][0])
    unknown = checkout.winnow("why", kept[:-1], check=False)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "near ids: " in unknown.stderr


def _stamps(checkout) -> dict[str, int]:
    """When each artifact but the glance at the sources was last written."""
    files = (checkout.root / "artifacts").glob("*.parquet")
    return {file.name: file.stat().st_mtime_ns for file in files}


@pytest.mark.slow
def test_a_setting_that_only_a_stage_can_refuse_ends_winnow_run_with_status_2(by_flow):
    checkout, _ = by_flow
    told = checkout.winnow("run", "--set", "choose.group_by=no_such_key", check=False)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.count("choose stopped: no row has the metadata key 'no_such_key'") == 1
    assert "Traceback" not in told.stderr


@pytest.mark.slow
def test_a_failing_stage_ends_winnow_run_with_status_1_and_no_traceback(by_flow):
    checkout, _ = by_flow
    told = checkout.winnow("run", "--set", "ingest.text_key=no_such_column", check=False)
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.count("ingest stopped: ") == 1
    assert "Traceback" not in told.stderr


def test_two_runs_in_one_checkout_the_second_is_told_who_is_first(by_flow):
    checkout, _ = by_flow
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        cwd=checkout.root,
        env=checkout.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert first.stdout.readline()
        told = checkout.winnow("run", "--set", "seed=99", check=False)
    finally:
        first.communicate()
    assert told.returncode == 1
    assert f"another run holds this checkout: winnow run, process {first.pid}, since" in told.stderr
    assert "seed: 99" not in (checkout.root / "params.yaml").read_text()
