"""What becomes of a contaminated row after its stage: never chosen, and told with its item."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from schemas.errors import ContractError, SettingsError
from schemas.manifest import Manifest
from schemas.params import Params
from schemas.tables import Contaminated, check
from tasks import choose, report, validate
from tasks.choose import load_pool
from tasks.engine.constraints import eligible
from tasks.measure import draw_controls
from tasks.pages.content import evaluation_table
from tasks.pages.funnel import funnel, kind_of
from tasks.stage import Paths, write_manifest
from tasks.storage.rows import read_rows, write_rows
from tasks.telling import in_words
from tests.tasks import choosing, test_report, verdicts

ITEM = {
    "kind": "both", "evaluation_file": "quiz/<b>.jsonl", "item_row": 7, "item_line": 8,
    "item_id": "q7", "matched": "the words of it", "shared_ngrams": 3, "item_ngrams": 4,
    "share": 0.75, "items": 2, "similarity": 0.91234,
}  # fmt: skip
BY_VECTOR = {
    **ITEM, "kind": "embedding", "item_line": None, "item_id": None, "matched": None,
    "shared_ngrams": None, "item_ngrams": None, "share": None, "items": None,
}  # fmt: skip


def overlapping(paths: Paths, ids: list[str], item: dict[str, Any] = ITEM) -> None:
    """Say that these rows overlap with an item."""
    schema = Contaminated.empty().schema
    table = pl.DataFrame([{"id": name, **item} for name in sorted(ids)], schema=schema)
    write_rows(paths.table("contaminated"), check(Contaminated, table))


@pytest.fixture
def pool(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    choosing.fill(paths)
    overlapping(paths, ["row-05", "row-28", "row-29"])
    return paths


@pytest.mark.parametrize("selector", ["facility_location", "stratified", "uniform"])
def test_no_selector_takes_a_contaminated_row_and_the_ledger_gets_the_rule(pool, selector):
    settings = {"budget": "90%", "selector": selector, "preselected": ["row-05"]}
    choose.run(Params.model_validate({"choose": settings}), pool)
    kept, lost = read_rows(pool.table("selection")), read_rows(pool.table("rejected"))
    assert not {"row-05", "row-28", "row-29"} & set(kept["id"])
    rules = dict(lost.select("id", "rule").rows())
    assert [rules[name] for name in ("row-28", "row-29")] == ["contaminated"] * 2
    assert rules["row-05"] == "preselected"


def test_a_share_is_of_the_clean_rows_and_controls_hold_no_other(pool):
    settings = Params.model_validate({"choose": {"budget": "100%"}})
    rows, limits = load_pool(settings, pool)
    assert limits.budget == int(eligible(rows, limits).sum()) == 27
    for draws in draw_controls(rows, limits, 0, 2).values():
        for draw in draws:
            assert not {5, 28, 29} & set(np.asarray(draw).tolist())


def test_asking_for_a_contaminated_row_is_refused(pool):
    settings = Params.model_validate({"choose": {"must_include": ["row-28", "row-05", "row-01"]}})
    with pytest.raises(SettingsError, match=r"2 rows .* the first is 'row-05'") as refused:
        load_pool(settings, pool)
    assert "decontaminate.evaluations" in refused.value.remedy


@pytest.fixture
def tables(tmp_path: Path) -> Paths:
    """The tables of `verdicts`, where lost-1 overlaps by words, lost-2 by its vector alone."""
    paths = Paths(tmp_path)
    verdicts.write_tables(paths)
    overlapping(paths, ["lost-1"])
    by_words = read_rows(paths.table("contaminated"))
    overlapping(paths, ["lost-2"], BY_VECTOR)
    both = pl.concat([by_words, read_rows(paths.table("contaminated"))])
    write_rows(paths.table("contaminated"), both)
    rule = pl.when(pl.col("id").is_in(["lost-1", "lost-2"])).then(pl.lit("contaminated"))
    verdicts.edit(paths, "rejected", lambda t: t.with_columns(rule=rule.otherwise("rule")))
    return paths


def settings() -> Params:
    return Params.model_validate({"choose": verdicts.CHOOSE})


def test_the_ledger_says_stage_rule_and_item(tables):
    validate.run(settings(), tables)
    ledger = read_rows(tables.table("decisions"))
    told = ledger.filter(rule="contaminated").select("id", "verdict", "stage", "detail")
    assert told.rows() == [
        ("lost-1", "dropped", "decontaminate", "quiz/<b>.jsonl, item 7, line 8, id q7: it shares "
         "3 of 4 of its n-grams, first “the words of it”; highest cosine to an item 0.9123"),
        ("lost-2", "dropped", "decontaminate", "quiz/<b>.jsonl, item 7; highest cosine to an item "
         "0.9123"),
    ]  # fmt: skip
    assert ledger.filter(rule="contaminated")["keeper_id"].null_count() == 2, "nobody stands for it"
    assert ledger.filter(rule="contaminated")["quality"].to_list() == [0.6, 0.5]


def test_it_is_told_in_words_and_counted_in_the_funnel(tables):
    validate.run(settings(), tables)
    ledger = read_rows(tables.table("decisions"))
    (row,) = ledger.filter(id="lost-1").to_dicts()
    lines = in_words(row)
    assert lines[0] == "lost-1: dropped by decontaminate (contaminated)"
    assert "    it overlaps with an item of an evaluation file" in lines
    assert any("quiz/<b>.jsonl, item 7, line 8, id q7" in line for line in lines)
    assert any("decontaminate.overlap_share" in line for line in lines)
    kinds = dict(zip(ledger["id"], kind_of(ledger), strict=True))
    assert kinds["lost-1"] == "dropped"
    assert kinds["near-1"] == kinds["zero-1"] == "duplicate"
    steps = [(step.label, step.count) for step in funnel(ledger)]
    distinct = steps.index(("Distinct documents", 8))
    assert steps[distinct + 1] == ("Overlaps with an evaluation item", 2)
    assert steps[-1] == ("Kept", 4)


def test_a_selected_row_that_is_contaminated_breaks_the_contract(tables):
    overlapping(tables, ["kept-2", "lost-1", "lost-2"])
    with pytest.raises(ContractError, match="1 selected rows overlap") as broken:
        validate.run(settings(), tables)
    assert "kept-2" in broken.value.where


def test_the_report_counts_per_evaluation_file(tmp_path):
    paths = Paths(tmp_path)
    test_report.fill(paths)
    assert evaluation_table(Manifest("decontaminate", "1.0.0", {})) == []
    counted = {"path": "quiz/<b>.jsonl", "items": 1200, "too_short_items": 7, "rows": 5,
               "rows_by_kind": {"both": 2, "ngram": 3}, "items_found": 4}  # fmt: skip
    facts = {"kept": 40, "evaluations": [counted]}
    write_manifest(paths, Manifest("decontaminate", "1.0.0", {}, facts=facts))
    report.run(Params(), paths)
    page = (paths.artifacts / "report.html").read_text()
    (line,) = [row for row in page.splitlines() if "quiz/&lt;b&gt;.jsonl" in row and "1,200" in row]
    for cell in (">7<", ">4<", ">5<", ">both 2, ngram 3<"):
        assert cell in line
