"""The knee of a sweep, asked about through a real guard: labelled documents, a light model."""

import json

import numpy as np
import polars as pl
import pytest

from flows.pareto import as_text
from schemas.errors import SettingsError
from schemas.manifest import Manifest
from schemas.params import ChooseParams, GateParams, Params
from schemas.tables import Contaminated
from tasks.gates.holdout import holdout_gate
from tasks.holdout import HeldOut, HoldoutGuard
from tasks.holdout.checkout import ledger_of, noise_of
from tasks.pages.pareto import pareto_page
from tasks.paths import SECRETS
from tasks.proving.confirming import confirm, ensure_askable, uniform_ids
from tasks.proving.sweep import Point, analyse
from tasks.stage import Paths, manifest_path
from tasks.storage.rows import write_rows, write_text
from tests.tasks.test_gate_holdout import HELD_OUT, hold_out, lines
from tests.tasks.test_score import write_documents, write_vectors

ROWS, BUDGET = 300, 80
IDS = [f"d{place:04}" for place in range(ROWS)]
LABELS = np.array([row["intent"] for row in lines(ROWS, 0)])
GOOD = {name: pl.Series(IDS[at : at + BUDGET]) for at, name in ((0, "quality"), (100, "both"))}
BAD = pl.Series(np.array(IDS)[LABELS == "intent 0"].tolist())  # one class: the others are unknown
PLACES = {"quality": (0.0, 0.9, 0.2), "both": (0.5, 0.8, 0.6), "diversity": (1.0, 0.5, 0.7)}


@pytest.fixture
def paths(tmp_path, monkeypatch) -> Paths:
    """Documents as `choose` finds them, a selection, and 1,200 held-out rows."""
    monkeypatch.delenv(SECRETS, raising=False)
    paths = Paths(tmp_path)
    write_documents(paths, [{"id": key, "text": row["text"],
                             "metadata": json.dumps({"intent": row["intent"]})}
                            for key, row in zip(IDS, lines(ROWS, 0), strict=True)])  # fmt: skip
    write_vectors(paths, IDS)
    scores = {"id": IDS, "quality": [0.5] * ROWS, "cluster": [0] * ROWS, "semantic_keeper_id": None}
    kinds = {"semantic_keeper_id": pl.String}
    write_rows(paths.table("scores"), pl.DataFrame(scores, schema_overrides=kinds))
    write_rows(paths.table("contaminated"), Contaminated.empty())
    write_rows(paths.table("selection"), pl.DataFrame({"id": GOOD["quality"]}))
    write_text(manifest_path(paths, "previous"), Manifest("previous", "1", {}).to_json())
    hold_out(paths, lines(HELD_OUT, 1))
    return paths


def params(**settings) -> Params:
    gate = GateParams(holdout_file="held.jsonl", holdout_label_key="intent", **settings)
    return Params(choose=ChooseParams(budget=str(BUDGET)), gate=gate)


def swept() -> dict:
    """A sweep of three weights whose knee is 0.5, and a control on the front's inner side."""
    points = [Point(str(BUDGET), "selected", weight, name, BUDGET, quality, None, None,
                    diversity, None, None)
              for name, (weight, quality, diversity) in PLACES.items()]  # fmt: skip
    control = Point(str(BUDGET), "uniform", None, "both", BUDGET, 0.5, None, None, 0.5, None, None)
    return {"selector": "k_center", **analyse([*points, control], "coverage_mean")}


def asked(paths: Paths, chosen: dict, settings: Params | None = None) -> dict:
    """The sweep with its knee asked about."""
    found = swept()
    found["budgets"] = [confirm(each, chosen, settings or params(), paths)
                        for each in found["budgets"]]  # fmt: skip
    return found


def spend(paths: Paths, budget: int, times: int) -> None:
    texts = {row["text"] for row in lines(HELD_OUT, 1)}
    with ledger_of(paths) as ledger:
        guard = HoldoutGuard(HeldOut.of("x", texts), budget, noise_of(paths), ledger)
        for place in range(times):
            guard.answer(f"{place}", "", lambda: 1.0, lambda: 0.0)


def told_everywhere(found: dict, words: str) -> bool:
    page = pareto_page(found)
    return all(words in text for text in (as_text(found), json.dumps(found), page))


