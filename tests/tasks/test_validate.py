"""Stage `validate` on a small set of tables in which every verdict occurs, and on broken ones."""

import polars as pl
import pytest

from schemas.errors import ContractError
from schemas.manifest import Manifest
from schemas.params import Params
from schemas.tables import Decisions, check
from tasks import validate
from tasks.groups import values_of
from tasks.recount import check_distance
from tasks.stage import Paths, write_manifest
from tasks.storage.rows import read_rows, read_vectors
from tests.tasks.verdicts import CHOOSE, edit, write_tables


def params(**changes) -> Params:
    blocks = {"choose": dict(CHOOSE), "validate": {"max_missing_groups": -1}}
    for key, value in changes.items():
        block, name = key.split("__")
        blocks.setdefault(block, {})[name] = value
    return Params.model_validate(blocks)


@pytest.fixture
def paths(tmp_path) -> Paths:
    write_tables(Paths(tmp_path))
    return Paths(tmp_path)


def test_a_sound_run_is_accepted_and_counted(paths):
    manifest = validate.run(params(), paths)
    ledger = read_rows(paths.table("decisions"))
    check(Decisions, ledger)
    assert manifest.rows == {"decisions": 14, "kept": 4, "changes": 0}
    counted = {(c["verdict"], c["rule"]): c["records"] for c in manifest.facts["counts"]}
    assert counted == {
        ("quarantined", "missing_text"): 2, ("dropped", "exact_duplicate"): 2,
        ("dropped", "near_duplicate"): 1, ("dropped", "zero_vector"): 1,
        ("kept", "gain"): 3, ("kept", "must_include"): 1, ("dropped", "outranked"): 1,
        ("dropped", "group_cap"): 1, ("dropped", "below_min_quality"): 1,
        ("dropped", "must_exclude"): 1,
    }  # fmt: skip
    assert sum(counted.values()) == manifest.facts["records_read"] == 14
    assert manifest.facts["missing_groups"] == []


def refused(paths: Paths, settings: Params) -> str:
    with pytest.raises(ContractError) as broken:
        validate.run(settings, paths)
    assert not paths.table("decisions").exists(), "a broken run leaves no ledger"
    return str(broken.value)


def test_a_lost_record_is_named(paths):
    edit(paths, "duplicates", lambda t: t.filter(pl.col("id") != "near-1"))
    told = refused(paths, params())
    assert "2 documents that are no duplicates have no vector" in told
    assert "expected: 1, as many as" in told
    assert "near-1" in told


def test_a_record_without_any_verdict_is_named(paths):
    edit(paths, "rejected", lambda t: t.filter(pl.col("id") != "lost-1"))
    told = refused(paths, params())
    assert "13 verdicts for 14 records read" in told
    assert "'id': 'lost-1'" in told


def test_a_record_with_two_verdicts_is_named(paths):
    edit(paths, "rejected", lambda t: pl.concat([t, t.head(1).with_columns(id=pl.lit("kept-1"))]))
    told = refused(paths, params())
    assert "2 verdicts fell on records that have another" in told
    assert "'id': 'kept-1'" in told


def test_a_document_that_stands_twice_is_named(paths):
    edit(paths, "documents", lambda t: pl.concat([t, t.filter(pl.col("id") == "lost-1")]))
    told = refused(paths, params())
    assert "id is unique where duplicate_of is null" in told
    assert "lost-1" in told


def test_another_number_of_records_read_is_found_out(paths):
    write_manifest(paths, Manifest("ingest", "1", {}, facts={"records_read": 15}))
    assert "14 verdicts for 15 records read" in refused(paths, params())


@pytest.mark.parametrize("unit", ["rows", "tokens"])
def test_a_subset_over_its_budget_is_refused(paths, unit):
    limit = 3 if unit == "rows" else 39
    facts = {"budget": {"unit": unit, "limit": limit}}
    write_manifest(paths, Manifest("choose", "1", {}, facts=facts))
    told = refused(paths, params(choose__budget=f"{limit} {unit}"))
    assert f"the subset costs {limit + 1}, the budget is {limit}" in told


BROKEN_LIMITS = {
    "choose__group_caps": ({"wiki": 1}, "group 'wiki' has 3 rows, its cap is 1"),
    "choose__group_floors": ({"books": 2}, "group 'books' has 1 rows, its floor is 2"),
    "choose__must_exclude": (["kept-2", "x"], "must-exclude rows are there: ['kept-2']"),
    "choose__must_include": (["lost-1"], "must-include rows are missing: ['lost-1']"),
    "choose__min_quality": (0.72, "rows below choose.min_quality are there: ['kept-3']"),
}


@pytest.mark.parametrize("key", BROKEN_LIMITS)
def test_a_subset_that_breaks_a_limit_is_refused_and_the_limit_named(paths, key):
    value, words = BROKEN_LIMITS[key]
    told = refused(paths, params(**{key: value}))
    assert "the subset breaks its limits" in told
    assert words in told


def test_a_cap_for_any_group_counts_where_the_group_has_none_of_its_own(paths):
    told = refused(paths, params(choose__group_caps={"*": 0, "wiki": 3}))
    assert "group 'books' has 1 rows, its cap is 0" in told
    assert "wiki" not in told


