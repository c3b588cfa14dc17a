"""`winnow deploy` and a worker: runs by schedule, by API; the form, waiting, cancelling, killing.

One story, told in order: the tests share a checkout, a real server and a real worker.
"""

import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import polars as pl
import pytest
import yaml

from tests.flows.asking import RUN_SECONDS, ask, finished, get, start, wait_for
from tests.flows.test_lock import HOLD

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * RUN_SECONDS)]


def deployment(api: str, name: str = "curate") -> dict:
    return get(api, f"deployments/name/curate/{name}")


def state_of(api: str, run: str) -> dict:
    return get(api, f"flow_runs/{run}")["state"]


def test_deploying_again_changes_nothing_and_keeps_one_of_each(deployed, prefect_api):
    before = {name: deployment(prefect_api, name) for name in ("curate", "nightly")}
    told = deployed.winnow("deploy").stdout
    assert "prefect worker start --pool winnow" in told
    for name, known in before.items():
        again = deployment(prefect_api, name)
        for key in ("id", "parameters", "pull_steps", "job_variables", "concurrency_options"):
            assert again[key] == known[key], key
        assert len(again["schedules"]) == len(known["schedules"])
    pools = httpx.post(f"{prefect_api}/work_pools/filter", json={}).json()
    assert [pool["name"] for pool in pools].count("winnow") == 1


def test_deployments_name_their_checkout_their_limit_and_their_schedule(deployed, prefect_api):
    curate, nightly = (deployment(prefect_api, name) for name in ("curate", "nightly"))
    for each in (curate, nightly):
        assert each["job_variables"]["working_dir"] == str(deployed.root)
        assert each["global_concurrency_limit"]["limit"] == 1
        assert each["concurrency_options"]["collision_strategy"] == "ENQUEUE"
        written = yaml.safe_load((deployed.root / "params.yaml").read_text("utf-8"))
        assert each["parameters"]["params"] == written
    assert curate["schedules"] == []
    (schedule,) = nightly["schedules"]
    assert schedule["active"]
    assert schedule["schedule"]["cron"] == "0 2 * * *"
    assert schedule["schedule"]["timezone"] == "UTC"


@pytest.fixture
def offered(deployed, prefect_api):
    """The deployment as the server has it; nothing runs it."""
    return deployment(prefect_api)


def test_the_form_offers_choices_bounds_and_descriptions(offered):
    schema = offered["parameter_openapi_schema"]["definitions"]
    choose = schema["ChooseParams"]["properties"]
    assert "facility_location" in choose["selector"]["enum"]
    assert "uniform" in choose["selector"]["enum"]
    weight = choose["diversity_weight"]
    assert (weight["minimum"], weight["maximum"]) == (0, 1)
    assert weight["description"] == "Lambda: 0 = quality alone, 1 = diversity alone [>= 0, <= 1]"
    assert schema["EmbedParams"]["properties"]["device"]["enum"] == ["auto", "cpu", "cuda"]
    assert offered["parameters"]["params"]["ingest"]["sources"] == ["rows.jsonl"]


@pytest.mark.parametrize(
    ("block", "key", "value", "words"),
    [
        ("choose", "diversity_weight", 1.5, "1.5 is greater than the maximum of 1"),
        ("choose", "selector", "nope", "'nope' is not one of"),
        ("measure", "control_seeds", 1, "1 is less than the minimum of 2"),
        ("choose", "budjet", "10", "budjet"),
        ("choose", "budget", "150%", "'150%' does not match"),
        ("choose", "settings", {"kernel": 1}, "'kernel' was unexpected"),
        ("choose", "settings", {"mode": "slow"}, "'slow' is not one of ['auto', 'exact', 'fast']"),
        ("score", "quality_weights", {"beauty": 1}, "'beauty' is not one of"),
        ("ingest", "template", "{output}", "does not match"),
        ("embed", "batch_rows", "many", "'many' is not of type 'integer'"),
    ],
)
def test_the_api_refuses_a_wrong_value_and_names_the_bound(
    offered, prefect_api, block, key, value, words
):
    params = offered["parameters"]["params"]
    refused = start(prefect_api, offered, {**params, block: {**params[block], key: value}})
    assert refused.status_code == 409
    assert words in refused.json()["detail"]


