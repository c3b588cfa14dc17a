"""Exports opened by others' tools: Hugging Face's `datasets`, Croissant's validator, PROV's."""

import importlib
import json
import re
import shutil
from contextlib import chdir

import polars as pl
import pytest
import yaml

from schemas.params import Params
from tasks.exports.choices import Compression, Format
from tasks.exports.settings import ExportSettings
from tasks.exports.writing import export
from tests.tasks.exporting import subset_of

SOURCES = ["plain", "<img src=x onerror=alert(1)>", "a|b\u202e `c` [d](http://e)", "=cmd()"]
ROWS = [
    {"id": f"r{i}", "text": f"Text {i}\n---\n# é {{{{ i }}}}", "source": SOURCES[i % 4],
     "license": ["mit", 'x"\n---\nlicense: gpl'][i % 2], "language": "en", "n": i,
     "part of": [i], "share": None if i % 2 else i / 8}
    for i in range(9)
]  # fmt: skip
SAID = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "You"}]
CHOSEN = ["r8", "r1", "r3", "r0", "r2"]


@pytest.fixture(scope="module")
def subset(tmp_path_factory):
    return subset_of(tmp_path_factory.mktemp("rows"), ROWS, CHOSEN)


@pytest.fixture(scope="module")
def exported(subset, tmp_path_factory):
    """An export in the layout of the hub, in three files."""
    folder = tmp_path_factory.mktemp("exports") / "out"
    export(subset, folder, ExportSettings(Format.DATASETS, shard_rows=2), force=False)
    return folder


