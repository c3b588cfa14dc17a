"""Nights of sixty real rows by `winnow run`: promoted by the flow, then held, then forced."""

import json
import shutil
import subprocess
from dataclasses import replace

import pytest

from flows.promotion import folder
from tasks.paths import Paths
from tests.flows.asking import RUN_SECONDS, ask, get, latest_run
from tests.flows.kept_runs import IDENTITY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(6 * RUN_SECONDS)]


@pytest.fixture(scope="module")
def nights(make_checkout, tmp_path_factory, prefect_api, tiny_model):
    """A checkout in which a first run was promoted by the flow and a second one is held."""
    checkout = make_checkout(tmp_path_factory.mktemp("nights"))
    shutil.copytree(tiny_model, checkout.root / "model")
    (checkout.root / ".gitignore").write_text("/artifacts/\n/promoted/\n__pycache__/\n")
    for command in (["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run(["git", *IDENTITY, *command], cwd=checkout.root, check=True)
    own = {**checkout.environment, "PREFECT_API_URL": prefect_api}
    checkout = replace(checkout, environment=own)
    first = checkout.winnow("run", "--set", "embed.model=model", "--set", "gate.promote=auto")
    second = checkout.winnow("run", "--set", "gate.source_floors.moon=3")
    return checkout, first, second


def test_a_run_whose_gates_pass_is_promoted_at_its_end(nights):
    checkout, first, _ = nights
    assert "is promoted (the first one)" in first.stderr
    (name,) = folder.names(Paths(checkout.root))
    assert folder.current_name(Paths(checkout.root)) == name
    (listed,) = [
        run for run in json.loads(checkout.winnow("runs", "--json").stdout)["runs"]
        if run["is_current"]
    ]  # fmt: skip
    assert listed["name"] == name


def test_the_next_run_is_compared_with_it_and_held_in_state_log_page_and_report(
    nights, prefect_api
):
    checkout, _, second = nights
    words = "moon: 0 rows kept; the floor is 3: 3 too few"
    run = latest_run(prefect_api)
    state = get(prefect_api, f"flow_runs/{run}")["state"]
    assert (state["type"], state["name"]) == ("COMPLETED", "Held")
    assert words in state["message"]
    assert any(words in line["message"] for line in ask(prefect_api, "logs", run))
    artifacts = {one["key"]: one for one in ask(prefect_api, "artifacts", run)}
    assert artifacts["gates"]["description"] == "HELD: 1 failed"
    first_gate = json.loads(artifacts["gates"]["data"])[0]
    assert (first_gate["outcome"], first_gate["of"]) == ("FAILED", "moon")
    assert words in second.stdout
    report = (checkout.root / "artifacts" / "report.html").read_text(encoding="utf-8")
    assert "Held: 1 gate has failed" in report
    (name,) = folder.names(Paths(checkout.root))
    assert f"Compared with the promoted run {name}" in report
    assert f"run: {name}" in (checkout.root / "params.yaml").read_text()


def test_a_clean_copy_sees_the_promoted_run_and_makes_the_same_bytes(nights):
    checkout, *_ = nights
    assert json.loads(checkout.winnow("verify", "--json").stdout)["equal"]


def test_a_held_run_is_refused_and_can_be_forced_and_rolled_back(nights):
    checkout, *_ = nights
    refused = checkout.winnow("promote", check=False)
    assert refused.returncode == 1
    assert "3 too few" in refused.stderr
    told = json.loads(checkout.winnow("promote", "--force", "no moon yet", "--json").stdout)
    assert folder.current_name(Paths(checkout.root)) == told["run"]
    checkout.winnow("rollback")
    assert folder.current_name(Paths(checkout.root)) == told["before"]