def test_a_deployment_of_another_checkout_is_not_taken_over_unasked(
    deployed, make_checkout, tmp_path, prefect_api
):
    other = make_checkout(tmp_path / "other")
    told = subprocess.run(
        [sys.executable, "-m", "flows.cli", "deploy"],
        cwd=other.root,
        env=deployed.environment,
        capture_output=True,
        text=True,
    )
    assert told.returncode == 1
    assert f"where: {deployed.root}" in told.stderr
    assert "--replace" in told.stderr
    assert deployment(prefect_api)["job_variables"]["working_dir"] == str(deployed.root)


def test_without_a_server_deploy_says_what_to_start(deployed):
    environment = {k: v for k, v in deployed.environment.items() if k != "PREFECT_API_URL"}
    told = subprocess.run(
        [sys.executable, "-m", "flows.cli", "deploy"],
        cwd=deployed.root,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert told.returncode == 2
    assert "prefect server start" in told.stderr


def test_a_schedule_yields_runs_that_start_by_themselves(worker, prefect_api):
    nightly = deployment(prefect_api, "nightly")
    soon = {"active": True, "schedule": {"cron": "* * * * *", "timezone": "Europe/Paris"}}
    path = f"{prefect_api}/deployments/{nightly['id']}/schedules"
    (made,) = httpx.post(path, json=[soon], timeout=30).raise_for_status().json()
    completed = {"type": {"any_": ["COMPLETED"]}}
    wanted = {"flow_runs": {"deployment_id": {"any_": [nightly["id"]]}, "state": completed}}
    try:
        (run, *_) = wait_for(
            lambda: httpx.post(f"{prefect_api}/flow_runs/filter", json=wanted, timeout=30).json(),
            RUN_SECONDS,
        )
    finally:
        httpx.delete(f"{path}/{made['id']}", timeout=30).raise_for_status()
        forget_waiting(prefect_api)
    assert run["auto_scheduled"]
    assert (worker.root / "artifacts" / "report.html").exists()


def forget_waiting(api: str) -> None:
    """Delete the schedule's runs that came due meanwhile: they wait for each other."""
    due = {"state": {"type": {"any_": ["SCHEDULED"]}}}  # one that is pending holds the slot
    due["expected_start_time"] = {"before_": datetime.now(UTC).isoformat()}
    waiting = httpx.post(f"{api}/flow_runs/filter", json={"flow_runs": due}, timeout=30)
    for run in waiting.raise_for_status().json():
        httpx.delete(f"{api}/flow_runs/{run['id']}", timeout=30).raise_for_status()


@pytest.fixture
def settled(worker, prefect_api):
    """The worker's checkout, with no run under way."""
    alive = {"flow_runs": {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}}}
    wait_for(
        lambda: httpx.post(f"{prefect_api}/flow_runs/filter", json=alive, timeout=30).json() == [],
        RUN_SECONDS,
    )
    return worker


def test_a_setting_left_out_takes_the_value_of_params_yaml(settled, prefect_api):
    params = {"choose": {"budget": "7"}, "report": {"examples": 3}}
    run = finished(prefect_api, start(prefect_api, deployment(prefect_api), params))
    assert run["state"]["type"] == "COMPLETED", run["state"]["message"]
    assert run["name"] == "curate-cover_then_match-7"
    written = yaml.safe_load((settled.root / "params.yaml").read_text("utf-8"))
    assert written["ingest"]["sources"] == ["rows.jsonl"], "not the class's default"
    assert written["embed"]["max_tokens"] == 32
    assert (written["choose"]["budget"], written["report"]["examples"]) == ("7", 3)
    assert len(pl.read_parquet(settled.root / "artifacts" / "selection.parquet")) == 7
    artifacts = {one["key"]: one for one in ask(prefect_api, "artifacts", run["id"])}
    metrics = json.loads(artifacts["metrics"]["data"])
    assert all(isinstance(line["previous run"], float) for line in metrics)
    assert any(line["change"] != 0 for line in metrics)


