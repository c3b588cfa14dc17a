"""Stage `deduplicate` on documents with planted exact and near copies."""

import polars as pl
import pytest

from schemas.params import Params
from schemas.tables import Duplicates, check
from tasks import deduplicate
from tasks.stage import Paths
from tests.tasks.test_score import write_documents

WORDS = [f"word{place}" for place in range(60)]
LONG, SHORT = " ".join(WORDS), " ".join(WORDS[:52])  # 48 of 56 5-grams shared: 0.857143


def documents() -> list[dict]:
    return [
        {"id": "a-short", "text": SHORT},
        {"id": "b-long", "text": LONG},
        {"id": "c-other", "text": "Nothing of the kind is said in this other row at all."},
        {"id": "d-copy", "text": LONG, "duplicate_of": "b-long"},
        {"id": "e-signs", "text": "... !!!"},
        {"id": "f-signs", "text": "??? !!!"},
    ]


def run(root, rows, **settings) -> tuple[pl.DataFrame, dict[str, int]]:
    paths = Paths(root)
    write_documents(paths, rows)
    manifest = deduplicate.run(Params.model_validate({"deduplicate": settings}), paths)
    return pl.read_parquet(paths.table("duplicates")), manifest.rows


def test_exact_and_near_copies_go_and_the_longest_stays(tmp_path):
    found, rows = run(tmp_path, documents())
    check(Duplicates, found)
    assert found.select("id", "keeper_id", "kind", "similarity").rows() == [
        ("a-short", "b-long", "near", 0.857143),
        ("d-copy", "b-long", "exact", 1.0),
    ]
    assert rows == {"documents": 6, "exact": 1, "near": 1}


def test_or_the_smallest_id_stays(tmp_path):
    found, _ = run(tmp_path, documents(), keeper="smallest_id")
    assert found.filter(kind="near").select("id", "keeper_id").rows() == [("b-long", "a-short")]
    exact = found.filter(kind="exact").row(0, named=True)
    assert exact["keeper_id"] == "b-long", "equal content names its first, though that goes too"


@pytest.mark.parametrize(("threshold", "near"), [(0.857, 1), (0.858, 0)])
def test_the_threshold_is_on_the_true_similarity(tmp_path, threshold, near):
    _, rows = run(tmp_path, documents(), threshold=threshold)
    assert rows["near"] == near


def test_the_order_of_the_rows_in_the_sources_does_not_show(tmp_path):
    rows = documents()
    here, _ = run(tmp_path / "here", rows)
    there, _ = run(tmp_path / "there", rows[::-1])
    assert here.drop("row").equals(there.drop("row"))


def test_one_id_on_two_records_of_the_same_content_is_one_duplicate(tmp_path):
    rows = [{"id": "a", "text": LONG}, {"id": "a", "text": LONG, "duplicate_of": "a"}]
    found, _ = run(tmp_path, rows)
    assert found.select("id", "keeper_id", "kind", "row").rows() == [("a", "a", "exact", 2)]


def test_nothing_to_compare_gives_an_empty_table_of_the_same_columns(tmp_path):
    full, _ = run(tmp_path / "full", documents())
    none, rows = run(tmp_path / "none", [{"id": "a", "text": "x"}])
    assert rows["near"] == rows["exact"] == 0
    assert none.schema == full.schema
