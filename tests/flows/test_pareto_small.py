"""The sweep's dealings with DVC and git, both real, on a pipeline of one cheap stage."""

from pathlib import Path

import pytest

from flows import pareto
from flows.checkout import checkout
from flows.repro.experiments import kept_runs
from flows.settings import save
from schemas.errors import WinnowError
from schemas.params import Params
from tests.flows.kept_runs import Project, _enter

PIPELINE = """
stages:
  choose:
    cmd: python tasks/choose.py
    params: [choose]
    outs: [artifacts/comparison.parquet: {persist: true}]
"""
STAGE = """
import pyarrow as pa, pyarrow.parquet as pq, yaml
weight = yaml.safe_load(open("params.yaml"))["choose"]["diversity_weight"]
subsets = ["selected", "uniform", "stratified", "top_quality", "diversity_only"]
values = {"mean_quality": 1 - weight**2, "coverage_mean": 0.5 + weight / 2, "rows": 12.0}
lines = [dict(subset=s, metric=m, value=v if s == "selected" else v / 2, low=None, high=None)
         for s in subsets for m, v in values.items()]
pq.write_table(pa.Table.from_pylist(lines), "artifacts/comparison.parquet")
"""
FILES = ("params.yaml", "dvc.lock", "artifacts/comparison.parquet")


def content() -> dict[str, bytes]:
    return {name: Path(name).read_bytes() for name in FILES}


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    """A finished run of weight 0.8, committed."""
    made = _enter(tmp_path, monkeypatch)
    made.write("dvc.yaml", PIPELINE)
    made.write("tasks/choose.py", STAGE)
    made.write("artifacts/.keep", "")
    made.write(".gitignore", "/artifacts/\n")
    made.write(".dvc/config", "[core]\n    analytics = false\n")
    made.write(".dvc/.gitignore", "/config.local\n/tmp\n/cache\n")
    save(Params(), Path("params.yaml"))
    made.git("init", "-q", "-b", "main")
    made.dvc("repro", "-q")
    made.git("add", "-A")
    made.git("commit", "-qm", "first")
    monkeypatch.setattr(pareto, "AGAIN", ("choose",))
    return made


@pytest.mark.slow
@pytest.mark.timeout(3600)  # on a busy machine
def test_points_are_runs_that_come_back_and_the_workspace_stays_as_it_was(project):
    before, state = content(), project.state()
    found = pareto.sweep([0.0, 0.5, 1.0], [], "coverage_mean")
    assert content() == before
    assert project.state() == state
    (group,) = found["budgets"]
    own = [each for each in group["points"] if each["weight"] is not None]
    assert [(each["quality"], each["diversity"]) for each in own] == [
        (1.0, 0.5), (0.75, 0.75), (0.0, 1.0)]  # fmt: skip
    assert group["knee"]["weight"] == 0.5
    assert {each["run"] for each in own} == {run.name for run in kept_runs()}
    assert len([each for each in group["points"] if each["weight"] is None]) == 4
    checkout(own[1]["run"], force=False, as_json=False)
    assert "diversity_weight: 0.5" in project.read("params.yaml")
    assert content()["artifacts/comparison.parquet"] != before["artifacts/comparison.parquet"]
    assert pareto.sweep([0.5], [], "coverage_mean")["budgets"][0]["knee"]["run"] == own[1]["run"]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_point_that_fails_leaves_the_workspace_as_it_was(project):
    before = content()
    with pytest.raises(WinnowError):
        pareto.sweep([0.0, 1.0], ["nonsense"], "coverage_mean")
    assert content() == before
    save(Params(seed=3), Path("params.yaml"))
    with pytest.raises(WinnowError, match="holds what neither git nor a kept run holds"):
        pareto.sweep([0.0, 1.0], [], "coverage_mean")
    project.write("tasks/choose.py", "raise SystemExit(3)")
    project.write("dvc.yaml", PIPELINE.replace("[choose]", "[choose, seed]"))
    project.git("commit", "-qam", "second")
    with pytest.raises(WinnowError, match="not up to date here: choose"):
        pareto.sweep([0.0, 1.0], [], "coverage_mean")