def test_a_run_waits_for_a_busy_checkout_and_says_for_whom(settled, prefect_api):
    lock = settled.root / "artifacts" / ".run.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)],
        cwd=settled.root,
        env=settled.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout.readline()
        started = start(prefect_api, deployment(prefect_api), {"choose": {"budget": "7"}})
        run = started.json()["id"]
        state = wait_for(
            lambda: (now := state_of(prefect_api, run))["name"] == "Waiting" and now, RUN_SECONDS
        )
        assert f"a long run, process {holder.pid}, since" in state["message"]
    finally:
        holder.communicate()
    assert finished(prefect_api, started)["state"]["type"] == "COMPLETED"


def stage_process(checkout, stage: str) -> int | None:
    """The process that runs a stage in the checkout, if it runs now."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
            there = (folder / "cwd").readlink()
        except OSError:
            continue  # it has ended
        if there == checkout.root and command[1:3] == [b"-m", f"tasks.{stage}".encode()]:
            return int(folder.name)
    return None


def flow_process(checkout) -> int:
    """The process that holds the checkout's lock."""
    told = (checkout.root / "artifacts" / ".run.lock").read_text("utf-8")
    return int(re.search(r'"pid": (\d+)', told)[1])


@pytest.mark.parametrize("how", ["cancelled", "flow killed", "stage killed"])
def test_a_run_that_is_stopped_leaves_the_last_good_artifacts_and_a_usable_checkout(
    settled, prefect_api, how
):
    if not (settled.root / "artifacts/report.html").exists():  # no other test ran before
        first = start(prefect_api, deployment(prefect_api), {"choose": {"budget": "7"}})
        assert finished(prefect_api, first)["state"]["type"] == "COMPLETED"
    good = settled.files()
    seed = {"cancelled": 11, "flow killed": 12, "stage killed": 13}[how]
    params = {"choose": {"budget": "7"}, "embed": {"max_tokens": 16 + seed}}
    started = start(prefect_api, deployment(prefect_api), params)
    stage = wait_for(lambda: stage_process(settled, "embed"), RUN_SECONDS)
    if how == "cancelled":
        cancel = {"state": {"type": "CANCELLING"}}
        path = f"{prefect_api}/flow_runs/{started.json()['id']}/set_state"
        httpx.post(path, json=cancel, timeout=30).raise_for_status()
    else:
        os.kill(stage if how == "stage killed" else flow_process(settled), signal.SIGKILL)
    ended = {"cancelled": "CANCELLED", "flow killed": "CRASHED", "stage killed": "FAILED"}[how]
    assert finished(prefect_api, started)["state"]["type"] == ended
    if how != "flow killed":  # an orphan works on to the stage's end; the next run waits for it
        assert stage_process(settled, "embed") is None
        assert settled.files() == good
    again = start(prefect_api, deployment(prefect_api), {"embed": {"max_tokens": 32}})
    run = finished(prefect_api, again)
    assert run["state"]["type"] == "COMPLETED", run["state"]["message"]
    assert settled.files() == good


def test_a_broken_contract_is_told_in_its_own_words_and_never_tried_again(settled, prefect_api):
    (settled.root / "broken.jsonl").write_text('{"id": "a", "text": 7}\n{"id": "<b>b</b>"\n')
    params = {"ingest": {"sources": ["broken.jsonl"]}}
    run = finished(prefect_api, start(prefect_api, deployment(prefect_api), params))
    assert run["state"]["type"] == "FAILED"
    message = run["state"]["message"]
    assert message.startswith("ingest stopped: ")
    assert "broken.jsonl" in message
    tasks = {task["name"]: task for task in ask(prefect_api, "task_runs", run["id"])}
    assert (tasks["ingest"]["run_count"], tasks["ingest"]["state"]["type"]) == (1, "FAILED")
