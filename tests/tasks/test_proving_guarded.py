"""Held-out questions of a proof through a guard, on a small task where labels can be learnt."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from flows.proving import as_text
from schemas.errors import SettingsError
from tasks.holdout import SpentError
from tasks.paths import Paths
from tasks.proving.answers import answer
from tasks.proving.consumers import CONSUMERS
from tasks.proving.guarded import Guarded, ensure_shares, guard_for, train_estimate
from tests.tasks.proofs import small_task
from tests.tasks.test_proving import rows, run  # noqa: F401  # a fixture

TASK = small_task(rows=600)
PROBE = CONSUMERS["linear_probe"](steps_per_pass=5)
SOME = [TASK.train[:80]] * 2


@dataclass(frozen=True)
class Perplexity:
    version: ClassVar[str] = "1.0.0"
    unit: ClassVar[str] = "perplexity"
    better: ClassVar[str] = "lower"
    needs: ClassVar[str] = ""


def ask(guarded: Guarded, task=TASK, schedule=SOME, seed=0) -> float:
    given = guarded("small 0.1 uniform", PROBE, task, schedule, seed)
    assert given.without_block == (), "jackknife parts would tell the held-out score"
    return given.score


def test_an_estimate_is_made_of_train_rows_alone_outside_the_schedule_or_by_folds_within():
    wrong = replace(TASK, labels=TASK.labels.copy())
    wrong.labels[wrong.test] = 0
    for schedule in (SOME, [TASK.train] * 2):
        estimate = train_estimate(PROBE, TASK, schedule, 0)
        assert estimate == train_estimate(PROBE, wrong, schedule, 0)
        assert estimate == pytest.approx(answer(PROBE, TASK, schedule, 0).score, abs=0.12)
        assert estimate > 0.5, "chance is 0.25"


def test_a_score_that_train_rows_foretell_costs_nothing_and_is_their_estimate(tmp_path):
    with guard_for(TASK, 2, {"probe": PROBE}, Paths(tmp_path)) as guarded:
        assert ask(guarded) == train_estimate(PROBE, TASK, SOME, 0)
        assert guarded.facts()["left"] == 2


def test_a_score_that_they_do_not_foretell_costs_budget_until_it_is_spent(tmp_path):
    wrong = replace(TASK, labels=TASK.labels.copy())
    wrong.labels[wrong.test] = (wrong.labels[wrong.test] + 1) % 4  # every test label is wrong
    with guard_for(wrong, 1, {"probe": PROBE}, Paths(tmp_path)) as guarded:
        assert ask(guarded, wrong) < 0.4
        with pytest.raises(SpentError, match="budget of 1 is spent"):
            ask(guarded, wrong, [TASK.train[80:160]] * 2)
    with guard_for(wrong, 1, {"probe": PROBE}, Paths(tmp_path)) as guarded:
        assert ask(guarded, wrong) < 0.4, "asked before: answered again"


def test_few_held_out_rows_are_warned_of(tmp_path, caplog):
    with guard_for(TASK, 1, {"probe": PROBE}, Paths(tmp_path)):
        assert "below 1,000" in caplog.text


def test_without_a_budget_there_is_no_guard_and_nothing_on_disk(tmp_path):
    with guard_for(TASK, 0, {"ppl": Perplexity()}, Paths(tmp_path)) as guarded:
        assert guarded is None
    assert not list(tmp_path.iterdir())


def test_a_score_that_is_no_share_is_refused_before_any_work():
    with pytest.raises(SettingsError, match="scores in \\[0, 1\\]; ppl tells perplexity"):
        ensure_shares({"ppl": Perplexity()})


def test_schedules_that_differ_in_one_row_are_different_questions(tmp_path):
    with guard_for(TASK, 9, {"probe": PROBE}, Paths(tmp_path)) as guarded:
        ask(guarded)
        ask(guarded, schedule=[np.append(TASK.train[:79], TASK.train[100])] * 2)
        ask(guarded, seed=1)
        assert guarded.facts()["answered"] == 3


@pytest.mark.slow
def test_a_whole_proof_asks_once_per_score_and_its_table_says_so(
    rows,  # noqa: F811
    tiny_model,
    tmp_path,
):
    rows.write_parquet(tmp_path / "rows.parquet")
    asked = {"guard": 9, "budgets": [0.5], "selectors": [], "consumers": ["hashed_ngrams"]}
    proof = run(tmp_path, tiny_model, **asked)
    exact = run(tmp_path, tiny_model, **{**asked, "guard": 0})
    told = proof.facts["guard"]
    assert told["answered"] == len(proof.records) == len(exact.records)
    assert told["left"] <= told["budget"] == 9
    assert "answers, " in as_text(proof)
    assert "guard" not in as_text(exact)
    assert {one.key for one in proof.records}.isdisjoint(one.key for one in exact.records)
    lines = Paths(tmp_path).guard_ledger.read_bytes()
    (tmp_path / "artifacts" / "proof" / "rows.scores.jsonl").unlink()
    again = run(tmp_path, tiny_model, **asked)
    assert again.summaries == proof.summaries, "known scores are lost, the ledger answers"
    assert Paths(tmp_path).guard_ledger.read_bytes() == lines
