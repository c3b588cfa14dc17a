"""Every registered scorer keeps the same promises."""

from dataclasses import FrozenInstanceError, fields, is_dataclass

import numpy as np
import pytest

from schemas.tables import RowScores
from tasks.scorers import COLUMNS, SCORERS
from tasks.scorers.contract import score_in_chunks
from tasks.scorers.geometry import COLUMNS as GEOMETRY

TEXTS = [
    "",
    " \n\t \n",
    "😀🎉😀",
    "a",
    "The cat sat on the mat. The cat sat on the mat.",
    "- one\n- two\n\n- one\n- two\n...",
    "def f(x):\n    return {x: [x, x]}  # twice\n",
    "Здравствуй, мир. Это вторая фраза.",
    "こんにちは世界。これは文です。",
    "a" * 20_000,
    "x " * 5_000,
    "\x00\u202e\u200b\ufeff e\u0301 \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "Whoever reads this must have been patient with the writer of that sentence, and to be fair: "
    "it is one of those that never end.",
]
scorers = pytest.mark.parametrize("name", sorted(SCORERS))


def assert_same(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> None:
    assert left.keys() == right.keys()
    for name, values in left.items():
        np.testing.assert_array_equal(values, right[name], err_msg=name)  # NaN equals NaN


@scorers
def test_a_scorer_returns_the_columns_it_declares_within_their_ranges(name: str) -> None:
    scorer = SCORERS[name]()
    found = scorer(TEXTS).columns
    assert found.keys() == scorer.columns.keys()
    for column, values in found.items():
        about = scorer.columns[column]
        assert values.shape == (len(TEXTS),)
        assert values.dtype == np.float64
        present = values[~np.isnan(values)]
        assert np.isfinite(present).all()
        assert (present >= about.low).all(), column
        assert (present <= about.high).all(), column


@scorers
def test_a_scorer_is_a_frozen_dataclass_with_a_version_and_provenance(name: str) -> None:
    scorer = SCORERS[name]()
    assert is_dataclass(scorer)
    with pytest.raises(FrozenInstanceError):
        scorer.version = "9"  # type: ignore[misc]
    method = scorer(["a b"]).method
    assert method.version == SCORERS[name].version
    assert len(method.version.split(".")) == 3
    assert method.settings.keys() == {field.name for field in fields(scorer)}


@scorers
def test_scoring_twice_gives_equal_values_and_leaves_the_texts_alone(name: str) -> None:
    texts = list(TEXTS)
    first, second = SCORERS[name]()(texts), SCORERS[name]()(texts)
    assert texts == TEXTS
    assert_same(first.columns, second.columns)


@scorers
def test_the_order_of_rows_does_not_matter(name: str) -> None:
    order = np.random.default_rng(3).permutation(len(TEXTS))
    straight = SCORERS[name]()(TEXTS).columns
    shuffled = SCORERS[name]()([TEXTS[place] for place in order]).columns
    assert_same({column: values[order] for column, values in straight.items()}, shuffled)


@scorers
@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_the_size_of_chunks_does_not_matter(name: str, size: int) -> None:
    def pool() -> list[list[str]]:
        return [TEXTS[start : start + size] for start in range(0, len(TEXTS), size)]

    chunked = score_in_chunks({name: SCORERS[name]()}, pool)[name]
    assert_same(SCORERS[name]()(TEXTS).columns, chunked.columns)


@scorers
def test_no_rows_give_empty_columns(name: str) -> None:
    scorer = SCORERS[name]()
    for found in (scorer([]), score_in_chunks({name: scorer}, lambda: [])[name]):
        assert found.columns.keys() == scorer.columns.keys()
        assert all(len(values) == 0 for values in found.columns.values())


def test_column_names_are_unique_over_the_registry_and_the_score_table() -> None:
    declared = [column for scorer in SCORERS.values() for column in scorer.columns]
    assert len(declared) == len(set(declared)) == len(COLUMNS)
    assert not set(declared) & {*RowScores.to_schema().columns, *GEOMETRY}


def test_every_column_states_its_unit_source_and_meaning() -> None:
    for name, about in COLUMNS.items():
        assert all((about.unit, about.source, about.meaning)), name
        assert about.low < about.high, name
        assert about.direction in ("higher", "lower", "middle", "neither")
