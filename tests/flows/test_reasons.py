"""`winnow why`, on a hand-written ledger of seven records."""

import json

import polars as pl
import pytest

from flows.reasons import explain, near_ids, tell
from schemas.errors import WinnowError
from schemas.tables import Changes, Decisions, StandsFor, check
from tasks.changes import COLUMNS
from tasks.pages.stories import stands_for
from tasks.paths import Paths
from tasks.storage.rows import write_rows
from tasks.telling import in_words, lacks_quality, plain

EMPTY = {
    "detail": "", "source": "s", "source_file": "data/rows.jsonl", "line": None, "raw_sha256": "0",
    "quality": None, "rank": None, "gain": None, "threshold": None, "is_bound": None,
    "keeper_id": None, "similarity": None, "needed_quality": None, "needed_budget_rows": None,
}  # fmt: skip
RECORDS = [
    {"id": "anna", "row": 1, "line": 1, "verdict": "kept", "stage": "choose", "rule": "gain",
     "quality": 0.9, "rank": 1, "gain": 3.5},
    {"id": "bert", "row": 2, "line": 2, "verdict": "dropped", "stage": "choose",
     "rule": "outranked", "quality": 0.4, "gain": 0.25, "threshold": 0.75, "is_bound": True,
     "keeper_id": "anna", "similarity": 0.8125, "needed_quality": 0.95, "needed_budget_rows": 7.0},
    {"id": "cora", "row": 3, "line": 3, "verdict": "dropped", "stage": "choose",
     "rule": "outranked", "quality": 0.3, "gain": 0.25, "threshold": 0.75, "is_bound": False,
     "needed_quality": 0.5},
    {"id": "dora", "row": 4, "line": 4, "verdict": "dropped", "stage": "deduplicate",
     "rule": "near_duplicate", "keeper_id": "anna", "similarity": 0.9, "threshold": 0.7},
    {"id": "anna", "row": 5, "line": 5, "verdict": "dropped", "stage": "deduplicate",
     "rule": "exact_duplicate", "keeper_id": "anna", "similarity": 1.0},
    {"id": "fred", "row": 7, "line": 7, "verdict": "dropped", "stage": "choose",
     "rule": "below_min_quality", "quality": 0.1, "gain": 0.01, "threshold": 0.2},
    {"id": "e\u202evil\x1b[2J", "row": 6, "line": 6, "verdict": "quarantined", "stage": "ingest",
     "rule": "blank_text", "detail": "text is \x1b[31mred"},
]  # fmt: skip
CHOSEN = {"id": "anna", "rank": 1, "gain": 3.5, "weight": 1.0, "reason": "gain", "covers": 12,
          "tokens": 9}  # fmt: skip
