"""The export's data files: every format gives back the selection, and equal subsets equal bytes."""

import gzip
import random
import shutil

import polars as pl
import pyarrow.parquet as pq
import pytest
import zstandard

from schemas.errors import ContractError, SettingsError, WinnowError
from schemas.manifest import Manifest
from tasks.exports.choices import Compression, Format, Order
from tasks.exports.columns import OWN, settle
from tasks.exports.settings import ExportSettings
from tasks.exports.subset import open_subset
from tasks.exports.writing import export
from tasks.readers import spool
from tasks.stage import Paths, write_manifest
from tasks.storage.rows import write_rows
from tests.tasks import ingesting
from tests.tasks.exporting import files_of, finished_run, lines_of, subset_of

DOCUMENTS = [
    {"id": f"row-{i:02d}", "text": f"Text {i} — naïve\nline two", "source": ["web", "books"][i % 2],
     "title": f"Title {i}", "stars": i, "share": i / 4, "seen": i % 2 == 0, "tags": ["a", {"b": i}]}
    for i in range(12)
]  # fmt: skip
CHOSEN = ["row-07", "row-00", "row-11", "row-03", "row-05"]
METADATA = ["title", "stars", "share", "seen"]
SHAPES = (Format.PARQUET, Format.JSONL, Format.DATASETS)


@pytest.fixture(scope="module")
def subset(tmp_path_factory):
    return subset_of(tmp_path_factory.mktemp("documents"), DOCUMENTS, CHOSEN)


def expected(chosen: list[str] = CHOSEN) -> list[dict]:
    by_id = {row["id"]: row for row in DOCUMENTS}
    return [by_id[name] for name in chosen]


def read(folder, shape: Format) -> pl.DataFrame:
    pattern = {"parquet": "*.parquet", "datasets": "data/*.parquet", "jsonl": "*.jsonl"}[shape]
    one = pl.read_ndjson if shape == Format.JSONL else pl.read_parquet
    return pl.concat([one(path) for path in sorted(folder.glob(pattern))])


@pytest.mark.parametrize("shape", SHAPES)
def test_polars_reads_back_ids_texts_and_metadata_in_the_order_of_choice(subset, tmp_path, shape):
    export(subset, tmp_path / "out", ExportSettings(shape, shard_rows=2), force=False)
    found = read(tmp_path / "out", shape)
    assert found.columns == [*OWN, "seen", "share", "stars", "tags", "title"]
    assert found["id"].to_list() == CHOSEN
    assert found["rank"].to_list() == [1, 2, 3, 4, 5]
    assert found["weight"].to_list() == [1.0, 1.25, 1.5, 1.75, 2.0]
    names = ["text", "source", *METADATA]
    assert found.select(names).to_dicts() == [
        {name: row[name] for name in names} for row in expected()
    ]
    assert found["source_row"].to_list() == [int(name[-2:]) + 1 for name in CHOSEN]
    assert set(found["source_file"]) == {"rows.jsonl"}


def test_each_parquet_file_says_which_selection_it_is_from(subset, tmp_path):
    export(subset, tmp_path / "out", ExportSettings(shard_rows=2), force=False)
    for path in (tmp_path / "out").glob("*.parquet"):
        told = pq.read_metadata(path).metadata
        assert told[b"winnow.selection_sha256"] == subset.selection_sha256.encode()


def test_nested_values_are_json_text_in_parquet_and_values_in_lines(subset, tmp_path):
    export(subset, tmp_path / "table", ExportSettings(Format.PARQUET), force=False)
    export(subset, tmp_path / "lines", ExportSettings(Format.JSONL), force=False)
    assert read(tmp_path / "table", Format.PARQUET)["tags"][0] == '["a",{"b":7}]'
    (first, *_) = lines_of(tmp_path / "lines" / "part-00000-of-00001.jsonl")
    assert first["tags"] == ["a", {"b": 7}]