def test_without_held_out_rows_the_knee_is_told_as_chosen_in_the_pool_alone():
    found = swept()
    (group,) = found["budgets"]
    assert group["ranked"] == ["both", "diversity", "quality"]
    assert not group["confirmation"]["is_confirmed"]
    assert told_everywhere(found, "chosen by quality and diversity in the pool alone, no held-out")


def test_a_knee_that_holds_up_costs_two_questions_and_again_none(paths):
    ensure_askable(params(), paths)
    found = asked(paths, {**GOOD, "diversity": BAD})
    (group,) = found["budgets"]
    told = group["confirmation"]
    assert told["is_confirmed"]
    assert group["knee"]["weight"] == 0.5
    assert [each["of"] for each in told["answers"]] == ["uniform", "both"]
    assert min(each["score"] for each in told["answers"]) > 0.6, "chance is 0.25"
    assert told["left"] == 20 - told["spent"]
    assert told_everywhere(found, "confirmed on held-out rows; hashed_ngrams, answered uniform 0.")
    assert told_everywhere(found, f"weight 0.5 {told['answers'][1]['score']:.4f}")
    assert told_everywhere(found, f"answers spent: {told['spent']}, left: {told['left']} of 20")
    lines_before = paths.guard_ledger.read_bytes()
    (again,) = asked(paths, {**GOOD, "diversity": BAD})["budgets"]
    assert again["confirmation"]["answers"] == told["answers"]
    assert again["confirmation"]["spent"] == 0
    write_rows(paths.table("selection"), pl.DataFrame({"id": GOOD["both"]}))
    assert holdout_gate(params(), paths).answer["value"] == told["answers"][1]["score"]
    assert paths.guard_ledger.read_bytes() == lines_before


def test_a_knee_that_teaches_less_than_uniform_gives_way_to_the_next_by_the_rule(paths):
    found = asked(paths, {"quality": GOOD["quality"], "both": BAD, "diversity": GOOD["both"]})
    (group,) = found["budgets"]
    told = group["confirmation"]
    assert told["is_confirmed"]
    assert group["knee"]["weight"] == 1.0
    assert [each["of"] for each in told["answers"]] == ["uniform", "both", "diversity"]
    assert told["answers"][1]["score"] < 0.5, "inside its one class it looks perfect"
    assert told["spent"] >= 1
    assert told_everywhere(found, "held-out rows confirm weight 1, not weight 0.5, the knee by")


def test_where_nothing_holds_up_the_knee_stays_unconfirmed(paths):
    found = asked(paths, dict.fromkeys(PLACES, BAD))
    (group,) = found["budgets"]
    assert group["knee"]["weight"] == 0.5
    assert not group["confirmation"]["is_confirmed"]
    assert told_everywhere(found, "not confirmed: every one is more than 0.02 below")


def test_a_spent_budget_leaves_the_knee_unconfirmed_and_says_what_to_do(paths):
    spend(paths, 3, 3)
    found = asked(paths, {**GOOD, "diversity": BAD}, params(holdout_budget=3))
    (group,) = found["budgets"]
    assert group["knee"]["weight"] == 0.5
    assert not group["confirmation"]["is_confirmed"]
    assert told_everywhere(found, "its budget of 3 is spent; hold out fresh rows")
    assert told_everywhere(found, "nothing was answered; answers spent: 0, left: 0 of 3")


def test_held_out_texts_in_a_subset_are_contamination_and_nothing_is_asked(paths):
    hold_out(paths, [*lines(HELD_OUT, 1), lines(ROWS, 0)[110]])
    found = asked(paths, {**GOOD, "diversity": BAD})
    words = found["budgets"][0]["confirmation"]["words"]
    assert words.startswith("not confirmed: ")
    assert "1 of 1,201 held-out texts are in the selection: nothing was asked" in words
    assert not paths.guard_ledger.exists()


def test_what_would_stop_the_questions_is_found_before_the_sweep(paths):
    spend(paths, 3, 1)
    with pytest.raises(SettingsError, match=r"budget of held\.jsonl was fixed"):
        ensure_askable(params(), paths)
    gate = params().gate.model_copy(update={"holdout_label_key": "mood"})
    with pytest.raises(SettingsError, match="'mood'"):
        ensure_askable(params().model_copy(update={"gate": gate}), paths)


def test_the_uniform_draw_keeps_the_budget_and_is_the_same_each_time(paths):
    first = uniform_ids(params(), paths)
    assert len(set(first)) == BUDGET
    assert first.to_list() == uniform_ids(params(), paths).to_list()
