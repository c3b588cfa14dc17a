"""The gate of held-out rows: a model trained on the selection is asked through the guard."""

import json

import numpy as np
import polars as pl
import pytest

from schemas.errors import SettingsError
from schemas.manifest import Manifest
from schemas.params import GateParams, Params
from tasks.gates.holdout import holdout_gate, judged
from tasks.holdout import HeldOut, HoldoutGuard
from tasks.holdout.checkout import ledger_of, noise_of
from tasks.paths import SECRETS
from tasks.proving.consumers.hashed_ngrams import HashedNgrams
from tasks.stage import Paths, manifest_path
from tasks.storage.rows import write_rows, write_text
from tests.tasks.test_score import write_documents

CLASSES, HELD_OUT = 4, 1_200


def sentence(label: int, random: np.random.Generator) -> str:
    own = [f"w{label}x{word}" for word in random.integers(12, size=4)]
    return " ".join([*own, f"n{random.integers(10_000)}"])


def lines(count: int, seed: int) -> list[dict]:
    random = np.random.default_rng(seed)
    labels = random.integers(CLASSES, size=count).tolist()
    told = [label if random.random() < 0.9 else (label + 1) % CLASSES for label in labels]
    return [{"text": sentence(label, random), "intent": f"intent {said}"}
            for label, said in zip(labels, told, strict=True)]  # fmt: skip


@pytest.fixture
def paths(tmp_path, monkeypatch) -> Paths:
    """A finished run of 300 labelled documents, 100 of them selected, and 1,200 held-out rows."""
    monkeypatch.delenv(SECRETS, raising=False)
    paths = Paths(tmp_path)
    rows = lines(300, 0)
    write_documents(paths, [{"id": f"d{place:04}", "text": row["text"],
                             "metadata": json.dumps({"intent": row["intent"]})}
                            for place, row in enumerate(rows)])  # fmt: skip
    select(paths, range(100))
    write_text(manifest_path(paths, "previous"), Manifest("previous", "1", {}).to_json())
    hold_out(paths, lines(HELD_OUT, 1))
    return paths


def select(paths: Paths, places) -> None:
    write_rows(paths.table("selection"), pl.DataFrame({"id": [f"d{place:04}" for place in places]}))


def hold_out(paths: Paths, rows: list[dict]) -> None:
    write_text(paths.root / "held.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


def params(**settings) -> Params:
    return Params(gate=GateParams(holdout_file="held.jsonl", holdout_label_key="intent",
                                  **settings))  # fmt: skip


def promoted(paths: Paths, **answer) -> None:
    manifest = Manifest("previous", "1", {}, facts={"holdout": answer})
    write_text(manifest_path(paths, "previous"), manifest.to_json())


def test_a_selection_that_teaches_passes_and_its_answer_is_kept_for_the_next_run(paths):
    asked = holdout_gate(params(holdout_min_score=0.7), paths)
    assert asked.gate.passed
    assert asked.gate.value == asked.answer["value"] > 0.7
    assert asked.gate.share_of_limit == pytest.approx(0.7 / asked.gate.value)
    assert asked.answer["consumer"] == f"hashed_ngrams {HashedNgrams.version}"
    again = holdout_gate(params(holdout_min_score=0.7), paths)
    assert again == asked, "the same selection: the same answer, and nothing spent"
    assert len(paths.guard_ledger.read_text().splitlines()) == 1


def test_another_selection_of_as_many_rows_is_another_question(paths):
    first = holdout_gate(params(), paths).answer
    select(paths, range(100, 200))
    assert holdout_gate(params(), paths).answer != first
    assert len(paths.guard_ledger.read_text().splitlines()) == 2


def test_below_the_least_score_it_is_held_with_both_figures(paths):
    gate = holdout_gate(params(holdout_min_score=1.0), paths).gate
    assert not gate.passed
    assert "the least is 1.0000" in gate.words
    assert f"{gate.value:.4f}" in gate.words


def test_a_fall_against_the_promoted_run_is_held_only_if_both_were_asked_alike():
    answer = {"held_out": "a", "consumer": "hashed_ngrams 1.0.0", "value": 0.80}
    settings = GateParams(holdout_file="x", holdout_max_fall=0.02)
    better = {**answer, "value": 0.83}
    assert not judged(settings, answer, better, "").passed
    assert "promoted run's was 0.8300" in judged(settings, answer, better, "").words
    assert judged(settings, answer, {**answer, "value": 0.81}, "").passed
    other = judged(settings, answer, {**better, "held_out": "b"}, "")
    assert other.passed
    assert "not compared" in other.words


def test_the_promoted_run_s_answer_comes_from_the_stage_previous(paths):
    first = holdout_gate(params(), paths).answer
    promoted(paths, **{**first, "value": 1.0})
    gate = holdout_gate(params(holdout_max_fall=0.0), paths).gate
    assert gate.limit == 1.0


def test_where_it_is_not_to_be_asked_the_gate_says_so_and_costs_nothing(paths):
    asked = holdout_gate(params(holdout_ask=False, holdout_min_score=1.0), paths)
    assert asked.gate.passed
    assert asked.answer is None
    assert "not asked: gate.holdout_ask is false" in asked.gate.words
    assert not paths.guard_ledger.exists()


@pytest.mark.parametrize("when_spent", ["hold", "pass"])
def test_a_spent_budget_holds_or_passes_as_the_setting_says(paths, when_spent):
    texts = [row["text"] for row in lines(HELD_OUT, 1)]
    with ledger_of(paths) as ledger:
        guard = HoldoutGuard(HeldOut.of("x", set(texts)), 20, noise_of(paths), ledger)
        for place in range(20):
            guard.answer(f"{place}", "", lambda: 1.0, lambda: 0.0)
    gate = holdout_gate(params(holdout_when_spent=when_spent), paths).gate
    assert gate.passed == (when_spent == "pass")
    assert "budget of 20 is spent" in gate.words
    assert f"holdout_when_spent is {when_spent}" in gate.words
    assert "fresh rows" in gate.words


def test_held_out_texts_in_the_selection_are_contamination_and_nothing_is_asked(paths):
    selected = lines(300, 0)[5]
    hold_out(paths, [*lines(HELD_OUT, 1), selected])
    gate = holdout_gate(params(), paths).gate
    assert not gate.passed
    assert gate.words.startswith("held-out rows: 1 of 1,201 held-out texts are in the selection")
    assert not paths.guard_ledger.exists()


def test_few_held_out_rows_are_warned_of_in_the_gate_s_words(paths):
    hold_out(paths, lines(400, 1))
    assert "below 1,000 the guard lets an overfit" in holdout_gate(params(), paths).gate.words


def test_a_corpus_without_such_labels_is_wrong_use(paths):
    hold_out(paths, [{**row, "mood": row["intent"]} for row in lines(20, 1)])
    asked = params().model_copy(
        update={"gate": params().gate.model_copy(update={"holdout_label_key": "mood"})}
    )
    with pytest.raises(SettingsError, match="0 of 100 selected rows have a label 'mood'"):
        holdout_gate(asked, paths)
