"""Stage `previous`: the promoted run that a run is compared with, copied into artifacts/."""

import polars as pl
import pytest

from flows.curate import following
from flows.form import CurateParams
from schemas.errors import SettingsError
from schemas.params import ChooseParams, Params, PreviousParams
from tasks.previous import run
from tasks.stage import Paths

SELECTED = pl.DataFrame(
    {
        "id": ["b", "a"],
        "rank": [1, 2],
        "source": ["web", "books"],
        "content_sha256": ["0" * 64, "1" * 64],
        "text": ["one", "two"],
    }
)
LEDGER = pl.DataFrame(
    {
        "id": ["a", "b", "b", "c"],
        "verdict": ["kept", "dropped", "kept", "quarantined"],
        "stage": ["choose", "deduplicate", "choose", "ingest"],
        "rule": ["gain", "exact_duplicate", "stability", "bad_id"],
        "source": ["books", "web", "web", None],
        "detail": [""] * 4,
    }
)


@pytest.fixture
def paths(tmp_path):
    paths = Paths(tmp_path)
    folder = paths.promoted / "monday"
    folder.mkdir(parents=True)
    SELECTED.write_parquet(folder / "selected.parquet")
    LEDGER.write_parquet(folder / "decisions.parquet")
    (paths.promoted / "current").symlink_to("monday")
    return paths


@pytest.mark.parametrize("bound", [{"stability": 0.5}, {"max_replacements": 0}])
def test_what_the_named_run_selected_is_copied_sorted_by_id_without_its_texts(paths, bound):
    run(Params(previous=PreviousParams(run="monday"), choose=ChooseParams(**bound)), paths)
    found = pl.read_parquet(paths.table("previous_selection"))
    assert found.equals(SELECTED.drop("text").sort("id"))


def test_without_a_bound_on_replacements_choose_is_given_nothing_and_changes_are_told_all_the_same(
    paths,
):
    manifest = run(Params(previous=PreviousParams(run="monday")), paths)
    assert pl.read_parquet(paths.table("previous_selection")).is_empty()
    assert manifest.facts["selected"] == 2
    rows = pl.read_parquet(paths.table("previous_rows"))
    assert rows.select("id", "verdict", "rule", "rank").rows() == [
        ("a", "kept", "gain", 2),
        ("b", "kept", "stability", 1),
        ("c", "quarantined", "bad_id", None),
    ]


def test_no_name_gives_an_empty_table(paths):
    run(Params(), paths)
    assert pl.read_parquet(paths.table("previous_selection")).is_empty()
    assert pl.read_parquet(paths.table("previous_rows")).is_empty()


def test_an_unknown_name_is_refused_with_those_that_exist(paths):
    with pytest.raises(SettingsError, match=r"'tuesday'[\s\S]*one of monday"):
        run(Params(previous=PreviousParams(run="tuesday")), paths)


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "-x"])
def test_a_name_is_never_a_path(name):
    with pytest.raises(ValueError, match="letters"):
        PreviousParams(run=name)


def test_a_run_of_the_flow_follows_what_is_promoted(paths, monkeypatch):
    monkeypatch.chdir(paths.root)
    assert following(CurateParams(previous={"run": "sunday"})).previous.run == "monday"
    fixed = CurateParams(previous={"run": "sunday", "follow": False})
    assert following(fixed).previous.run == "sunday"
    (paths.promoted / "current").unlink()
    assert not following(CurateParams(previous={"run": "sunday"})).previous.run
