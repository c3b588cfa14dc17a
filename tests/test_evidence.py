"""The evidence: pools planted as told, a run from file to table, the table and its picture."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from schemas.params import Params
from tasks.paths import Paths
from tests.benchmarks import evidence, evidence_page
from tests.benchmarks.evidence_picture import picture
from tests.benchmarks.evidence_sets import (
    DATA_SETS,
    DataSet,
    copied,
    flipped,
    halved,
    littered,
    rare,
)
from tests.tiny_model import VOCABULARY


def plain(_: Path) -> pl.DataFrame:
    """300 rows of ten labels, each with words of its own; one in four is held out."""
    random = np.random.default_rng(0)
    words = np.array(VOCABULARY[1:31]).reshape(10, 3)
    labels = np.arange(300) % 10
    texts = [" ".join(random.choice(words[label], 6)) + f" row{row}" for row, label in
             enumerate(labels)]  # fmt: skip
    frame = pl.DataFrame({"row_id": range(300), "text": texts, "label": labels})
    return halved(frame, (pl.col("row_id") // 10) % 4 == 0)


def train(make) -> pl.DataFrame:
    return make(Path()).filter(split="train")


def test_every_set_has_a_name_of_its_own_and_both_halves_have_some():
    assert len({data.name for data in DATA_SETS}) == len(DATA_SETS)
    assert {data.half for data in DATA_SETS} == {"development", "report"}


def test_rare_labels_keep_a_tenth():
    sizes = sorted(train(rare(plain))["label"].value_counts()["count"].to_list())
    assert sizes[-2:] == [22, 22]
    assert sum(sizes[:-2]) < 30


def test_copies_differ_from_their_original_in_one_word():
    before, after = train(plain), train(copied(plain))
    more = after[len(before) :]
    assert len(more) == 3 * 30
    known = {frozenset(text.split(" ")) for text in before["text"]}
    assert not set(more["text"]) & set(before["text"])
    assert all(any(set(text.split(" ")) <= row for row in known) for text in more["text"])


def test_litter_is_a_fifth_of_the_pool_and_flipped_labels_nearly_so():
    before = train(plain)
    assert len(train(littered(plain, plain))) == round(len(before) / 0.8)
    changed = (train(flipped(plain))["label"] != before["label"]).mean()
    assert 0.1 < changed < 0.25


@pytest.mark.parametrize("planted", [rare(plain), copied(plain), littered(plain, plain)])
def test_rows_held_out_stay_as_they_were(planted):
    held = planted(Path()).filter(split="test")
    assert held.equals(plain(Path()).filter(split="test"))


def test_from_a_set_to_the_table_and_the_picture(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(evidence, "BUDGETS", (0.1, 0.3))
    params = Params.model_validate({"embed": {"model": str(tiny_model)}})
    data = DataSet("tiny", "report", "groups", plain)
    found = evidence.prove(data, Path(), 2, params, Paths(tmp_path))
    rows = [{"half": data.half, "structure": data.structure, **asdict(each)} for each in found]
    assert {row["method"] for row in rows} == {*evidence.COMPARED, evidence.MATCHING}
    table = evidence_page.table(rows)
    assert table.count("\n") == 1 + 5 * 2  # five methods beside uniform, two consumers
    assert "| report | tiny | linear_probe | default |" in table
    mine = [row for row in rows if row["method"] == "default"]
    assert picture([("tiny", mine)]).count("<circle") == 2 * 2
    lines = evidence_page.summary(rows).splitlines()[2:]
    assert [line.split(" | ")[1] for line in lines] == [
        "default",
        *evidence_page.CONTROLS[1:],
        "distribution_matching",
    ]


def test_an_interval_that_leaves_out_0_is_bold():
    row = {"low": 0.01, "delta": 0.02, "high": 0.031}
    assert evidence_page._cell(row) == "**+2.0 [+1.0, +3.1]**"
    assert evidence_page._cell(row | {"low": -0.01}) == "+2.0 [-1.0, +3.1]"


def test_the_summary_averages_lines_and_counts_those_clear_of_0():
    about = {"half": "report", "method": "default", "budget": 0.1}
    rows = [
        about | {"low": 0.01, "delta": 0.03, "high": 0.05},
        about | {"low": -0.02, "delta": -0.01, "high": -0.005},
        about | {"low": -0.02, "delta": 0.01, "high": 0.04},
    ]
    assert "| report | default | 3 | +1.0 (1 ↑ 1 ↓) |" in evidence_page.summary(rows)