@pytest.fixture
def load(tmp_path, monkeypatch):
    """`datasets.load_dataset` with a cache of its own, and no way out."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    import datasets  # after HF_HOME is set: it reads the variable once

    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    return lambda folder: datasets.load_dataset(
        str(folder), split="train", cache_dir=str(tmp_path / "cache")
    )


def test_datasets_and_polars_read_equal_rows(exported, load):
    rows = load(exported).to_list()
    frame = pl.concat([pl.read_parquet(path) for path in sorted(exported.glob("data/*"))])
    assert rows == frame.to_dicts()
    assert [row["id"] for row in rows] == CHOSEN
    by_id = {row["id"]: row for row in ROWS}
    for row in rows:
        wanted = by_id[row["id"]]
        own = {name: wanted[name] for name in ("text", "source", "license", "n", "share")}
        assert own == {name: row[name] for name in own}
        assert json.loads(row["part of"]) == wanted["part of"]


@pytest.mark.parametrize("packing", [Compression.GZ, Compression.ZST])
def test_datasets_reads_packed_lines_by_the_card(subset, tmp_path, load, packing):
    export(subset, tmp_path / "out", ExportSettings(Format.JSONL, packing, 2), force=False)
    rows = load(tmp_path / "out")
    assert rows["id"][:] == CHOSEN
    texts = {row["id"]: row["text"] for row in ROWS}
    assert rows["text"][:] == [texts[name] for name in CHOSEN]
    assert rows["part of"][:] == [[int(name[1])] for name in CHOSEN]


def test_croissant_is_valid_by_its_own_validator_and_reads_the_rows(exported):
    import mlcroissant as croissant

    dataset = croissant.Dataset(jsonld=str(exported / "croissant.json"))
    issues = dataset.metadata.ctx.issues
    assert dataset.metadata.ctx.conforms_to.value == "http://mlcommons.org/croissant/1.1"
    assert issues.errors == set()
    assert all("datePublished" in warning for warning in map(str, issues.warnings)), issues.warnings
    records = list(dataset.records("rows"))
    assert [record["rows/id"].decode() for record in records] == CHOSEN
    assert [record["rows/n"] for record in records] == [8, 1, 3, 0, 2]
    assert {file.name for file in dataset.metadata.file_objects} == {
        f"data/train-0000{number}-of-00003.parquet" for number in range(3)
    }


def test_the_validator_is_one_that_finds_faults(exported, tmp_path):
    import mlcroissant as croissant

    described = json.loads((exported / "croissant.json").read_text())
    del described["recordSet"][0]["field"][0]["dataType"]
    (tmp_path / "croissant.json").write_text(json.dumps(described))
    with pytest.raises(croissant.ValidationError, match="does not specify a valid"):
        croissant.Dataset(jsonld=str(tmp_path / "croissant.json"))


@pytest.mark.parametrize("format_", [Format.JSONL, Format.MESSAGES, Format.ALPACA])
def test_croissant_is_valid_for_the_other_formats_and_reads_what_it_describes(tmp_path, format_):
    import mlcroissant as croissant

    row = {"id": "a", "instruction": "Add", "output": "3", "messages": SAID}
    subset = subset_of(tmp_path, [row], ["a"], shape="messages")
    export(subset, tmp_path / "out", ExportSettings(format_), force=False)
    dataset = croissant.Dataset(jsonld=str(tmp_path / "out" / "croissant.json"))
    assert dataset.metadata.ctx.issues.errors == set()
    (record,) = dataset.records("rows")
    assert record["rows/id"] == b"a"
    said = [
        {"rows/messages/role": b"user", "rows/messages/content": b"Hello"},
        {"rows/messages/role": b"assistant", "rows/messages/content": b"You"},
    ]
    assert record.get("rows/messages") == (said if format_ == Format.MESSAGES else None)


def test_croissant_names_the_digest_of_every_file(exported):
    from schemas.manifest import file_digest

    described = json.loads((exported / "croissant.json").read_text())
    files = [each for each in described["distribution"] if each["@type"] == "cr:FileObject"]
    assert len(files) == 3
    for file in files:
        assert file["sha256"] == file_digest(exported / file["contentUrl"])
        size = (exported / file["contentUrl"]).stat().st_size
        assert file["contentSize"] == f"{size} B"


def test_prov_leads_from_every_data_file_back_to_every_source(subset, exported):
    from prov import model

    document = model.ProvDocument.deserialize(str(exported / "prov.json"), format="json")
    assert document.get_provn().startswith("document")
    told = json.loads((exported / "prov.json").read_text())
    before: dict[str, set[str]] = {}
    for link in told["wasDerivedFrom"].values():
        before.setdefault(link["prov:generatedEntity"], set()).add(link["prov:usedEntity"])
    for file in ("export:1", "export:2", "export:3"):
        seen, waiting = set(), [file]
        while waiting:
            name = waiting.pop()
            seen.add(name)
            waiting += before.get(name, set()) - seen
        assert {"artifact:selection.parquet", "artifact:sources.json", "source:1"} <= seen
    named = {name for kind in ("entity", "activity", "agent") for name in told[kind]}
    for relation in ("used", "wasGeneratedBy", "wasDerivedFrom", "wasAssociatedWith"):
        for link in told[relation].values():
            assert set(link.values()) <= named
    assert told["entity"]["artifact:selection.parquet"]["winnow:sha256"] == subset.selection_sha256
    assert told["activity"]["stage:choose"]["winnow:version"] == "1.2.0"


def test_the_card_tells_what_was_selected_and_how(subset, exported):
    text = (exported / "README.md").read_text(encoding="utf-8")
    assert "5 rows (60 tokens) out of 15 records" in text
    for line in (
        "| selector | FacilityLocation 2.0.0 (greedy) |",
        "| diversity weight λ | 0.8 |",
        "| seed | 5 |",
        "| share of the best objective | at least 97.3% (proved bound) |",
        "| Records read | 0 | 15 |",
        "| Blank text | 3 | 12 |",
        "| Outranked by rows of higher gain | 7 | 5 |",
        "| plain | 2 | 23 | mit |",
    ):
        assert f"\n{line}\n" in text, line
    assert re.search(r"\| Selected \|.* 0\.625 \(0\.500 to 0\.750\) \|", text)
    assert re.search(r"\| Uniform random \|.* 0\.250 \(0\.125 to 0\.375\) \|", text)
    assert subset.selection_sha256 in text
    assert subset.sources["files"][0]["sha256"] in text


def test_no_row_can_write_into_the_card(exported):
    text = (exported / "README.md").read_text(encoding="utf-8")
    _, front, body = text.split("---\n", 2)
    header = yaml.safe_load(front)
    assert header["license"] == "other", "two licences, and none of them hides the other"
    assert header["language"] == ["en"]
    assert header["size_categories"] == ["n<1K"]
    assert header["configs"][0]["data_files"] == [
        {"split": "train", "path": "data/train-*.parquet"}
    ]
    assert "<img" not in body.replace("\\<img", "")
    assert "\u202e" not in text
    assert r"| a\|b\\u202e \`c\` \[d\](http://e) |" in body
    assert "\nlicense: gpl" not in text


def test_one_known_licence_is_named_in_the_header(tmp_path):
    subset = subset_of(tmp_path, [{"id": "a", "text": "A text."}], ["a"])
    export(subset, tmp_path / "out", ExportSettings(licence="Apache-2.0"), force=False)
    text = (tmp_path / "out" / "README.md").read_text()
    header = yaml.safe_load(text.split("---\n")[1])
    assert header["license"] == "apache-2.0"
    assert "language" not in header
    assert json.loads((tmp_path / "out" / "croissant.json").read_text())["license"] == [
        "Apache-2.0"
    ]


@pytest.mark.slow
def test_the_papers_of_a_whole_run_tell_every_stage(tmp_path, tiny_model):
    from tasks import PIPELINE, sources
    from tasks.exports.subset import open_subset
    from tasks.metrics import METRICS
    from tasks.paths import Paths
    from tests.test_pipeline import as_lines, made_rows

    (tmp_path / "rows.jsonl").write_bytes(as_lines(made_rows(150)))
    shutil.copytree(tiny_model, tmp_path / "model")
    asked = {"ingest": {"sources": ["rows.jsonl"], "id_key": "id"}, "embed": {"model": "model"},
             "measure": {"control_seeds": 2}}  # fmt: skip
    params, paths = Params.model_validate(asked), Paths(tmp_path)
    with chdir(tmp_path):
        for stage in PIPELINE:
            importlib.import_module(f"tasks.{stage}").run(params, paths)
    subset = open_subset(paths.artifacts)
    export(subset, tmp_path / "out", ExportSettings(Format.DATASETS), force=False)
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    chosen = pl.read_parquet(subset.table("selection"))
    assert f"{len(chosen)} rows ({chosen['tokens'].sum():,} tokens) out of 150 records" in card
    assert f"| {len(chosen)} |\n\n## Sources and licences" in card, "the funnel ends with the rows"
    for control in ("Selected", "Uniform random", "Stratified random", "Top quality"):
        (line,) = [line for line in card.splitlines() if line.startswith(f"| {control} |")]
        cells = line.strip("|").split("|")[1:]
        assert len(cells) == len(METRICS), control
        assert all(cell.strip() for cell in cells), control
    told = json.loads((tmp_path / "out" / "prov.json").read_text())
    assert {f"stage:{stage}" for stage in PIPELINE} <= told["activity"].keys()
    assert told["agent"]["software:model"]["winnow:identity"] in card
    assert told["activity"]["stage:sources"]["winnow:version"] == sources.VERSION