@pytest.mark.parametrize(("rows", "sizes"), [(1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (9, [5])])
def test_shards_are_named_for_their_number_and_add_up(subset, tmp_path, rows, sizes):
    settings = ExportSettings(Format.JSONL, shard_rows=rows)
    done = export(subset, tmp_path / "out", settings, force=False)
    assert [shard.rows for shard in done.shards] == sizes
    files = sorted((tmp_path / "out").glob("*.jsonl"))
    assert [file.name for file in files] == [shard.path for shard in done.shards]
    assert files[-1].name == f"part-{len(sizes) - 1:05}-of-{len(sizes):05}.jsonl"
    assert [row["id"] for file in files for row in lines_of(file)] == CHOSEN


def test_order_by_id_keeps_the_rank_of_each_row(subset, tmp_path):
    export(subset, tmp_path / "out", ExportSettings(order=Order.ID), force=False)
    found = read(tmp_path / "out", Format.PARQUET)
    assert found["id"].to_list() == sorted(CHOSEN)
    assert found.sort("rank")["id"].to_list() == CHOSEN


def test_packed_lines_hold_the_same_bytes_as_plain_ones(subset, tmp_path):
    for packing in Compression:
        settings = ExportSettings(Format.JSONL, packing)
        export(subset, tmp_path / packing, settings, force=False)
    name = "part-00000-of-00001.jsonl"
    plain = (tmp_path / "none" / name).read_bytes()
    packed = (tmp_path / "gz" / f"{name}.gz").read_bytes()
    assert gzip.decompress(packed) == plain
    assert packed[4:8] == bytes(4), "no time in the header"
    frame = (tmp_path / "zst" / f"{name}.zst").read_bytes()
    assert zstandard.ZstdDecompressor().decompressobj().decompress(frame) == plain


@pytest.mark.parametrize("shape", SHAPES)
def test_equal_subsets_give_equal_bytes_wherever_they_lie(subset, tmp_path, shape):
    again = subset_of(tmp_path / "elsewhere", DOCUMENTS, CHOSEN)
    packing = Compression.NONE if shape.is_parquet else Compression.ZST
    settings = ExportSettings(shape, packing, shard_rows=2)
    export(subset, tmp_path / "one", settings, force=False)
    export(again, tmp_path / "two", settings, force=False)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    assert len(files_of(tmp_path / "one")) == 3 + 3
    held = b"".join(path.read_bytes() for path in (tmp_path / "one").glob("*.*"))
    assert str(tmp_path).encode() not in held


def test_rows_come_in_order_through_many_buckets_on_disk(tmp_path, monkeypatch):
    rows = [{"id": f"{i:04d}", "text": f"{i} " * (i % 50 + 1)} for i in range(3000)]
    chosen = [row["id"] for row in rows[::2]]
    random.Random(3).shuffle(chosen)
    subset = subset_of(tmp_path, rows, chosen)
    monkeypatch.setattr(spool, "BUCKET_BYTES", 20_000)
    export(subset, tmp_path / "out", ExportSettings(shard_rows=400), force=False)
    found = read(tmp_path / "out", Format.PARQUET)
    assert found["id"].to_list() == chosen
    texts = {row["id"]: row["text"].rstrip() for row in rows}
    assert found["text"].to_list() == [texts[name] for name in chosen]
    assert not list(tmp_path.glob("out/**/.rows-*")), "the spool is gone"


def test_a_licence_of_the_row_stands_and_the_given_one_fills_the_gaps(tmp_path):
    rows = [
        {"id": "a", "text": "A text.", "license": "mit"},
        {"id": "b", "text": "B text.", "licence": "OGL"},
        {"id": "c", "text": "C text.", "license": None},
    ]
    subset = subset_of(tmp_path, rows, ["a", "b", "c"])
    export(subset, tmp_path / "out", ExportSettings(licence="cc0-1.0"), force=False)
    found = read(tmp_path / "out", Format.PARQUET)
    assert found["license"].to_list() == ["mit", "OGL", "cc0-1.0"]
    export(subset, tmp_path / "none", ExportSettings(), force=False)
    assert read(tmp_path / "none", Format.PARQUET)["license"].to_list() == ["mit", "OGL", None]


HOSTILE = [
    {"id": "a", "body": "A text.", "text": "not the text", "rank": 9, "metadata_rank": "kept",
     "n": 2**70, "mixed": 1, "whole": 2**60, "": "no name", "\x1b[31m": "red",
     "=1+1": "=cmd|' /C calc'!A0", "license": {"name": "MIT"}},
    {"id": "b", "body": "B text.", "n": 1, "mixed": "x", "whole": 1, "number": 1.5},
    {"id": "c", "body": "C text.", "mixed": None, "whole": None, "number": 2},
]  # fmt: skip


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    return subset_of(folder, HOSTILE, ["c", "a", "b"], text_key="body")


def test_names_that_are_taken_empty_or_unprintable_become_others(hostile, tmp_path):
    export(hostile, tmp_path / "out", ExportSettings(Format.JSONL), force=False)
    _, row, _ = lines_of(tmp_path / "out" / "part-00000-of-00001.jsonl")
    assert (row["text"], row["rank"]) == ("A text.", 2)
    assert (row["metadata_text"], row["metadata_rank"]) == ("not the text", "kept")
    assert row["metadata_metadata_rank"] == 9
    assert (row["metadata_"], row["\\x1b[31m"]) == ("no name", "red")
    assert (row["license"], row["metadata_license"]) == (None, {"name": "MIT"})
    assert row["n"] == 2**70


def test_columns_have_a_type_that_gives_every_value_back(hostile, tmp_path):
    export(hostile, tmp_path / "out", ExportSettings(), force=False)
    found = read(tmp_path / "out", Format.PARQUET)
    assert found["n"].to_list() == [None, str(2**70), "1"]
    assert found["mixed"].to_list() == [None, "1", '"x"']
    assert found["whole"].to_list() == [None, 2**60, 1]
    assert found["number"].to_list() == [2.0, None, 1.5]


@pytest.mark.parametrize(
    ("kinds", "settled"),
    [({""}, "text"), ({"", "boolean"}, "boolean"), ({"integer", "wide"}, "integer"),
     ({"integer", "number"}, "number"), ({"wide", "number"}, "json"), ({"text", "json"}, "json"),
     ({"integer", "boolean"}, "json")],
)  # fmt: skip
def test_kinds_settle_on_a_column_that_loses_nothing(kinds, settled):
    assert settle(kinds) == settled


def test_more_keys_than_columns_become_one_column_of_json(tmp_path):
    rows = [{"id": f"{i}", "text": f"Text {i}.", f"key-{i}": i} for i in range(300)]
    subset = subset_of(tmp_path, rows, [row["id"] for row in rows])
    export(subset, tmp_path / "out", ExportSettings(), force=False)
    found = read(tmp_path / "out", Format.PARQUET)
    assert found.columns == [*OWN, "metadata"]
    assert found["metadata"][299] == '{"key-299":299}'


INSTRUCTIONS = [
    {"id": "x", "instruction": "Add.", "input": "1 and 2", "output": "3", "source": "sums"},
    {"id": "y", "instruction": "Greet\r\nme.", "input": "", "output": "  Hello…  "},
    {"id": "z", "instruction": "Name a colour.", "input": None, "output": "Blue"},
]
CHATS = [
    {"id": "x", "messages": [{"role": "system", "content": "Be kind."},
                             {"role": "user", "content": "Hello"},
                             {"role": "assistant", "content": "Hello\n\nyou"}]},
    {"id": "y", "messages": [{"from": "human", "value": "One?"}, {"from": "gpt", "value": " 1 "}]},
    {"id": "z", "messages": '[{"role": "user", "content": "in a string"}]'},
]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "shape", "format_"),
    [(INSTRUCTIONS, "instruction", Format.ALPACA), (CHATS, "messages", Format.MESSAGES)],
)
def test_what_is_exported_gives_the_same_texts_through_our_own_ingest(
    tmp_path, rows, shape, format_
):
    subset = subset_of(tmp_path / "run", rows, ["z", "x", "y"], shape=shape)
    settings = ExportSettings(format_, shard_rows=2, licence="mit")
    export(subset, tmp_path / "out", settings, force=False)
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("part-*")}
    again = ingesting.run(tmp_path / "again", files, shape=shape, id_key="id")
    first = pl.read_parquet(subset.table("documents"))
    names = ["id", "text", "content_sha256", "raw_sha256"]
    assert again.documents.select(names).sort("id").equals(first.select(names).sort("id"))
    texts = dict(first.select("id", "text").iter_rows())
    assert again.texts == [texts[name] for name in ("z", "x", "y")]
    assert again.quarantine.is_empty()
    assert set(again.documents["source"]) == set(first["source"])


