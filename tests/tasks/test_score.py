"""Stage `score`: from documents and vectors to scores.parquet."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

import tasks.score as stage
from schemas.errors import ContractError, SettingsError
from schemas.params import Params
from schemas.tables import Documents, RowScores, check
from tasks.scorers import COLUMNS, SCORERS, VECTOR_COLUMNS, VECTOR_SCORERS
from tasks.stage import Paths
from tasks.storage.rows import write_rows

ROOT = Path(__file__).parents[2]


def demo_texts(count: int) -> list[str]:
    with gzip.open(ROOT / "data" / "demo" / "open_docs.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(next(file))["text"] for _ in range(count)]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write_documents(paths: Paths, rows: list[dict[str, Any]]) -> None:
    base = {"source": "test", "metadata": "{}", "source_file": "f", "duplicate_of": None}
    full = [
        {**base, "content_sha256": sha(row["text"]), "raw_sha256": sha(row["text"]), **row}
        | {"row": place, "line": place}
        for place, row in enumerate(rows, start=1)
    ]
    frame = pl.DataFrame(full, schema_overrides={"duplicate_of": pl.String})
    frame = frame.sort("id", "duplicate_of", nulls_last=False)
    write_rows(paths.table("documents"), check(Documents, frame))


def write_vectors(paths: Paths, ids: list[str], width: int = 16, seed: int = 0) -> None:
    vectors = np.random.default_rng(seed).standard_normal((len(ids), width)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    frame = pl.DataFrame(
        {
            "id": pl.Series(sorted(ids), dtype=pl.String),
            "tokens": pl.Series([3] * len(ids), dtype=pl.Int64),
            "content_sha256": pl.Series([sha(name) for name in ids], dtype=pl.String),
            "vector": pl.Series(vectors, dtype=pl.Array(pl.Float32, width)),
        }
    )
    write_rows(paths.table("vectors"), frame)


def prepare(folder: Path, texts: list[str]) -> Paths:
    paths = Paths(folder)
    names = [f"row-{place:05d}" for place in range(len(texts))]
    rows = [{"id": name, "text": text} for name, text in zip(names, texts, strict=True)]
    write_documents(paths, rows) if rows else _write_no_documents(paths)
    write_vectors(paths, names)
    return paths


def _write_no_documents(paths: Paths) -> None:
    write_documents(paths, [{"id": "gone", "text": "gone", "duplicate_of": "gone"}])


def score(paths: Paths, **settings: Any) -> tuple[pl.DataFrame, dict[str, Any]]:
    stage.run(Params.model_validate({"seed": 1, "score": settings}), paths)

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    facts = json.loads(paths.json("score").read_text("utf-8"), parse_constant=refuse)
    return pl.read_parquet(paths.table("scores")), facts


def test_every_embedded_document_gets_every_column(tmp_path: Path) -> None:
    paths = prepare(tmp_path, demo_texts(60))
    scores, manifest = score(paths)
    check(RowScores, scores)
    assert scores["id"].to_list() == pl.read_parquet(paths.table("vectors"))["id"].to_list()
    geometry = ["nearest_id", "nearest_similarity", "density", "cluster"]
    geometry += ["semantic_keeper_id", "semantic_similarity"]
    assert scores.columns == ["id", "quality", *geometry, *COLUMNS, *VECTOR_COLUMNS]
    assert all(scores[name].dtype == pl.Float64 for name in COLUMNS)
    assert not scores.select(pl.col(pl.Float64).is_nan().any()).row(0).count(True)
    assert manifest["rows"] == {"scores": 60}
    assert manifest["facts"]["scorers"].keys() == {**SCORERS, **VECTOR_SCORERS}.keys()
    assert manifest["facts"]["clusters"]["asked"] == 8
    assert manifest["facts"]["columns"]["quality"]["mean"] == pytest.approx(
        scores["quality"].mean(), abs=1e-5
    )


def test_each_row_gets_the_scores_of_its_own_text_and_vector(tmp_path: Path) -> None:
    texts = demo_texts(40)
    paths = prepare(tmp_path, texts)
    scores, _ = score(paths, neighbours=3)
    for name, scorer in SCORERS.items():
        for column, values in scorer()(texts).columns.items():
            np.testing.assert_allclose(
                scores[column].to_numpy(), values, rtol=0, atol=1e-6, err_msg=name
            )
    vectors = np.stack(pl.read_parquet(paths.table("vectors"))["vector"].to_list())
    cosines = vectors.astype(np.float64) @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    expected = [f"row-{place:05d}" for place in cosines.argmax(axis=1)]
    assert scores["nearest_id"].to_list() == expected
    best = np.sort(cosines, axis=1)[:, -3:]
    np.testing.assert_allclose(scores["nearest_similarity"], best[:, -1], atol=2e-6)
    np.testing.assert_allclose(scores["density"], best.mean(axis=1), atol=2e-6)


@pytest.mark.parametrize("chunk_rows", [1, 2, 4096])
def test_duplicates_and_documents_without_a_vector_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_rows: int
) -> None:
    monkeypatch.setattr(stage, "CHUNK_ROWS", chunk_rows)
    paths = Paths(tmp_path)
    rows = [
        {"id": "a", "text": "the first"},
        {"id": "a", "text": "the first", "duplicate_of": "a"},
        {"id": "b", "text": "a near twin of the first"},
        {"id": "c", "text": "the third ... text"},
        {"id": "d", "text": "the third ... text", "duplicate_of": "c"},
    ]
    write_documents(paths, rows)
    write_vectors(paths, ["a", "c"])
    scores, _ = score(paths)
    assert scores["id"].to_list() == ["a", "c"]
    assert scores["gopher_words"].to_list() == [2.0, 4.0]
    assert scores["nearest_id"].to_list() == ["c", "a"]


def test_a_vector_without_a_document_stops_the_stage(tmp_path: Path) -> None:
    paths = prepare(tmp_path, ["one text", "two texts"])
    write_vectors(paths, ["row-00000", "row-00001", "row-00002"])
    with pytest.raises(ContractError, match=r"3 vectors meet 2 documents"):
        score(paths)


@pytest.mark.parametrize(("rows", "characters"), [(1, 10**9), (7, 10**9), (50, 1_000)])
def test_the_size_of_chunks_does_not_change_a_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, characters: int
) -> None:
    paths = prepare(tmp_path, demo_texts(50))
    score(paths)
    whole = paths.table("scores").read_bytes()
    monkeypatch.setattr(stage, "CHUNK_ROWS", rows)
    monkeypatch.setattr(stage, "CHUNK_CHARACTERS", characters)
    score(paths)
    assert paths.table("scores").read_bytes() == whole


@pytest.mark.slow  # tests/test_pipeline.py asks it of the whole chain
def test_the_number_of_threads_does_not_change_a_byte(tmp_path: Path) -> None:
    paths = prepare(tmp_path, demo_texts(700))
    paths.params.write_text(yaml.safe_dump({"score": {"clusters": 12}}), "utf-8")
    results = []
    for threads in ("1", "2"):
        limits = dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"), threads
        )
        subprocess.run(
            [sys.executable, "-m", "tasks.score"],
            cwd=tmp_path,
            env={**os.environ, **limits, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
        )
        results.append((paths.table("scores").read_bytes(), paths.json("score").read_bytes()))
    assert results[0] == results[1]


def test_missing_values_are_null_and_quality_uses_what_is_there(tmp_path: Path) -> None:
    paths = prepare(tmp_path, ["a word or two", "\u200b", "the last of the rows"])
    scores, manifest = score(paths, quality_weights={"log_perplexity": 1.0, "gopher_words": 1.0})
    blank = scores.row(1, named=True)
    assert scores["gopher_words"].to_list() == [4.0, 1.0, 5.0]
    assert blank["quality"] is not None
    assert manifest["facts"]["quality"]["spearman"].keys() == {"log_perplexity", "gopher_words"}


def test_a_row_without_any_value_gets_quality_zero_and_is_counted(tmp_path: Path) -> None:
    paths = prepare(tmp_path, ["some words here", "\u00a0\u2003", "some more words"])
    scores, manifest = score(paths, quality_weights={"typicality": 1.0})
    assert scores["typicality"].is_null().to_list() == [False, True, False]
    assert scores["quality"][1] == 0.0
    assert manifest["facts"]["quality"]["unscored_rows"] == 1
    assert manifest["facts"]["columns"]["typicality"]["missing_share"] == pytest.approx(1 / 3, 1e-5)


def test_a_pool_of_one_row_has_no_neighbour_and_constant_columns(tmp_path: Path) -> None:
    scores, manifest = score(prepare(tmp_path, ["a lonely row of words"]))
    row = scores.row(0, named=True)
    assert (row["nearest_id"], row["nearest_similarity"], row["density"]) == (None, None, None)
    assert (row["cluster"], row["quality"]) == (0, 0.5)
    quality = manifest["facts"]["quality"]
    assert quality["constant"] == ["repetition_free", "rules_passed", "typicality"]
    assert set(quality["constant"]) <= set(manifest["facts"]["constant"])


def test_a_pool_without_rows_gives_an_empty_table(tmp_path: Path) -> None:
    scores, manifest = score(prepare(tmp_path, []))
    assert scores.height == 0
    assert scores.columns[:2] == ["id", "quality"]
    assert manifest["rows"] == {"scores": 0}


def test_an_unknown_quality_column_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="'fluency'") as error:
        score(Paths(tmp_path), quality_weights={"fluency": 1.0})
    assert "typicality" in str(error.value)
    with pytest.raises(SettingsError, match="no better end"):
        score(Paths(tmp_path), quality_weights={"density": 1.0})


def test_a_reference_changes_what_is_predictable(tmp_path: Path) -> None:
    texts = demo_texts(30)
    paths = prepare(tmp_path, texts)
    plain = tmp_path / "reference.txt"
    plain.write_text("\n\n".join(text.replace("\n", " ") for text in texts[:15]), "utf-8")
    lines = tmp_path / "reference.jsonl"
    lines.write_text("\n".join(json.dumps({"text": text}) for text in texts[:15]), "utf-8")
    pool, _ = score(paths)
    read, manifest = score(paths, reference="reference.txt")
    assert manifest["inputs"]["reference.txt"] == sha(plain.read_text("utf-8"))
    known, unknown = read["log_perplexity"][:15], read["log_perplexity"][15:]
    assert known.max() < unknown.min()
    assert not pool["log_perplexity"].equals(read["log_perplexity"])
    assert score(paths, reference="reference.jsonl")[0].equals(read)


def test_progress_is_logged_with_its_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    paths = prepare(tmp_path, demo_texts(20))
    monkeypatch.setattr(stage, "CHUNK_ROWS", 5)
    monkeypatch.setattr(stage, "LOG_SECONDS", 0.0)
    with caplog.at_level("INFO", logger="winnow"):
        score(paths)
    assert "texts: 10 of 20 rows" in caplog.text
    assert "rows/s" in caplog.text
