"""Weighing whole files against a pool that the stages made, with a real (tiny) model."""

import json
import os
import random

import pytest

from flows.settings import save
from flows.weighing import tell
from schemas.errors import SettingsError, SourceError
from schemas.params import Params
from tasks import deduplicate, embed, ingest
from tasks import sources as sources_stage
from tasks.pages.sources import sources_page
from tasks.paths import Paths
from tasks.sources import find_sources
from tasks.sourcing.weigh import Settings, as_data, weigh
from tests.tiny_model import save_static_model

NATURE = [
    "water",
    "fire",
    "earth",
    "air",
    "light",
    "dark",
    "stone",
    "tree",
    "river",
    "bird",
    "fish",
    "song",
]
PAPER = [
    "word",
    "page",
    "rule",
    "law",
    "list",
    "code",
    "data",
    "row",
    "file",
    "read",
    "write",
    "learn",
]
HOSTILE = "<img src=x onerror=alert(1)>\u202e"


def texts(words: list[str], rows: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(f"{a} with the {b} and" for a, b in
                     [draw.sample(words, 2) for _ in range(4)]) for _ in range(rows)]  # fmt: skip


def write(path, rows: list[str], source: str = "") -> None:
    named = {"source": source} if source else {}
    path.write_text("".join(json.dumps({"text": row, **named}) + "\n" for row in rows))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A pool of two sources on nature, one of them with a hostile name; files beside it."""
    root = tmp_path_factory.mktemp("sources")
    nature = texts(NATURE, 400, 0)
    write(root / "a.jsonl", nature[:200], "woods")
    write(root / "b.jsonl", nature[200:], HOSTILE)
    write(root / "copy.jsonl", nature[:150])
    write(root / "same.jsonl", texts(NATURE, 200, 1))
    write(root / "paper.jsonl", texts(PAPER, 200, 2))
    write(root / "few.jsonl", texts(PAPER, 40, 3))
    write(root / "unknown.jsonl", [f"zzz{row} yyy" for row in range(120)])
    write(root / "wanted.jsonl", [*texts(NATURE, 150, 4), *texts(PAPER, 150, 5)])
    (root / "broken.jsonl").write_text('{"txt": "a"}\n')
    ingested = {"sources": ["a.jsonl", "b.jsonl"], "id_key": ""}
    model = str(save_static_model(root / "model"))
    params = Params.model_validate({"ingest": ingested, "embed": {"model": model}})
    save(params, root / "params.yaml")
    for stage in (sources_stage, ingest, deduplicate, embed):
        stage.run(params, Paths(root))
    return root, params


FILES = ["copy.jsonl", "same.jsonl", "paper.jsonl", "few.jsonl", "unknown.jsonl"]


def found(checkout, target: str = "", settings: Settings = Settings(rows=200)):  # noqa: B008
    root, params = checkout
    paths = Paths(root)
    wanted = find_sources([target], paths)[0] if target else None
    return weigh(find_sources(FILES, paths), wanted, params, paths, settings)


@pytest.fixture(scope="module")
def with_target(checkout):
    return found(checkout, "wanted.jsonl")


def verdicts(weighed) -> dict[str, str]:
    return {one.name: verdict.word for one, verdict in weighed.sources}


def test_planted_sources_get_the_verdicts_they_deserve(with_target):
    words = verdicts(with_target)
    assert words["copy"] == "leave out"
    assert words["paper"] == "add"
    assert words["few"] == words["unknown"] == "too few rows to call"


def test_the_numbers_say_why(with_target):
    one = {each.name: (each, verdict) for each, verdict in with_target.sources}
    copy, _ = one["copy"]
    paper, verdict = one["paper"]
    assert copy.known_share == 1
    assert copy.gain.source == 0
    assert paper.known_share == 0
    assert paper.gain.low > 0
    assert paper.auc_low > 0.5
    assert paper.of_target == pytest.approx(0.5, abs=0.15)  # half of the target is of its kind
    assert 0 < verdict.take <= 200


def test_without_a_target_only_rows_like_the_pool_are_as_good_as_more_of_it(checkout):
    words = verdicts(found(checkout))
    assert words["same"] == "add"
    assert words["paper"] == "add a little"
    assert words["copy"] == "leave out"


@pytest.mark.slow
def test_the_order_of_rows_changes_nothing(checkout, with_target):
    root, _ = checkout
    for name in (*FILES, "wanted.jsonl"):
        lines = (root / name).read_text().splitlines(keepends=True)
        (root / name).write_text("".join(reversed(lines)))
    assert as_data(found(checkout, "wanted.jsonl")) == as_data(with_target)


@pytest.mark.slow
def test_a_pool_of_one_source_has_nothing_to_hold_it_to(checkout, tmp_path):
    _, params = checkout
    write(tmp_path / "a.jsonl", texts(NATURE, 200, 0), "woods")
    alone = params.model_copy(
        update={"ingest": params.ingest.model_copy(update={"sources": ["a.jsonl"]})}
    )
    for stage in (sources_stage, ingest, deduplicate, embed):
        stage.run(alone, Paths(tmp_path))
    weighed = weigh([], None, alone, Paths(tmp_path), Settings())
    assert verdicts(weighed) == {"woods": "too few rows to call"}


@pytest.mark.slow
def test_another_seed_looks_at_other_rows(checkout, with_target):
    other = found(checkout, "wanted.jsonl", Settings(rows=150, seed=1))
    assert all(one.sampled <= 150 for one, _ in other.sources)
    assert verdicts(other) == verdicts(with_target)


def test_the_page_shows_hostile_names_as_text(with_target):
    page = sources_page(with_target)
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;[U+202E]" in page
    assert page.count('class="plot"') == 3


def test_the_command_prints_words_json_and_a_page(checkout, monkeypatch):
    root, _ = checkout
    monkeypatch.chdir(root)
    words = tell(["paper.jsonl"], "wanted.jsonl", Settings(rows=200), as_json=False)
    assert "paper (candidate): add, at most" in words
    assert "\u202e" not in words
    data = json.loads(tell([], None, Settings(rows=200), True, root / "page.html"))
    assert [one["name"] for one in data["sources"]] == sorted([HOSTILE, "woods"])
    assert (root / "page.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("files", "target", "error", "words"),
    [
        (["broken.jsonl"], None, SourceError, "missing_column"),
        (["nowhere.jsonl"], None, SourceError, "--candidate"),
        ([], "*.jsonl", SettingsError, "--target means 9 files"),
    ],
)
def test_what_cannot_be_read_is_named(checkout, monkeypatch, files, target, error, words):
    monkeypatch.chdir(checkout[0])
    with pytest.raises(error) as told:
        tell(files, target, Settings(), as_json=False)
    assert words in str(told.value)


def test_without_a_run_there_is_no_pool(tmp_path, monkeypatch, checkout):
    os.link(checkout[0] / "params.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="no pool yet"):
        tell([], None, Settings(), as_json=False)
