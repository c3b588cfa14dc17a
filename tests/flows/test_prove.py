"""`winnow prove` at a terminal, and the flow `prove` on a real Prefect server."""

import json

import jsonschema
import numpy as np
import polars as pl
import pytest

from flows.cli import app
from flows.prove import ProveForm
from flows.proving import as_text
from schemas.proof import ProveParams
from tasks.proving.prove import Proof
from tasks.proving.records import Record
from tasks.proving.statistics import summarise
from tests.flows.asking import RUN_SECONDS, finished, get, start
from tests.tiny_model import VOCABULARY

pytestmark = pytest.mark.timeout(3 * RUN_SECONDS)


def rows() -> pl.DataFrame:
    random = np.random.default_rng(0)
    words = np.array(VOCABULARY[1:])
    labels = random.integers(0, 3, 120)
    texts = [" ".join(random.choice(words[each * 13 : each * 13 + 13], 12)) for each in labels]
    return pl.DataFrame({"text": texts, "label": [f"l{each}" for each in labels]})


def test_the_table_tells_score_difference_interval_and_verdict():
    scores = {"uniform": [0.5, 0.52, 0.51], "default": [0.7, 0.73, 0.71]}
    records = [
        Record("sets", 0.1, method, "linear_probe", seed, score, 12, 90)
        for method, found in scores.items()
        for seed, score in enumerate(found)
    ]
    summaries = summarise(records, {"linear_probe": ("accuracy", "higher")}, [0.1])
    facts = {"train": 120, "test": 30, "copies_removed_from_test": 2, "seeds": 3, "comparisons": 1,
             "guard": None}  # fmt: skip
    told = as_text(Proof("se\x1bts", facts, summaries, records))
    assert "\x1b" not in told
    line = next(line for line in told.splitlines() if " default " in line)
    assert line.split()[:5] == ["10", "%", "default", "0.7133", "+0.2033"]
    assert " better " in line
    assert "Holm, 5 % over all 1 comparisons" in told


def test_the_form_offers_what_exists_and_refuses_what_does_not():
    valid = jsonschema.Draft202012Validator(ProveForm.model_json_schema())
    assert set(ProveForm.model_fields) == set(ProveParams.model_fields)
    good = {"source": ["a.csv"], "selectors": ["k_center"]}
    assert valid.is_valid(good)
    assert not valid.is_valid({**good, "selectors": ["k_centre"]})
    assert not valid.is_valid({**good, "seeds": 1})
    assert not valid.is_valid({**good, "seed": 1})


@pytest.mark.slow
def test_the_command_and_a_deployed_run_give_the_same_table(worker, prefect_api, tiny_model):
    rows().write_csv(worker.root / "rows.csv")
    asked = ["prove", "--source", "rows.csv", "--label", "label", "--seeds", "2"]
    asked += ["--budgets", "0.2", "--embedder", str(tiny_model), "--json"]
    told = json.loads(worker.winnow(*asked).stdout)
    assert {each["method"] for each in told["summaries"]} >= {"default", "uniform", "rs2", "full"}
    deployment = get(prefect_api, "deployments/name/prove/prove")
    params = {"source": ["rows.csv"], "label": "label", "seeds": 2, "budgets": [0.2]}
    run = start(prefect_api, deployment, {**params, "embedder": str(tiny_model)})
    assert finished(prefect_api, run)["state"]["type"] == "COMPLETED"
    saved = json.loads((worker.root / "artifacts/proof/rows.json").read_text("utf-8"))
    assert saved["summaries"] == told["summaries"]


@pytest.mark.slow
def test_a_wrong_option_is_told_with_exit_status_2(worker, tiny_model):
    rows().write_csv(worker.root / "rows.csv")
    for asked, said in (
        (["--label", "lable"], "did you mean 'label'?"),
        (["--label", "label", "--budgets", "1.5"], "a share of the pool in (0, 1]"),
        (["--label", "label", "--consumers", "oracle"], "no consumer 'oracle'"),
        (["--label", "label", "--selectors", "k_centre"], "did you mean 'k_center'?"),
    ):
        told = worker.winnow("prove", "--source", "rows.csv", *asked, check=False)
        assert told.returncode == 2, told.stderr
        assert said in told.stderr


def test_the_command_has_its_options():
    from typer.main import get_command

    command = get_command(app).commands["prove"]  # type: ignore[attr-defined]
    assert {option.name for option in command.params} >= {"source", "label", "seeds", "as_json"}
