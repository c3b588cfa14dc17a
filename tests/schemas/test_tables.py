"""Contracts of tables: what breaks them is named by check, value and row."""

import polars as pl
import pytest

from schemas import tables
from schemas.errors import ContractError
from schemas.tables import Documents, Duplicates, RowScores, SelectionTable, check
from schemas.tables.checking import CONTRACTS

SHA = "0" * 64


def scores(**changes) -> pl.DataFrame:
    columns = {
        "id": ["a", "b"], "quality": [0.5, 1.0], "nearest_id": ["b", "a"],
        "nearest_similarity": [0.1, 0.1], "density": [0.1, None], "cluster": [0, 1],
        "semantic_keeper_id": ["b", None], "semantic_similarity": [0.99, None],
    }  # fmt: skip
    return pl.DataFrame({**columns, **changes})


def test_a_sound_table_comes_back_as_it_is():
    frame = scores(extra=[1.0, 2.0])
    assert check(RowScores, frame).equals(frame)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quality": [0.5, 1.5]}, ["RowScores", "quality", "'1.5'", "(row 1 id='b')"]),
        ({"quality": [-0.1, 0.5]}, ["quality", "'-0.1'", "id='a'"]),
        ({"quality": [None, 0.5]}, ["quality", "id='a'"]),
        ({"quality": [float("nan"), 0.5]}, ["quality", "id='a'"]),
        ({"id": ["b", "b"]}, ["id: field_uniqueness", "id='b'"]),
        ({"cluster": [0, -1]}, ["cluster", "'-1'"]),
        ({"cluster": ["x", "y"]}, ["cluster"]),
    ],
)
def test_what_breaks_a_contract_is_named_with_value_and_row(changes, words):
    with pytest.raises(ContractError) as broken:
        check(RowScores, scores(**changes))
    for word in words:
        assert word in str(broken.value)


def test_a_missing_and_an_undeclared_column_are_named():
    with pytest.raises(ContractError, match="density"):
        check(RowScores, scores().drop("density"))
    duplicates = pl.DataFrame({"id": ["a"], "keeper_id": ["b"], "kind": ["near"],
                               "similarity": [1.0], "source_file": ["f"], "row": [1]})  # fmt: skip
    check(Duplicates, duplicates)
    with pytest.raises(ContractError, match="surprise"):
        check(Duplicates, duplicates.with_columns(surprise=1))


def test_only_the_first_failures_are_listed_and_the_rest_counted():
    many = pl.DataFrame({
        "id": [f"r{i}" for i in range(9)], "rank": list(range(-8, 1)), "gain": 0.0, "weight": 1.0,
        "reason": "gain", "covers": pl.repeat(0, 9, eager=True, dtype=pl.Int64),
        "tokens": pl.repeat(1, 9, eager=True, dtype=pl.Int64),
    })  # fmt: skip
    with pytest.raises(ContractError) as broken:
        check(SelectionTable, many)
    told = str(broken.value)
    assert told.count("rank: ") == 5
    assert "and 4 more" in told


def test_a_value_from_the_corpus_is_cut():
    with pytest.raises(ContractError) as broken:
        check(RowScores, scores(id=["x" * 10_000] * 2))
    assert "id: field_uniqueness fails for 'xxx" in str(broken.value)
    assert len(str(broken.value)) < 2_000


def documents(**changes) -> pl.DataFrame:
    columns = {
        "id": ["a", "a"], "text": ["t", "t"], "source": ["s", "s"], "metadata": ["{}", "{}"],
        "content_sha256": [SHA, SHA], "raw_sha256": [SHA, SHA], "source_file": ["f", "f"],
        "row": [1, 2], "line": [1, None], "duplicate_of": [None, "a"],
    }  # fmt: skip
    return pl.DataFrame({**columns, **changes}, schema_overrides={"duplicate_of": pl.String})


def test_an_id_may_repeat_among_duplicates_but_not_among_keepers():
    check(Documents, documents())
    for stands in ([None, None], [None, None]):
        with pytest.raises(ContractError, match="id is unique where duplicate_of is null"):
            check(Documents, documents(duplicate_of=stands))


def test_documents_without_their_text_are_still_called_documents():
    light = Documents.to_schema().remove_columns(["text"])
    check(light, documents().drop("text"))
    with pytest.raises(ContractError) as broken:
        check(light, documents(row=[0, 1]).drop("text"))
    told = str(broken.value)
    assert told.startswith("table Documents breaks its contract\n  expected: One row per accepted")
    assert "(row 0 id='a')" in told


@pytest.mark.parametrize("name", sorted(CONTRACTS.keys() - {"Table"}))
def test_every_table_states_its_grain_and_key(name):
    doc = CONTRACTS[name].__doc__
    assert doc.startswith("One row per ") or "one row per " in doc
    assert "Key: " in doc


def test_every_contract_can_be_had_from_the_package():
    assert set(CONTRACTS) <= set(tables.__all__)
