"""Reading and splitting: every record is used or counted, equal texts stay on one side."""

import gzip
import json

import numpy as np
import polars as pl
import pytest

from schemas.errors import SettingsError
from schemas.params import DeduplicateParams
from schemas.proof import ProveParams
from tasks.paths import Paths
from tasks.proving.reading import read
from tasks.proving.splitting import by_column, by_hash, copies
from tests.tasks.proofs import small_task

LINES = [
    {"title": "One", "body": "fish", "kind": 1, "stars": "4.5"},
    {"title": "Two", "body": None, "kind": 2, "stars": 3},
    {"title": " ", "body": "", "kind": 1, "stars": 1},
    {"title": "Three", "body": "bird", "kind": None, "stars": 1},
    {"title": "Four", "body": "bird", "kind": 2, "stars": "many"},
    {"title": "One", "body": "fish", "kind": 2, "stars": 2},
]


def write(folder, suffix):
    frame = pl.DataFrame(
        [{**line, "stars": str(line["stars"])} for line in LINES], infer_schema_length=None
    )
    file = folder / f"rows{suffix}"
    lines = "".join(json.dumps(line) + "\n" for line in LINES) + "{broken\n"
    if suffix == ".jsonl.gz":
        file.write_bytes(gzip.compress(lines.encode()))
    elif suffix == ".csv":
        frame.write_csv(file)
    else:
        frame.write_parquet(file)
    return file.name


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".csv", ".parquet"])
def test_every_record_is_used_or_counted_with_its_reason(tmp_path, suffix):
    asked = ProveParams(
        source=[write(tmp_path, suffix)], text="title, body", label="kind", rating="stars"
    )
    found = read(asked, Paths(tmp_path))
    assert sorted(found.rows["text"]) == ["One\n\nfish", "One\n\nfish", "Two"]
    assert sorted(found.rows["rating"]) == [2.0, 3.0, 4.5]
    assert found.rows["id"].is_sorted()
    assert found.rows["id"].n_unique() == 3
    broken = {"broken_json": 1} if suffix == ".jsonl.gz" else {}
    assert found.unused == {**broken, "no label": 1, "no rating": 1, "no text": 1}


def test_a_split_column_gives_train_and_test_and_leaves_the_rest():
    values = pl.Series(["train", "val", "test", "oos_train", "oos_test", "", "Train"])
    train, test = by_column(values)
    assert train.tolist() == [True, False, False, True, False, False, True]
    assert test.tolist() == [False, False, True, False, True, False, False]
    train, test = by_column(pl.Series(["train", "validation"]))
    assert test.tolist() == [False, True]
    with pytest.raises(SettingsError, match="no train rows or no test rows") as caught:
        by_column(pl.Series(["a", "b"]))
    assert "values found: a, b" in str(caught.value)


def test_rows_are_held_out_of_every_label_and_equal_texts_on_one_side():
    random = np.random.default_rng(0)
    labels = pl.Series([f"l{each}" for each in random.integers(0, 5, 1_000)])
    contents = pl.Series([f"{label}-{each}" for label, each in
                          zip(labels, random.integers(0, 60, 1_000), strict=True)])  # fmt: skip
    held = by_hash(contents, labels, 0.2, seed=0)
    for label in labels.unique():
        assert 0.15 < held[(labels == label).to_numpy()].mean() < 0.3
    sides = pl.DataFrame({"content": contents, "held": held}).group_by("content").n_unique()
    assert sides["held"].max() == 1
    order = random.permutation(1_000)
    again = by_hash(contents.gather(order), labels.gather(order), 0.2, seed=0)
    assert (again == held[order]).all()
    assert (by_hash(contents, labels, 0.2, seed=1) != held).any()


def test_a_label_of_one_row_is_trained_on():
    held = by_hash(pl.Series(["a", "b", "c"]), pl.Series(["x", "y", "y"]), 0.2, seed=0)
    assert not held[0]
    assert held.sum() == 1


def test_near_copies_across_the_split_are_found_and_others_are_not():
    words = [f"word{place}" for place in range(13)]
    texts = pl.Series([" ".join(words), " ".join([*words, "more"]), "of its own", "!!", "!!"])
    train = np.array([True, False, False, True, False])
    found = copies(texts, train, ~train, DeduplicateParams(), seed=0)
    assert found.tolist() == [1, 4]


def test_the_digest_of_a_task_moves_with_all_that_a_score_can_depend_on():
    from dataclasses import replace

    task = small_task(rows=40)
    others = [
        replace(task, texts=("other", *task.texts[1:])),
        replace(task, labels=task.labels[::-1].copy()),
        replace(task, vectors=-task.vectors),
        replace(task, test=task.test[1:]),
        replace(task, labels=None),
    ]
    assert len({task.digest, *(other.digest for other in others)}) == 6
    assert replace(task, name="other").digest == task.digest
