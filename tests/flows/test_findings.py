"""The tables that a run shows on Prefect's page: texts of the corpus lose all markup on the way."""

import re

import polars as pl
import pytest

from flows.findings import QUARANTINE_LINES, TEXT_CHARS, changes, encoded, quarantine, safe
from tasks.changes import COLUMNS
from tasks.stage import Paths
from tasks.storage.rows import write_rows

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](https://example.org/pixel.png)",
    "| a | b |\n|---|---|",
    "`code` **bold** &lt;b&gt;",
    "\x1b[31mred\x00\u202e",
]
MARKUP = re.compile(r"[<>\[\]`*|&\x00-\x1f\u202e]|://")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_shown_holds_nothing_that_a_page_takes_for_markup(text):
    assert MARKUP.search(text)
    assert not MARKUP.search(safe(text))


def test_a_text_of_plain_words_is_shown_as_it_is_and_a_long_one_cut():
    assert safe("Plain words, (so to say).") == "Plain words, (so to say)."
    assert len(safe("a" * 10 * TEXT_CHARS)) == TEXT_CHARS


def test_the_quarantine_shows_the_first_records_and_counts_all(tmp_path):
    paths = Paths(root=tmp_path)
    count = QUARANTINE_LINES + 5
    words = {"source_file": "<b>.jsonl", "rule": "broken_json", "expected": "one object"}
    words |= {"hint": "mend <it>", "found": HOSTILE[0]}
    table = pl.DataFrame([{**words, "row": at, "line": at, "column": None} for at in range(count)])
    paths.table("quarantine").parent.mkdir(parents=True)
    table.write_parquet(paths.table("quarantine"))
    shown, told = quarantine(paths)
    assert (len(shown), told) == (QUARANTINE_LINES, count)
    assert (shown[1]["row"], shown[1]["column"]) == (1, "")
    assert not any(MARKUP.search(str(value)) for value in shown[0].values())


def test_changes_are_shown_by_rank_without_markup_and_gains_as_numbers(tmp_path):
    paths = Paths(root=tmp_path)
    rows = [
        (HOSTILE[0], "left", "vanished", "ingest", "gain", HOSTILE[1], 3, None, None, None, None),
        ("b", "entered", "arrived", "choose", None, "s", 2, 0.123456, "x", 0.5, 0.1),
        ("a", "entered", "gain", "choose", "outranked", "s", 1, 0.5, None, None, None),
    ]
    write_rows(paths.table("changes"), pl.DataFrame(rows, schema=COLUMNS, orient="row"))
    shown = changes(paths)
    assert [row["id"] for row in shown][:2] == ["a", "b"]
    assert shown[1]["gain"] == 0.1235
    assert not any(MARKUP.search(str(value)) for value in shown[2].values())


def test_a_run_in_which_nothing_was_embedded_encoded_nothing(tmp_path):
    paths = Paths(root=tmp_path)
    assert encoded(paths, ran=True) == []
    (paths.artifacts / "facts").mkdir(parents=True)
    told = '{"encoded_rows": 3, "cached_rows": 9}'
    (paths.artifacts / "facts" / "embed_cache.json").write_text(told)
    assert encoded(paths, ran=True) == [{"encoded": 3, "known": 9}]
    assert encoded(paths, ran=False) == [{"encoded": 0, "known": 12}]