CHANGES = pl.DataFrame(
    [
        ("anna", "entered", "gain", "choose", "outranked", "s", 1, 3.5, "bert", 0.8125, 0.25),
        ("bert", "left", "outranked", "choose", "gain", "s", 4, 0.25, "anna", 0.8125, 3.5),
        ("gone", "left", "vanished", "ingest", "gain", "s", 2, None, None, None, None),
    ],
    schema=COLUMNS,
    orient="row",
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The artifacts of a finished run in the current folder."""
    monkeypatch.chdir(tmp_path)
    rows = [{**EMPTY, **record} for record in RECORDS]
    text = ["keeper_id", "detail", "source"]
    numbers = ["quality", "gain", "threshold", "similarity", "needed_quality", "needed_budget_rows"]
    kinds = dict.fromkeys(text, pl.String) | dict.fromkeys(numbers, pl.Float64)
    frame = pl.DataFrame(rows, schema_overrides=kinds).select(list(Decisions.to_schema().columns))
    artifacts = tmp_path / "artifacts"
    write_rows(artifacts / "decisions.parquet", check(Decisions, frame))
    write_rows(artifacts / "selection.parquet", pl.DataFrame([CHOSEN]))
    scores = {"id": ["anna", "bert", "cora", "x"], "quality": [0.9, 0.4, 0.3, 0.4],
              "typicality": [1.0, float("nan"), 2.0, 3.0], "cluster": [0, 0, 1, 1],
              "nearest_similarity": [0.5] * 4, "nearest_id": ["bert"] * 4}  # fmt: skip
    write_rows(artifacts / "scores.parquet", pl.DataFrame(scores))
    texts = {
        "id": ["anna", "anna", "bert", "dora"],
        "source_file": ["data/rows.jsonl"] * 4,
        "row": [1, 5, 2, 4],
        "text": ["Good\tday\nto all", "Good\tday\nto all", "Bad day", "Good days"],
        "content_sha256": ["0", "0", "f" * 64, "0"],
        "duplicate_of": [None, "anna", None, None],
    }
    write_rows(artifacts / "documents.parquet", pl.DataFrame(texts))
    write_rows(artifacts / "changes.parquet", check(Changes, CHANGES))
    write_rows(artifacts / "stands_for.parquet", check(StandsFor, stands_for(frame)))
    return tmp_path


def test_a_selected_row_is_told_with_rank_gain_and_what_it_covers(run):
    words = tell("anna", as_json=False).split("\n\n")[0]
    assert words.splitlines()[:2] == [
        "anna: kept by choose (gain)",
        "  source: data/rows.jsonl, record 1, line 1",
    ]
    assert "rank 1, gain 3.5 (gain); 12 rows of the pool" in words
    assert "  text:\n    Good\\tday\n    to all\n" in words
    assert "normalisation: none was needed, SHA-256 0" in words
    assert "covers: 1 dropped row closest to it among the kept: bert (similarity 0.8125)" in words
    assert (
        "stands for: 2 duplicates set aside for it: anna (similarity 1.0000), "
        "dora (similarity 0.9000)" in words
    )
    assert "nearest row of the pool: bert, similarity 0.5000; cluster 0" in words


def test_scores_come_with_their_share_of_rows_at_or_below(run):
    assert explain("bert", paths=_paths())[0]["scores"] == [
        {"score": "quality", "value": 0.4, "percentile": 75.0},
        {"score": "nearest_similarity", "value": 0.5, "percentile": 100.0},
    ]
    assert explain("anna", paths=_paths())[0]["scores"] == [
        {"score": "quality", "value": 0.9, "percentile": 100.0},
        {"score": "typicality", "value": 1.0, "percentile": 33.3},
        {"score": "nearest_similarity", "value": 0.5, "percentile": 100.0},
    ]


def test_a_row_that_lost_is_told_what_stood_in_its_way_and_what_it_lacked(run):
    words = tell("bert", as_json=False)
    assert "the nearest kept row is anna, similarity 0.8125" in words
    assert "its gain was at most 0.25; the last row chosen gained 0.75" in words
    assert "a quality of at least 0.9500 (it has 0.4000)" in words
    assert "a budget of at least 7 rows" in words
    assert "as found, ffffffffffff as kept" in words


def test_a_broken_rule_is_told_with_the_figure_it_judges():
    row = {**EMPTY, **RECORDS[0]}
    scores = [("words", 3.0), ("words_ok", 0.0), ("hashes", 0.0), ("hashes_ok", 1.0), ("ok", 1.0)]
    row["scores"] = [{"score": name, "value": value, "percentile": 50.0} for name, value in scores]
    told = [line.strip() for line in in_words(row)]
    assert "words 3 (percentile 50.0), breaks its rule" in told
    assert "hashes 0 (percentile 50.0)" in told
    assert "ok 1 (percentile 50.0)" in told
    assert not any("_ok" in line for line in told)


def test_exact_figures_are_not_called_bounds(run):
    words = tell("cora", as_json=False)
    assert "its gain was 0.25;" in words
    assert "would have let it in: a quality of 0.5000 (it has 0.3000)" in words
    assert "at least" not in words
    assert "a budget of" not in words


@pytest.mark.parametrize(("needed", "told"), [(0.30001, False), (0.3002, True), (None, False)])
def test_a_bound_no_higher_than_what_the_row_has_is_not_told(
    needed: float | None, told: bool
) -> None:
    row = {**EMPTY, **RECORDS[0], "quality": 0.3, "needed_quality": needed}
    assert lacks_quality(row) is told
    assert ("a quality of" in " ".join(in_words({**row, "scores": []}))) is told


def test_a_duplicate_is_told_its_twin_and_has_no_scores_of_its_twin(run):
    words = tell("dora", as_json=False)
    assert "its twin is anna, similarity 0.9000" in words
    assert "the twin is kept by choose (gain, rank 1)" in words
    assert "2 duplicates in all were set aside for it" in words
    assert "text: Good days" in words
    assert "would have let it in: a similarity below 0.7000 (deduplicate.threshold)" in words
    kept, twin = explain("anna", _paths())
    assert (kept["verdict"], twin["verdict"]) == ("kept", "dropped")
    assert kept["selection"]["rank"] == 1
    assert "selection" not in twin
    assert "a content of its own" in "\n".join(in_words(twin))


def test_a_row_of_low_quality_is_told_the_least_that_is_eligible(run):
    words = tell("fred", as_json=False)
    assert "its quality is 0.1000, the least 0.2000" in words
    assert "gain" not in words


def test_hostile_text_reaches_the_terminal_as_escapes_and_json_whole(run):
    name = RECORDS[-1]["id"]
    words = tell(name, as_json=False)
    assert "\x1b" not in words
    assert "\u202e" not in words
    assert "text is \\x1b[31mred" in words
    assert json.loads(tell(name, as_json=True))[0]["id"] == name
    assert plain("é 漢 😀") == "é 漢 😀"


@pytest.mark.parametrize(("wrong", "near"), [("ann", "anna"), ("bart", "bert"), ("ora", "cora")])
def test_an_unknown_id_is_refused_with_near_ones(run, wrong, near):
    assert near in near_ids(wrong, run / "artifacts" / "decisions.parquet")
    with pytest.raises(WinnowError, match=f"no input record has the id '{wrong}'") as refused:
        tell(wrong, as_json=False)
    assert near in refused.value.remedy


def test_without_a_ledger_the_remedy_is_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WinnowError, match="winnow run"):
        tell("anna", as_json=False)


def _paths():
    from tasks.stage import Paths

    return Paths()


def test_what_changed_since_the_promoted_run_is_told_with_the_row_on_the_other_side(run):
    entered, left = tell("anna", as_json=False), tell("bert", as_json=False)
    assert "since the promoted run: entered (gain: it added most" in entered
    assert "its rule was outranked; in the place of bert, gain 3.5 against 0.25" in entered
    assert "since the promoted run: left (outranked: the budget went to" in left
    assert "its rank 4; the row there is anna, gain 0.25 against 3.5" in left
    assert "since the promoted run" not in tell("cora", as_json=False)
    assert explain("anna", Paths())[0]["changes"][0]["other_id"] == "bert"


def test_a_row_that_vanished_is_told_as_what_it_was(run):
    with pytest.raises(WinnowError, match=r"'gone' any more: left \(vanished: no record has"):
        tell("gone", as_json=False)
