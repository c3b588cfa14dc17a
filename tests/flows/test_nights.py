"""The simulated nights of `make nights`: a folder that lives, and the pipeline run on it by DVC."""

from argparse import Namespace

import polars as pl
import pytest

from flows.curate import following
from flows.form import CurateParams
from schemas.manifest import Manifest
from tasks.stage import Paths, manifest_path
from tests.benchmarks.night_sources import Sources, read_demo
from tests.benchmarks.nights import apply, one_night, prepare, promote, table_of

ROWS = [{"id": f"r{i:03d}", "source": "s", "text": f"Row {i} of the corpus."} for i in range(100)]


def lines(folder):
    return sorted(line for file in folder.glob("*.jsonl") for line in file.read_text().splitlines())


def test_equal_seeds_make_equal_nights_and_others_do_not(tmp_path):
    made = []
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        sources = Sources(tmp_path / name, ROWS, seed)
        nights = [sources.first_night()]
        nights += [sources.next_night(night, 5, 2, 3) for night in (1, 2)]
        made.append((lines(tmp_path / name), nights))
    assert made[0] == made[1]
    assert made[0][0] != made[2][0]


def test_a_night_tells_what_it_changed_and_how_many_contents_are_new(tmp_path):
    sources = Sources(tmp_path, ROWS, 0)
    first = sources.first_night()
    assert (first.arrived, first.new_contents, len(lines(tmp_path))) == (60, 60, 60)
    second = sources.next_night(1, arrivals=5, edits=2, deletions=3)
    assert (second.arrived, second.edited, second.deleted) == (5, 2, 3)
    assert second.new_contents == 7
    assert len(lines(tmp_path)) == 62
    ids = pl.concat(pl.read_ndjson(file) for file in tmp_path.glob("*.jsonl"))["id"]
    assert ids.is_unique().all()
    for night in range(2, 12):  # all the others arrive, then what was deleted comes back
        last = sources.next_night(night, arrivals=10, edits=0, deletions=3)
    assert last.new_contents == 0


@pytest.mark.timeout(3600)  # on a busy machine
@pytest.mark.slow
@pytest.mark.parametrize("in_process", [True, False])
def test_three_nights_keep_every_promise(
    make_checkout, tmp_path, tiny_model, monkeypatch, in_process
):
    root = make_checkout(tmp_path / "checkout").root
    asked = Namespace(model=str(tiny_model), selector="facility_location", budget="12",
                      stability=0.75, arrivals=6, edits=3, deletions=3, whole=False,
                      in_process=in_process)  # fmt: skip
    prepare(root, asked, tmp_path / "unused")
    sources = Sources(root / "nights", read_demo()[:80], 0)
    found: list[dict] = []
    for _ in range(3):
        found.append(one_night(root, sources, found, asked))
    assert all(line["sound"] for line in found)
    assert found[0]["encoded_rows"] > 40
    for line in found[1:]:
        assert 0 < line["encoded_rows"] <= 9 + 2, "of 9 new contents and few near duplicates"
        assert line["replaced"] <= line["most_replacements"] <= 3
        assert line["selected"] == 12 == found[0]["selected"]
        assert line["entered"] == line["left"]
        assert 0.5 < line["share_of_from_scratch"] < 1.2
    assert table_of(found).row_count == 3
    monkeypatch.chdir(root)
    assert following(CurateParams()).previous.run == "night-002"


@pytest.mark.slow
def test_without_a_bound_a_promotion_makes_nothing_be_selected_anew(
    make_checkout, tmp_path, tiny_model
):
    checkout = make_checkout(tmp_path)
    apply(checkout.root, [f"embed.model={tiny_model}"])
    checkout.python("-m", "dvc", "repro", "validate")
    chosen = (checkout.root / "artifacts/selection.parquet").read_bytes()
    promote(Paths(checkout.root), "monday")
    apply(checkout.root, ["previous.run=monday"])
    told = checkout.python("-m", "dvc", "repro", "validate").stdout
    assert "Running stage 'previous'" in told
    assert "Running stage 'validate'" in told
    assert "Running stage 'choose'" not in told
    changes = Manifest.read(manifest_path(Paths(checkout.root), "validate"))
    assert changes.facts["changes"] == []
    apply(checkout.root, ["choose.stability=1"])
    assert "Running stage 'choose'" in checkout.python("-m", "dvc", "repro", "validate").stdout
    assert (checkout.root / "artifacts/selection.parquet").read_bytes() == chosen
