"""The ledger: one verdict per record, with the evidence that belongs to it."""

import polars as pl
import pytest

from schemas.params import ChooseParams
from schemas.tables import Decisions, check
from tasks.ledger import COLUMNS, build_ledger
from tasks.stage import Paths
from tasks.storage.rows import read_rows
from tests.tasks.verdicts import BAD_ROWS, CHOOSE, POSITION, write_tables

TABLES = (
    "documents",
    "quarantine",
    "duplicates",
    "vectors",
    "contaminated",
    "scores",
    "selection",
    "rejected",
)


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> dict[str, pl.DataFrame]:
    paths = Paths(tmp_path_factory.mktemp("verdicts"))
    write_tables(paths)
    found = {name: read_rows(paths.table(name)) for name in TABLES}
    return {**found, "documents": found["documents"].drop("text")}


@pytest.fixture(scope="module")
def ledger(tables) -> pl.DataFrame:
    return check(Decisions, build_ledger(tables, ChooseParams(**CHOOSE), 0.7))


VERDICTS = {
    "kept-1": ("kept", "choose", "gain"),
    "kept-2": ("kept", "choose", "gain"),
    "kept-3": ("kept", "choose", "gain"),
    "kept-4": ("kept", "choose", "must_include"),
    "copy-1": ("dropped", "deduplicate", "exact_duplicate"),
    "copy-2": ("dropped", "deduplicate", "exact_duplicate"),
    "near-1": ("dropped", "deduplicate", "near_duplicate"),
    "zero-1": ("dropped", "embed", "zero_vector"),
    "lost-1": ("dropped", "choose", "outranked"),
    "lost-2": ("dropped", "choose", "group_cap"),
    "poor-1": ("dropped", "choose", "below_min_quality"),
    "shut-1": ("dropped", "choose", "must_exclude"),
    "bad": ("quarantined", "ingest", "missing_text"),
}


def test_every_record_has_one_verdict_at_its_own_place(ledger):
    assert sorted(ledger["row"]) == list(range(1, 15))
    assert list(ledger.columns) == list(COLUMNS)
    for row in ledger.iter_rows(named=True):
        assert (row["verdict"], row["stage"], row["rule"]) == VERDICTS[row["id"]]
        assert row["row"] in (BAD_ROWS if row["id"] == "bad" else [POSITION[row["id"]]])
        assert row["line"] == row["row"]


def of(ledger: pl.DataFrame, name: str, *columns: str) -> tuple:
    return ledger.filter(pl.col("id") == name).select(columns).row(0)


def test_a_duplicate_names_its_keeper_and_how_like_it_is(ledger):
    evidence = ("keeper_id", "similarity", "threshold", "quality")
    assert of(ledger, "copy-1", *evidence) == ("kept-1", 1.0, 1.0, None)
    assert of(ledger, "copy-2", *evidence) == ("near-1", 1.0, 1.0, None)
    assert of(ledger, "near-1", *evidence) == ("kept-2", 0.8, 0.7, None)


def test_a_kept_row_has_rank_gain_and_quality_and_no_threshold(ledger):
    assert of(ledger, "kept-1", "rank", "gain", "quality", "threshold") == (2, 0.5, 0.9, None)
    assert of(ledger, "kept-4", "rank", "gain", "quality", "threshold") == (1, 0.01, 0.75, None)


def test_an_outranked_row_stands_against_the_last_gain_that_was_accepted(ledger):
    """0.125 of kept-3; the 0.01 of kept-4 was no competition, it was must-include."""
    evidence = ("gain", "threshold", "is_bound", "keeper_id", "similarity", "rank")
    assert of(ledger, "lost-1", *evidence) == (0.1, 0.125, True, "kept-4", 0.5, None)
    assert of(ledger, "lost-1", "needed_quality", "needed_budget_rows") == (0.65, 5.0)
    assert of(ledger, "lost-2", "gain", "threshold") == (0.3, None), "the cap decided, not a gain"


def test_a_row_below_the_least_quality_stands_against_that(ledger):
    assert of(ledger, "poor-1", "quality", "threshold", "gain") == (0.1, 0.2, None)


def test_a_refused_record_says_what_was_wrong_with_it(ledger):
    bad = ledger.filter(verdict="quarantined")
    assert bad["detail"].to_list() == [
        "column text: expected a string, found null; drop the record",
        "column text: expected a string, found {}; drop the record",
    ]
    assert bad["source"].null_count() == 2


def test_the_order_of_the_tables_rows_does_not_show(tables, ledger):
    turned = {name: table.reverse() for name, table in tables.items()}
    assert build_ledger(turned, ChooseParams(**CHOOSE), 0.7).equals(ledger)


def test_tables_without_rows_make_an_empty_ledger_of_the_same_columns(tables, ledger):
    empty = {name: table.clear() for name, table in tables.items()}
    none = build_ledger(empty, ChooseParams(), 0.7)
    assert len(none) == 0
    assert none.schema == ledger.schema


def test_a_record_no_table_speaks_of_is_missing(tables):
    silent = {**tables, "rejected": tables["rejected"].filter(pl.col("id") != "lost-1")}
    found = build_ledger(silent, ChooseParams(**CHOOSE), 0.7)
    assert len(found) == 13
    assert "lost-1" not in found["id"]