def test_own_column_names_are_found_and_extra_fields_stay_out(tmp_path):
    rows = [{"id": "a", "ask": "Why?", "more": "Here.", "answer": "So.", "stars": 5}]
    keys = {"instruction_key": "ask", "input_key": "more", "output_key": "answer"}
    subset = subset_of(tmp_path, rows, ["a"], shape="instruction", **keys)
    for format_ in (Format.ALPACA, Format.MESSAGES):
        export(subset, tmp_path / format_, ExportSettings(format_), force=False)
    name = "part-00000-of-00001.jsonl"
    (alpaca,), (chat,) = (lines_of(tmp_path / format_ / name) for format_ in ("alpaca", "messages"))
    named = {"id": "a", "source": "rows", "license": None}
    assert alpaca == {"instruction": "Why?", "input": "Here.", "output": "So.", **named}
    asked = {"role": "user", "content": "Why?\n\nHere."}
    assert chat == {"messages": [asked, {"role": "assistant", "content": "So."}], **named}


@pytest.mark.parametrize("format_", [Format.ALPACA, Format.MESSAGES])
def test_a_row_without_the_parts_is_named_and_no_folder_is_left(subset, tmp_path, format_):
    with pytest.raises(WinnowError) as refused:
        export(subset, tmp_path / "out", ExportSettings(format_), force=False)
    told = str(refused.value)
    assert f"a row cannot be written as {format_}: row-07" in told
    assert "rows.jsonl, record 8; its fields beside the text: seen, share" in told
    assert list(tmp_path.iterdir()) == []


