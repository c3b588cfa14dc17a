"""Stage `decontaminate` with a tiny real model: what is matched, with what, and what it costs."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from schemas.errors import SourceChangedError, SourceError
from schemas.manifest import Manifest
from schemas.params import DecontaminateParams, Params
from schemas.tables import Contaminated, check
from tasks import decontaminate, deduplicate, embed, items, sources
from tasks.items import read_items
from tasks.sources import read_sources
from tasks.stage import Paths
from tasks.storage.rows import write_rows
from tests.tasks.test_score import write_documents

LEAK = "the river is dark and the stone is light for it is one of two"
ROWS = [
    {"id": "r1", "text": f"Read it! {LEAK.upper()}, with a bird."},
    {"id": "r2", "text": "water fire earth air tree bird fish song"},
    {"id": "r3", "text": "song fish bird tree air earth fire water"},
    {"id": "r4", "text": "data row file read write learn train model text code list law rule"},
    {"id": "r5", "text": LEAK, "duplicate_of": "r6"},
    {"id": "r6", "text": LEAK},
]
QUIZ = [
    {"id": "q1", "text": "page word page word"},
    {"id": "q2", "text": LEAK},
    {"id": 3, "text": "Water, fire, earth, air, tree, bird, fish, song"},
    {"id": None, "text": " "},
]
Stage = Callable[..., tuple[Manifest, pl.DataFrame]]


@pytest.fixture
def stage(tmp_path: Path, tiny_model: Path) -> Stage:
    """Run the stage with some settings on rows and evaluation files; its manifest and table."""
    paths = Paths(tmp_path)
    (tmp_path / "rows.jsonl").write_text('{"text": "is not read here"}\n')
    (tmp_path / "quiz.jsonl").write_text("".join(json.dumps(item) + "\n" for item in QUIZ))

    def run(rows: list[dict[str, Any]] = ROWS, **settings: Any) -> tuple[Manifest, pl.DataFrame]:
        settings = {"evaluations": ["quiz.jsonl"], **settings}
        params = Params.model_validate(
            {
                "ingest": {"sources": ["rows.jsonl"]},
                "embed": {"model": str(tiny_model)},
                "decontaminate": settings,
            }
        )
        run.params = params
        write_documents(paths, rows)
        deduplicate.run(params, paths)
        embed.run(params, paths)
        sources.run(params, paths)
        manifest = decontaminate.run(params, paths)
        return manifest, check(Contaminated, pl.read_parquet(paths.table("contaminated")))

    run.paths = paths
    return run


def test_a_row_that_holds_an_item_is_named_with_the_item_and_the_words(stage):
    manifest, table = stage()
    assert table.rows() == [
        ("r1", "ngram", "quiz.jsonl", 2, 2, "q2", " ".join(LEAK.split()[:13]), 3, 3, 1.0, 1, None),
        ("r2", "ngram", "quiz.jsonl", 3, 3, "3", "water fire earth air tree bird fish song", 1, 1,
         1.0, 1, None),
        ("r6", "ngram", "quiz.jsonl", 2, 2, "q2", " ".join(LEAK.split()[:13]), 3, 3, 1.0, 1, None),
    ]  # fmt: skip
    assert manifest.rows == {"documents": 5, "contaminated": 3}
    (counted,) = manifest.facts["evaluations"]
    assert counted == {"path": "quiz.jsonl", "items": 4, "too_short_items": 2, "rows": 3,
                       "rows_by_kind": {"ngram": 3}, "items_found": 2}  # fmt: skip


def test_without_evaluation_files_the_table_is_empty_and_nothing_is_listed(stage):
    manifest, table = stage(evaluations=[], similarity=0.9)
    assert table.is_empty()
    assert manifest.rows == {"documents": 5, "contaminated": 0}
    assert manifest.facts == {"kept": 5, "evaluations": []}
    assert "evaluations" not in json.loads(stage.paths.json("sources").read_text())


def test_words_in_another_order_are_found_by_similarity_alone(stage):
    _, table = stage(similarity=0.99)
    found = table.select("id", "kind", "item_row", "similarity")
    assert found.filter(pl.col("similarity") > 0.999).rows() == [
        ("r2", "both", 3, 1.0),
        ("r3", "embedding", 3, 1.0),
        ("r6", "both", 2, 1.0),
    ]
    turned = table.row(by_predicate=pl.col("id") == "r3", named=True)
    assert turned["matched"] is turned["share"] is turned["items"] is None


def test_a_pool_without_rows_and_files_without_words_give_an_empty_table(stage, tmp_path):
    (tmp_path / "blank.jsonl").write_text('{"text": ""}\n{"text": null}\n')
    manifest, table = stage(evaluations=["blank.jsonl"], similarity=0.5)
    assert table.is_empty()
    assert manifest.facts["evaluations"][0]["too_short_items"] == 2
    for name in ("documents", "duplicates", "vectors"):
        path = stage.paths.table(name)
        write_rows(path, pl.read_parquet(path).clear())
    for name in ("embed", "deduplicate"):  # which say what their stages wrote
        stage.paths.json(name).unlink(missing_ok=True)
    settings = {"evaluations": ["quiz.jsonl"], "similarity": 0.5}
    params = stage.params.model_copy(update={"decontaminate": DecontaminateParams(**settings)})
    sources.run(params, stage.paths)
    assert decontaminate.run(params, stage.paths).rows == {"documents": 0, "contaminated": 0}


def test_items_are_embedded_once(stage, monkeypatch):
    counts = []
    real = items.embed_missing

    def counted(encoder, cache, texts, total):
        counts.append(total)
        real(encoder, cache, texts, total)

    monkeypatch.setattr(items, "embed_missing", counted)
    first = stage(similarity=0.99)[1]
    assert counts == [2], "q2 is the text of r6, the blank one is not embedded"
    assert stage(similarity=0.99)[1].equals(first)
    assert counts == [2, 0]


@pytest.mark.parametrize("chunk_rows", [1, 2, 3])
def test_neither_chunks_nor_the_order_of_rows_show(stage, monkeypatch, chunk_rows):
    stage(similarity=0.5)
    before = stage.paths.table("contaminated").read_bytes()
    monkeypatch.setattr(decontaminate, "CHUNK_ROWS", chunk_rows)
    stage(ROWS[::-1], similarity=0.5)
    assert stage.paths.table("contaminated").read_bytes() == before


def test_files_of_every_kind_hold_the_same_items(stage, tmp_path):
    frame = pl.DataFrame({"question": [LEAK, QUIZ[2]["text"]], "uid": ["a", "b"]})
    frame.write_parquet(tmp_path / "quiz.parquet")
    frame.write_csv(tmp_path / "quiz.csv")
    lines = "".join(json.dumps(row) + "\n" for row in frame.to_dicts())
    (tmp_path / "more.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    tables = [
        stage(evaluations=[name], text_key="text, question", id_key="uid")[1]
        for name in ("quiz.parquet", "quiz.csv", "more.jsonl.*")
    ]
    assert [table["item_id"].to_list() for table in tables] == [["a", "b", "a"]] * 3
    whole = tables[0].drop("evaluation_file", "item_line")
    assert all(table.drop("evaluation_file", "item_line").equals(whole) for table in tables)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"text": 5}', "column text holds 5"),
        ('{"question": "a b"}', "columns found: question"),
        ("not json", "broken_json"),
        ('{"text": "half \\ud800 a pair"}', "invalid_unicode"),
        ('["a"]', "not_an_object"),
        ('{"text": "' + "x" * 2000 + '"}', "record_too_large"),
    ],
)
def test_an_item_that_cannot_be_used_stops_the_run_with_its_place(tmp_path, line, told):
    (tmp_path / "rows.jsonl").write_text("{}\n")
    (tmp_path / "quiz.jsonl").write_text('{"text": "sound"}\n\n' + line + "\n")
    params = Params.model_validate(
        {
            "ingest": {"sources": ["rows.jsonl"], "max_record_bytes": 1024},
            "decontaminate": {"evaluations": ["quiz.jsonl"]},
        }
    )
    paths = Paths(tmp_path)
    sources.run(params, paths)
    files = read_sources(paths.json("sources"), "evaluations")
    with pytest.raises(SourceError, match=told) as stopped:
        read_items(files, params, paths)
    assert stopped.value.where == "quiz.jsonl, record 2, line 3"


def test_a_file_that_is_not_what_was_hashed_stops_the_run(stage):
    stage()
    (known,) = read_sources(stage.paths.json("sources"), "evaluations")
    with pytest.raises(SourceChangedError, match=r"changed while it was read: quiz\.jsonl"):
        read_items([replace(known, sha256="0" * 64)], stage.params, stage.paths)


def test_a_pattern_that_means_no_file_is_named_with_its_setting(tmp_path):
    (tmp_path / "rows.jsonl").write_text("{}\n")
    params = Params.model_validate(
        {"ingest": {"sources": ["rows.jsonl"]}, "decontaminate": {"evaluations": ["quizz.jsonl"]}}
    )
    with pytest.raises(SourceError) as missing:
        sources.run(params, Paths(tmp_path))
    assert "decontaminate.evaluations" in missing.value.remedy
    with pytest.raises(ValidationError, match="columns are like"):
        Params.model_validate({"decontaminate": {"text_key": ","}})
