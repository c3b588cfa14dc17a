"""What entered and left since the promoted run, row by row, beside a ledger of every verdict."""

import polars as pl
import pytest

from schemas.errors import ContractError
from schemas.params import Params
from schemas.tables import Changes, PreviousRows, PreviousSelection, check
from tasks import validate
from tasks.stage import Paths
from tasks.storage.rows import read_rows, write_rows
from tests.tasks.test_score import sha
from tests.tasks.verdicts import CHOOSE, write_tables


def previous(*rows: tuple) -> pl.DataFrame:
    """Rows of (id, rank or None, rule, text)."""
    return pl.DataFrame(
        [
            {
                "id": name,
                "verdict": "kept" if rank else "dropped",
                "stage": "choose",
                "rule": rule,
                "source": "wiki",
                "rank": rank,
                "content_sha256": sha(text or f"text of {name}") if rank else None,
            }
            for name, rank, rule, text in rows
        ],
        schema_overrides={"rank": pl.Int64, "content_sha256": pl.String},
    ).sort("id")


BEFORE = previous(
    ("kept-1", 1, "gain", ""),
    ("kept-2", 2, "gain", "another text"),
    ("lost-1", 3, "gain", ""),
    ("copy-1", 4, "gain", ""),
    ("near-1", 5, "stability", ""),
    ("shut-1", 6, "must_include", ""),
    ("bad", 7, "gain", ""),
    ("poor-1", 8, "gain", "poor when it was another text"),
    ("gone-1", 9, "gain", ""),
    ("kept-4", None, "outranked", ""),
)


@pytest.fixture
def paths(tmp_path) -> Paths:
    write_tables(Paths(tmp_path))
    return Paths(tmp_path)


def settings(**choose) -> Params:
    return Params.model_validate(
        {"choose": {**CHOOSE, **choose}, "validate": {"max_missing_groups": -1}}
    )


def changes(paths: Paths, before: pl.DataFrame = BEFORE) -> pl.DataFrame:
    write_rows(paths.table("previous_rows"), check(PreviousRows, before))
    paths.json("previous").unlink()  # it has the digest of the empty table
    validate.run(settings(), paths)
    return check(Changes, read_rows(paths.table("changes")))


def test_each_row_that_left_has_the_reason_of_today(paths):
    found = changes(paths).filter(change="left")
    assert dict(found.select("id", "reason").iter_rows()) == {
        "kept-2": "content_changed",
        "lost-1": "outranked",
        "copy-1": "exact_duplicate",
        "near-1": "near_duplicate",
        "shut-1": "must_exclude",
        "bad": "missing_text",
        "poor-1": "content_changed",
        "gone-1": "vanished",
    }
    by_id = {row["id"]: row for row in found.iter_rows(named=True)}
    lost = by_id["lost-1"]
    assert (lost["other_id"], lost["gain"], lost["other_gain"]) == ("kept-4", 0.1, 0.01)
    assert by_id["copy-1"]["other_id"] == "kept-1"
    assert (by_id["near-1"]["rank"], by_id["near-1"]["was"]) == (5, "stability")


def test_each_row_that_entered_has_a_reason_and_the_row_it_replaced(paths):
    found = changes(paths).filter(change="entered")
    assert dict(found.select("id", "reason").iter_rows()) == {
        "kept-2": "content_changed",
        "kept-3": "arrived",
        "kept-4": "must_include",
    }
    by_id = {row["id"]: row for row in found.iter_rows(named=True)}
    assert by_id["kept-4"]["other_id"] == "lost-1"
    assert by_id["kept-4"]["was"] == "outranked"
    assert by_id["kept-3"]["was"] is None


def test_a_row_beyond_the_former_size_is_there_for_the_larger_budget(paths):
    before = previous(
        ("kept-1", 1, "gain", ""), ("kept-2", None, "outranked", ""), ("kept-3", None, "x", "")
    )
    found = changes(paths, before)
    reasons = dict(found.select("id", "reason").iter_rows())
    assert reasons == {"kept-2": "budget_grew", "kept-3": "budget_grew", "kept-4": "must_include"}


def test_rows_before_and_entered_less_left_are_the_rows_now(paths):
    found = changes(paths)
    entered, left = (len(found.filter(change=change)) for change in ("entered", "left"))
    before = BEFORE["rank"].count()
    assert before + entered - left == len(read_rows(paths.table("selection")))
    counted = validate.counts_of_changes(found)
    assert sum(each["rows"] for each in counted) == entered + left


def test_without_a_promoted_run_nothing_has_changed(paths):
    assert changes(paths, BEFORE.clear()).is_empty()


def test_more_replacements_than_allowed_are_found_out(paths):
    selected = BEFORE.filter(pl.col("id").is_in(["kept-1", "lost-1", "lost-2", "gone-1"]))
    selected = selected.select("id", "rank", "source", "content_sha256")
    write_rows(paths.table("previous_selection"), check(PreviousSelection, selected))
    paths.json("previous").unlink()
    facts = {"budget": {"unit": "rows", "limit": 4}, "stability": {"held": True, "forced_out": 0}}
    told = validate.Manifest("choose", "1", {}, facts=facts)
    validate.write_manifest(paths, told)
    with pytest.raises(ContractError, match=r"1 of 2 rows .*\n?.*at most 0 others"):
        validate.run(settings(stability=0.9), paths)
    validate.run(settings(max_replacements=1), paths)
