"""A row is found in tables and pages, whatever they do to its text, and no other row is."""

import html
import json

import polars as pl
import pytest

from tasks.pages.lineage import packed
from tasks.storage.rows import write_rows
from tasks.traces import Traces

TEXT = 'Frau Müller said "no" & left <at> noon; nobody else says it in these very words.'
ROW = Traces(
    frozenset({"record-1"}), frozenset({"ab" * 32}), frozenset({TEXT}), frozenset({TEXT[:60]})
)
SHORT = Traces(ids=frozenset({"7"}))


@pytest.mark.parametrize(
    "cell",
    [
        "record-1",
        "ab" * 32,
        TEXT,
        f"before {TEXT} after",
        "kept for (record-1)",
        json.dumps({"t": TEXT}),
    ],
)
def test_a_table_holds_it_in_any_column(tmp_path, cell):
    frame = pl.DataFrame({"n": [1, 2], "id": ["x", None], "detail": ["nothing", cell]})
    write_rows(path := tmp_path / "table", frame)
    assert ROW.in_file(path)
    assert ROW.in_column(frame["detail"]).to_list() == [False, True]


@pytest.mark.parametrize("cell", ["record-10", "my-record-1", "", "Frau Müller said yes", "ROW-1"])
def test_other_rows_are_not_taken_for_it(tmp_path, cell):
    write_rows(path := tmp_path / "table", pl.DataFrame({"n": [1.0], "id": [cell]}))
    assert not ROW.in_file(path)
    assert not ROW.in_bytes(json.dumps({"id": cell}).encode())


@pytest.mark.parametrize(
    "page",
    [
        html.escape(TEXT),
        f"<p>{html.escape(TEXT[:61], quote=False)}…</p>",
        json.dumps([TEXT]),
        json.dumps([TEXT], ensure_ascii=False),
        f"<script>{packed({'stories': [[{'id': 'record-1'}]]})}</script>",
        f'["{packed(TEXT)}"]',
        "id,gain\nrecord-1,0.5\n",
    ],
)
def test_a_page_holds_it_escaped_cut_or_packed(tmp_path, page):
    (tmp_path / "page").write_text(page)
    assert ROW.in_file(tmp_path / "page")


def test_a_short_id_counts_as_a_whole_cell_and_in_quotes():
    assert SHORT.in_column(pl.Series(["7", "17", "the 7 words"])).to_list() == [True, False, False]
    assert SHORT.in_bytes(b'{"id": "7"}')
    assert not SHORT.in_bytes(b'{"rank": 7, "id": "17"}')


def test_bytes_that_only_look_packed_are_passed_over():
    assert not ROW.in_bytes(b"eJ" + b"A" * 400)


def test_nothing_to_look_for_is_found_nowhere(tmp_path):
    write_rows(path := tmp_path / "table", pl.DataFrame({"id": ["a"]}))
    assert not Traces().in_file(path)
    assert not Traces().in_bytes(b"anything")
