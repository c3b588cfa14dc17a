"""Metrics by family: each has one, and the tables say what they hold and lack."""

import polars as pl

from schemas.manifest import Manifest
from tasks.metrics import ALL_METRICS, METRICS, NO_INTERVAL
from tasks.pages.content import SUBSETS, sampling_note
from tasks.pages.families import FAMILIES, family_tables, names_of

SCHEMA = ["subset", "metric", "value", "low", "high"]


def test_every_metric_is_in_one_family() -> None:
    found = [name for family in FAMILIES for name in names_of(family)]
    assert sorted(found) == sorted(ALL_METRICS)
    named = {name for family in FAMILIES for name in family.names} | set(NO_INTERVAL)
    assert named <= set(ALL_METRICS)


def test_a_table_has_a_line_per_metric_and_a_column_per_subset() -> None:
    rows = [(s, m, 0.5, 0.25, 0.75) for s in ("selected", "uniform") for m in METRICS]
    tables = {t["title"]: t for t in family_tables(_frame(rows), SUBSETS)}
    assert "Against the target" not in tables
    assert sum(len(table["lines"]) for table in tables.values()) == len(METRICS)
    first = tables["Coverage"]["lines"][0]
    assert tables["Coverage"]["columns"] == [
        ("selected", "Selected"),
        ("uniform", "Uniform random"),
    ]
    assert first["cells"][0] == ("selected", "0.500", "0.250 to 0.750")


def test_a_metric_without_interval_says_why() -> None:
    table = family_tables(_frame([("selected", "cover_radius", 1.0, None, None)]), SUBSETS)[0]
    assert table["lines"][0]["cells"] == [("selected", "1.000", "")]
    assert "maximum" in table["lines"][0]["why"]


def test_a_sampled_comparison_says_on_how_many_rows() -> None:
    facts = {"pool_rows": 10**6, "pool_rows_looked_at": 2000, "selected_rows_looked_at": 2000}
    assert "2,000 of 1,000,000" in sampling_note(
        Manifest("measure", "1", {}, facts={"sampling": facts})
    )
    whole = {"pool_rows": 50, "pool_rows_looked_at": 50, "selected_rows_looked_at": 5}
    assert sampling_note(Manifest("measure", "1", {}, facts={"sampling": whole})) == ""


def _frame(rows: list[tuple]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")
