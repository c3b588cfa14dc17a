"""From a file to the table: nothing leaks, nothing is computed twice, a wrong column is named."""

import json

import numpy as np
import polars as pl
import pytest

from schemas.errors import SettingsError
from schemas.params import Params
from schemas.proof import ProveParams
from tasks.paths import Paths
from tasks.proving.building import name_of
from tasks.proving.prove import prove
from tests.tiny_model import VOCABULARY

METHODS = {"default", "uniform", "stratified", "top_quality", "bottom_quality", "diversity_only"}
METHODS |= {"rs2", "full"}


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    """Labelled rows of the tiny model's words, with favourites per class, one copied to test."""
    random = np.random.default_rng(0)
    words = np.array(VOCABULARY[1:])
    labels = random.integers(0, 3, 200)
    texts = [
        " ".join(random.choice(words[label * 13 : label * 13 + 13], 9))
        + " "
        + " ".join(random.choice(words, 5))
        for label in labels
    ]
    texts[199] = texts[3]
    split = ["test" if place % 4 == 3 else "train" for place in range(200)]
    split[3] = "train"
    return pl.DataFrame({"text": texts, "intent": [f"i{label}" for label in labels], "part": split})


@pytest.fixture(scope="module")
def proved(rows, tiny_model, tmp_path_factory):
    """A small proof of two seeds, its folder and what it told."""
    root = tmp_path_factory.mktemp("prove")
    rows.write_parquet(root / "rows.parquet")
    told: list[str] = []
    return root, told, run(root, tiny_model, told.append)


def run(root, model, tell=lambda _: None, **asked):
    given = {"source": ["rows.parquet"], "label": "intent", "split": "part", "seeds": 2}
    asked = {**given, "budgets": [0.1, 0.5], "selectors": ["k_center"], **asked}
    params = Params.model_validate({"embed": {"model": str(model)}})
    paths = Paths(root)
    return prove(ProveParams(**asked), params, paths, paths.artifacts / "proof", tell)


def test_every_method_stands_at_every_budget_for_every_consumer(proved):
    _, told, proof = proved
    cells = {(each.budget, each.method, each.consumer) for each in proof.summaries}
    assert cells == {
        (budget, method, consumer)
        for budget in (0.1, 0.5)
        for method in (METHODS | {"k_center"})
        for consumer in ("hashed_ngrams", "linear_probe")
    }
    assert all(each.low <= each.delta <= each.high for each in proof.summaries)
    # 2 seeds and consumers: uniform is drawn twice at 10 %, the full pool has one budget
    assert told[-1].startswith("proved: 72 of 72 scores, 100.0 %")


def test_subsets_of_one_budget_have_equal_rows_and_the_full_pool_has_the_replicate(proved):
    _, _, proof = proved
    train = proof.facts["train"]
    for each in proof.records:
        expected = {0.1: round(0.1 * train), 0.5: round(0.5 * train), 1.0: -(-9 * train // 10)}
        assert each.rows == expected[each.budget]


def test_other_seeds_repeat_the_proof_with_scores_of_their_own(proved, rows, tiny_model, tmp_path):
    rows.write_parquet(tmp_path / "rows.parquet")
    before, after = proved[2], run(tmp_path, tiny_model, first_seed=1)
    first, second = ({(each.seed, each.key) for each in one.records} for one in (before, after))
    assert {seed for seed, _ in second} == {1, 2}
    assert {each for each in first if each[0] == 1} == {each for each in second if each[0] == 1}


def test_a_copy_of_a_train_row_is_no_test_row(proved):
    _, _, proof = proved
    assert proof.facts["copies_removed_from_test"] == 1
    assert proof.facts["test"] == 48


def test_the_files_hold_the_table_and_a_second_run_computes_nothing(proved, tiny_model):
    root, _, proof = proved
    folder = root / "artifacts" / "proof"
    lines = [json.loads(line) for line in (root / "artifacts/proof.jsonl").read_text().splitlines()]
    assert {"dataset", "budget", "method", "consumer", "score", "delta", "low", "high"} <= set(
        lines[0]
    )
    assert len(lines) == len(proof.summaries)
    assert json.loads((folder / "rows.json").read_text())["facts"] == proof.facts
    scores = (folder / "rows.scores.jsonl").read_bytes()
    again = run(root, tiny_model)
    assert again.summaries == proof.summaries
    assert (folder / "rows.scores.jsonl").read_bytes() == scores


def test_a_killed_run_goes_on_and_ends_as_if_nothing_had_happened(proved, tiny_model):
    root, _, proof = proved
    file = root / "artifacts" / "proof" / "rows.scores.jsonl"
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-3]) + lines[-3][:40])  # three scores lost, one of them torn
    assert run(root, tiny_model).summaries == proof.summaries
    assert len(file.read_bytes().splitlines()) == len(lines) + 1
    file.write_bytes(whole)


def test_a_column_that_is_not_there_is_named_with_those_that_are(proved, tiny_model):
    root, _, _ = proved
    with pytest.raises(SettingsError, match="no record has the column 'intend'") as caught:
        run(root, tiny_model, label="intend")
    assert "text, intent, part" in str(caught.value)
    assert "did you mean 'intent'?" in str(caught.value)


def test_budgets_in_tokens_are_kept_by_every_method(proved, tiny_model):
    root, _, _ = proved
    asked = {"tokens": True, "budgets": [0.2], "consumers": ["linear_probe"], "name": "tokens"}
    proof = run(root, tiny_model, selectors=[], **asked)
    subsets = [record for record in proof.records if record.method != "full"]
    budget = max(record.tokens for record in subsets)
    assert all(0.9 * budget < record.tokens <= budget for record in subsets)
    assert proof.facts["budget_unit"] == "tokens"
    assert (root / "artifacts" / "proof" / "tokens.json").exists()


@pytest.mark.parametrize(
    ("source", "name"),
    [("a/b.jsonl.gz", "b"), ("s3://x/y z.csv", "y-z"), ("../..csv", "proof"), ("*.csv", "proof")],
)
def test_a_result_is_named_after_its_file_in_harmless_letters(source, name):
    assert name_of(source) == name