def test_an_empty_selection_is_one_empty_file(tmp_path):
    subset = subset_of(tmp_path, DOCUMENTS, [])
    for shape in (Format.PARQUET, Format.JSONL):
        done = export(subset, tmp_path / shape, ExportSettings(shape), force=False)
        assert [shard.rows for shard in done.shards] == [0]
    assert read(tmp_path / "parquet", Format.PARQUET).columns == list(OWN)
    assert (tmp_path / "jsonl" / "part-00000-of-00001.jsonl").read_bytes() == b""


def test_a_damaged_table_and_one_of_another_run_are_refused(tmp_path):
    folder = finished_run(tmp_path, DOCUMENTS, CHOSEN)
    table = folder / "documents.parquet"
    whole = table.read_bytes()
    table.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    with pytest.raises(ContractError, match=r"documents.parquet is not the file that stage `inges"):
        open_subset(folder)


def test_tables_of_two_runs_are_refused(tmp_path):
    folder = finished_run(tmp_path, DOCUMENTS, CHOSEN)
    finished_run(tmp_path / "other", DOCUMENTS[:5], ["row-01"])
    for name in ("documents.parquet", "ingest.json"):
        shutil.copy2(tmp_path / "other" / "artifacts" / name, folder)
    with pytest.raises(ContractError, match=r"selection was made from another documents\.parquet"):
        open_subset(folder)
    (folder / "choose.json").unlink()
    with pytest.raises(ContractError, match="do not belong together"):
        export(open_subset(folder), tmp_path / "out", ExportSettings(), force=False)
    assert not (tmp_path / "out").exists()


def test_what_was_measured_of_another_selection_is_not_told(tmp_path):
    folder = finished_run(tmp_path, DOCUMENTS, CHOSEN)
    finished_run(tmp_path / "other", DOCUMENTS, CHOSEN[:3])
    for name in ("comparison.parquet", "measure.json"):
        shutil.copy2(tmp_path / "other" / "artifacts" / name, folder)
    export(open_subset(folder), tmp_path / "out", ExportSettings(), force=False)
    text = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "## How it was selected" in text
    assert "Beside its controls" not in text


def card_of(folder, out) -> str:
    export(open_subset(folder), out, ExportSettings(), force=False)
    return (out / "README.md").read_text(encoding="utf-8")


def test_the_card_tells_the_targets_metrics_where_the_run_had_a_target(tmp_path):
    folder = finished_run(tmp_path / "run", DOCUMENTS, CHOSEN)
    plain = card_of(folder, tmp_path / "plain")
    table = pl.read_parquet(folder / "comparison.parquet")
    against = table.with_columns(metric=pl.lit("target_auc"), value=pl.lit(0.8125))
    write_rows(folder / "comparison.parquet", pl.concat([table, against]))
    told = {"files": [{"path": "want|ed.jsonl"}], "rows": 5, "blank_rows": 0,
            "rows_without_direction": 0, "rows_compared": 5}  # fmt: skip
    paths = Paths(folder.parent)
    measure = Manifest("measure", "1.0.0", {}, facts={"target": told})
    write_manifest(paths, measure, (paths.table("selection"),), (paths.table("comparison"),))
    card = card_of(folder, tmp_path / "wanted")
    assert "Told from the target (AUC)" in card
    assert "0.812 (0.500 to 0.750)" in card
    assert "5 of its 5 rows" in card
    assert "target" not in plain


def test_a_folder_of_the_two_tables_alone_is_enough(subset, tmp_path):
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("selection", "documents"):
        (bare / f"{name}.parquet").write_bytes(subset.table(name).read_bytes())
    export(open_subset(bare), tmp_path / "out", ExportSettings(), force=False)
    assert read(tmp_path / "out", Format.PARQUET)["id"].to_list() == CHOSEN
    with pytest.raises(WinnowError, match="there is no subset to export"):
        open_subset(tmp_path / "out")


def test_settings_that_do_not_go_together_are_wrong_use():
    with pytest.raises(SettingsError, match="compression gz do not go together"):
        ExportSettings(Format.DATASETS, Compression.GZ)
    with pytest.raises(SettingsError, match="at least one row"):
        ExportSettings(shard_rows=0)
