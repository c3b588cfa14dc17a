"""`measure.target`: files that the selection should be like, read, embedded and compared with."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from schemas.errors import SourceChangedError, SourceError
from schemas.manifest import Manifest
from schemas.params import Params
from schemas.tables import Comparison, check
from tasks import measure, sources, target
from tasks.encoders import load_encoder
from tasks.metrics import METRICS, TARGET_METRICS
from tasks.metrics.rows import Rows
from tasks.pages.content import SUBSETS, standing_sentence, target_note
from tasks.pages.families import family_tables
from tasks.paths import Paths
from tasks.readers.records import digest
from tasks.storage.rows import read_rows, write_rows
from tests.tasks.test_measure import COUNT, KEPT, fill, written

ANIMALS = ("bird", "fish", "song", "tree", "river")
CODE = ("data", "model", "train", "code", "list")


def texts(words: tuple[str, ...], count: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(words, 7)) for _ in range(count)]


def write_lines(path: Path, rows: list[Any]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Paths:
    """What `measure` reads: rows about animals and code in turn; those about animals are chosen.

    A row's cluster is its number modulo 8, so animals have the even ones.
    """
    paths = Paths(tmp_path_factory.mktemp("target"))
    (paths.root / "rows.jsonl").write_text("{}\n")
    fill(paths, [f"r{place:04}" for place in range(0, 2 * KEPT, 2)])
    pairs = zip(texts(ANIMALS, COUNT // 2, 1), texts(CODE, COUNT // 2, 2), strict=True)
    vectors = encoded([text for pair in pairs for text in pair], tiny_model)
    table = read_rows(paths.table("vectors"))
    kind = pl.Array(pl.Float32, vectors.shape[1])
    write_rows(paths.table("vectors"), table.with_columns(vector=pl.Series(vectors, dtype=kind)))
    return paths


def encoded(wanted: list[str], model: Path) -> np.ndarray:
    encoder = load_encoder(Params.model_validate({"embed": {"model": str(model)}}).embed)
    vectors = np.zeros((len(wanted), encoder.width), dtype=np.float32)
    for part in encoder.encode(wanted):
        vectors[part.positions] = part.vectors
    return vectors


@pytest.fixture
def settings(tiny_model: Path, pool: Paths):
    def settings(rows: list[Any] | None = None, **measured: Any) -> Params:
        """Settings with a target file of these rows, found by the stage `sources`."""
        if rows is not None:
            write_lines(pool.root / "wanted.jsonl", rows)
            measured = {"target": ["wanted.jsonl"], **measured}
        params = Params.model_validate(
            {
                "ingest": {"sources": ["rows.jsonl"]},
                "embed": {"model": str(tiny_model)},
                "choose": {"budget": str(KEPT)},
                "measure": {"control_seeds": 3, **measured},
            }
        )
        sources.run(params, pool)
        return params

    return settings


def clustered(pool: Paths) -> Rows:
    vectors = np.stack(read_rows(pool.table("vectors"))["vector"].to_list())
    place, none = np.arange(COUNT), np.zeros(COUNT, dtype=np.int64)
    return Rows(vectors, none.astype(float), none, none, 1, none, cluster=place % 8)


WANTED = [{"q": text} for text in texts(ANIMALS, 20, 3)]


@pytest.fixture(scope="module")
def like_it(pool: Paths, tiny_model: Path) -> tuple[Manifest, pl.DataFrame, dict[str, bytes]]:
    """Measured against animals, among them a blank row and one of unknown words."""
    write_lines(pool.root / "wanted.jsonl", [{"q": " "}, *WANTED, {"a": "xylem phloem"}])
    asked = {
        "ingest": {"sources": ["rows.jsonl"]},
        "embed": {"model": str(tiny_model)},
        "choose": {"budget": str(KEPT)},
        "measure": {"control_seeds": 3, "target": ["wanted.jsonl"], "target_text_key": "q, a"},
    }
    params = Params.model_validate(asked)
    sources.run(params, pool)
    manifest = measure.run(params, pool)
    table = check(Comparison, pl.read_parquet(pool.table("comparison")))
    return manifest, table, written(pool)


def test_a_selection_like_the_target_is_nearer_to_it_than_random_draws(like_it):
    _, table, _ = like_it
    assert set(table["metric"]) == {*METRICS, *TARGET_METRICS}
    value = {(row["subset"], row["metric"]): row for row in table.iter_rows(named=True)}
    for name in TARGET_METRICS:
        assert value["selected", name]["value"] < value["uniform", name]["low"], name
    assert "cluster divergence from target" in standing_sentence(table).split("; worse")[0]


def test_the_record_says_what_was_read_and_what_was_left_out(like_it):
    manifest, _, _ = like_it
    told = manifest.facts["target"]
    counts = ("rows", "blank_rows", "rows_without_direction", "rows_compared")
    assert [told[key] for key in counts] == [22, 1, 1, 20]
    assert [file["path"] for file in told["files"]] == ["wanted.jsonl"]
    assert set(manifest.facts["metrics"]) == {*METRICS, *TARGET_METRICS}
    assert "wanted.jsonl: 20 of its 22 rows" in target_note(manifest)
    assert "2 have no word" in target_note(manifest)


def test_files_plots_and_page_have_the_targets_metrics(like_it):
    _, table, files = like_it
    lines = list(csv.DictReader(files["plots/comparison.csv"].decode().splitlines()))
    nested = json.loads(files["metrics.json"])
    for line in lines:
        for name in TARGET_METRICS:
            assert float(line[name]) == nested[line["subset"]][name]
    (family,) = [t for t in family_tables(table, SUBSETS) if t["title"] == "Against the target"]
    assert [line["name"] for line in family["lines"]] == list(TARGET_METRICS)


@pytest.mark.slow
def test_without_a_target_nothing_of_it_is_written_and_its_file_not_read(
    pool, like_it, settings, monkeypatch
):
    monkeypatch.setattr(target, "read_target", None)
    manifest = measure.run(settings(), pool)
    table = pl.read_parquet(pool.table("comparison"))
    assert set(table["metric"]) == set(manifest.facts["metrics"]) == set(METRICS)
    assert table.equals(like_it[1].filter(pl.col("metric").is_in(list(METRICS))))
    assert "target" not in manifest.facts
    assert target_note(manifest) == ""


def test_neither_order_nor_files_of_the_rows_have_a_say(pool, settings):
    one, _ = target.read_target(settings(WANTED, target_text_key="q"), pool, clustered(pool))
    (pool.root / "more").mkdir()
    write_lines(pool.root / "more/b.jsonl", WANTED[:7])
    write_lines(pool.root / "more/a.jsonl", WANTED[:6:-1])
    apart = settings(target=["more/*.jsonl"], target_text_key="q")
    other, facts = target.read_target(apart, pool, clustered(pool))
    assert len(facts["files"]) == 2
    np.testing.assert_array_equal(one.vectors, other.vectors)
    np.testing.assert_array_equal(one.cluster, other.cluster)
    assert set(one.cluster.tolist()) <= {0, 2, 4, 6}  # animals


def test_of_a_large_target_the_rows_of_smallest_content_hash_are_taken(
    pool, settings, tiny_model, monkeypatch
):
    monkeypatch.setattr(target, "SAMPLE_ROWS", 5)
    found, facts = target.read_target(settings(WANTED, target_text_key="q"), pool, clustered(pool))
    assert (facts["rows"], facts["rows_compared"]) == (20, 5)
    by_hash = sorted((digest(row["q"].encode()), row["q"]) for row in WANTED)
    wanted = encoded([text for _, text in by_hash[:5]], tiny_model)
    np.testing.assert_array_equal(found.vectors, wanted)


def test_a_row_joins_the_cluster_whose_mean_is_nearest() -> None:
    vectors = np.array([[1, 0, 0], [0.6, 0.8, 0], [0, 0, 1]], dtype=np.float32)
    none = np.zeros(3, dtype=np.int64)
    rows = Rows(vectors, none.astype(float), none, none, 1, none, cluster=np.array([4, 4, 1]))
    asked = np.array([[0, 1, 0], [0, 0.6, 0.8], [1, 0, 0]], dtype=np.float32)
    assert target.nearest_clusters(asked, rows).tolist() == [4, 1, 4]


def test_only_the_targets_listing_changes_with_the_target(pool, settings):
    settings(WANTED)
    before = (pool.json("sources").read_bytes(), pool.json("target").read_bytes())
    settings()
    assert pool.json("sources").read_bytes() == before[0]
    assert json.loads(pool.json("target").read_text()) == {"files": []}
    settings(WANTED[1:])
    assert pool.json("sources").read_bytes() == before[0]
    assert pool.json("target").read_bytes() != before[1]


def test_a_target_that_cannot_be_used_is_named_with_its_setting(pool, settings):
    with pytest.raises(SourceError, match="no row that can be compared"):
        measure.run(settings([{"text": "xylem"}, {"text": ""}]), pool)
    with pytest.raises(SourceError, match="a row of the target cannot be used") as refused:
        measure.run(settings([{"text": "bird"}, {"question": "bird"}]), pool)
    assert "measure.target_text_key" in str(refused.value.expected)
    assert refused.value.where == "wanted.jsonl, record 2, line 2"
    params = settings([{"text": "bird"}])
    write_lines(pool.root / "wanted.jsonl", [{"text": "fish"}])
    with pytest.raises(SourceChangedError, match=r"changed while it was read: wanted\.jsonl"):
        measure.run(params, pool)
    with pytest.raises(SourceError) as missing:
        settings(target=["nowhere.jsonl"])
    assert "measure.target" in missing.value.remedy
    with pytest.raises(ValidationError, match="columns are like"):
        settings(target_text_key=",")
