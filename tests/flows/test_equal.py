"""DVC alone, the flow and a clean copy make the same bytes, and what is not the same is named."""

import json

import pytest

pytestmark = pytest.mark.slow  # four runs of the whole chain


@pytest.fixture(scope="module")
def by_dvc(make_checkout, tmp_path_factory):
    """A checkout in which `dvc repro` ran, with no Prefect at all."""
    checkout = make_checkout(tmp_path_factory.mktemp("by_dvc"))
    checkout.python("-m", "dvc", "repro")
    return checkout


def test_the_flow_on_its_temporary_server_makes_what_dvc_makes_alone(
    by_dvc, make_checkout, tmp_path
):
    checkout = make_checkout(tmp_path / "by_flow")
    told = checkout.winnow("run")
    assert "temporary server, which takes 10 to 20 s" in told.stderr
    assert checkout.lock == by_dvc.lock
    assert checkout.files() == by_dvc.files()


def test_search_finds_rows_with_their_verdicts(by_dvc):
    rows = json.loads(by_dvc.winnow("search", "a locked door", "--k", "3", "--json").stdout)
    assert len(rows) == 3
    assert rows[0]["similarity"] >= rows[1]["similarity"] >= rows[2]["similarity"]
    assert {row["verdict"] for row in rows} <= {"kept", "dropped"}
    told = by_dvc.winnow("search", "a locked door", "--k", "3").stdout.splitlines()
    assert [row["id"] in line for row, line in zip(rows, told, strict=True)] == [True] * 3


def test_verify_says_equal_or_names_the_output_of_a_stage_that_writes_the_time(by_dvc):
    told = by_dvc.winnow("verify")
    assert told.stdout.endswith("every output is equal\n")
    by_dvc.python("-c", WRITE_THE_TIME)
    by_dvc.python("-m", "dvc", "repro")
    told = by_dvc.winnow("verify", "--json", check=False)
    assert told.returncode == 1
    outputs = json.loads(told.stdout)["artifacts"]
    assert {out["path"] for out in outputs if out["result"] != "equal"} == {"artifacts/report.json"}


WRITE_THE_TIME = """
from pathlib import Path
stage = Path("tasks/report.py")
text = stage.read_text().replace("if __name__", "import time\\n\\n\\nif __name__", 1)
text += '''
    from schemas.manifest import Manifest
    from tasks.stage import Paths
    path = Paths().json("report")
    path.write_text(path.read_text() + f"\\\\n{time.time_ns()}")
'''
stage.write_text(text)
"""


def test_verify_of_outputs_that_are_not_up_to_date_says_so(by_dvc):
    before = by_dvc.root.joinpath("params.yaml").read_text()
    by_dvc.root.joinpath("params.yaml").write_text(before.replace("budget: 20%", "budget: 30%"))
    told = by_dvc.winnow("verify", check=False)
    assert told.returncode == 1
    assert "not up to date here: choose" in told.stderr