def test_a_floor_for_any_group_counts_where_the_group_has_none_of_its_own(paths):
    told = refused(paths, params(choose__group_floors={"*": 2, "wiki": 3}))
    assert "group 'books' has 1 rows, its floor is 2" in told
    assert "wiki" not in told


def test_groups_without_a_row_are_counted_against_their_limit(paths):
    sources = pl.when(pl.col("id") == "lost-1").then(pl.lit("news")).otherwise("source")
    edit(paths, "documents", lambda t: t.with_columns(source=sources))
    told = refused(paths, params(validate__max_missing_groups=0))
    assert "1 groups have eligible rows but no selected one: ['news']" in told
    assert validate.run(params(), paths).facts["missing_groups"] == ["news"]


def test_too_few_rows_are_refused(paths):
    assert "4 rows were selected" in refused(paths, params(validate__min_selected_rows=5))


def test_groups_may_be_a_metadata_key_or_the_cluster(paths):
    assert "group 'en' has 3 rows" in refused(
        paths, params(choose__group_by="lang", choose__group_caps={"en": 2})
    )
    assert "group '0' has 4 rows" in refused(
        paths, params(choose__group_by="cluster", choose__group_caps={"*": 1})
    )


BROKEN_TABLES = {
    "duplicate id in scores": (
        "scores", lambda t: pl.concat([t, t.head(1)]), ["table RowScores", "id=", "kept-1"]),
    "quality beyond 1": (
        "scores",
        lambda t: t.with_columns(quality=pl.when(pl.col("id") == "kept-2").then(1.5)
                                 .otherwise("quality")),
        ["table RowScores", "quality", "'1.5'", "id='kept-2'"]),
    "a rank twice": (
        "selection", lambda t: t.with_columns(rank=pl.lit(1, pl.Int64)),
        ["table SelectionTable", "rank", "kept-"]),
    "a gap in the ranks": (
        "selection", lambda t: t.with_columns(pl.col("rank") + 1), ["ranks do not run from 1"]),
    "a similarity of 0": (
        "duplicates", lambda t: t.with_columns(similarity=0.0), ["Duplicates", "id='copy-"]),
    "a selected row without a vector": (
        "vectors", lambda t: t.filter(pl.col("id") != "kept-3"), ["kept-3"]),
    "a vector twice": (
        "vectors", lambda t: pl.concat([t, t.filter(pl.col("id") == "kept-3")]),
        ["table Vectors", "kept-3"]),
    "an unknown rule of refusal": (
        "quarantine", lambda t: t.with_columns(rule=pl.lit("mood")), ["Quarantine", "'mood'"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN_TABLES)
def test_a_broken_table_is_refused_and_the_row_named(paths, name):
    table, change, words = BROKEN_TABLES[name]
    edit(paths, table, change)
    told = refused(paths, params())
    for word in words:
        assert word in told


def test_several_columns_are_counted_each_for_itself(paths):
    both = {"choose__group_by": "source, lang", "choose__group_caps": {"source:*": 3, "lang:en": 2}}
    told = refused(paths, params(**both))
    assert "group 'lang:en' has 3 rows, its cap is 2" in told
    assert "source" not in told
    floors = {"choose__group_by": "source, lang", "choose__group_floors": {"lang:*": 2}}
    assert "group 'lang:de' has 1 rows, its floor is 2" in refused(paths, params(**floors))


def test_a_preselected_row_that_is_selected_again_is_named(paths):
    told = refused(paths, params(choose__preselected=["kept-2", "lost-1"]))
    assert "preselected rows are selected again: ['kept-2']" in told


@pytest.mark.parametrize("before", [[], ["lost-1"]])
def test_rows_that_are_too_close_are_refused(paths, before):
    keys, rows = read_vectors(paths.table("vectors"))
    at = dict(zip(keys["id"], rows.astype(float), strict=True))
    kept = [at[f"kept-{i}"] for i in range(1, 5)]
    pairs = [(a, b) for i, a in enumerate(kept) for b in kept[:i]]
    pairs += [(a, at[name]) for a in kept for name in before]
    least = min(1 - a @ b for a, b in pairs)
    assert least > 0.001
    far, near = (
        params(choose__min_distance=least + change, choose__preselected=before).choose
        for change in (-1e-5, 1e-5)
    )
    ids = pl.Series([f"kept-{i}" for i in range(1, 5)])
    check_distance(paths, ids, far)
    with pytest.raises(ContractError, match=r"choose\.min_distance"):
        check_distance(paths, ids, near)
    assert "choose.min_distance" in refused(paths, params(choose__min_distance=2))


def test_a_metadata_key_with_a_dot_is_one_key_as_choose_reads_it():
    documents = pl.DataFrame(
        {
            "id": ["a", "b"],
            "source": ["s", "s"],
            "metadata": ['{"a.b":"x"}', '{"a":{"b":"y"}}'],
            "duplicate_of": pl.Series([None, None], dtype=pl.String),
        }
    )
    assert values_of(documents, "a.b").to_list() == ["x", "(none)"]
