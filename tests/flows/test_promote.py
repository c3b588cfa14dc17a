"""Runs promoted and rolled back: what readers see, what is refused, what a kill leaves."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import chdir
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.promotion import folder
from flows.promotion.promote import promote, rollback
from flows.promotion.tags import tag_of_run
from flows.repro import cached
from schemas.errors import SettingsError, WinnowError
from schemas.manifest import file_digest
from tasks.stage import Paths
from tasks.storage.vectors import VectorStore
from tests.flows.promotable import git, keep_run, make_checkout, settle

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "selection.parquet", "decisions.parquet", "selected.parquet", "profile.parquet",
    "survival.parquet", "gates.json", "params.yaml", "dvc.lock", "promotion.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three kept runs: `one` keeps 10 rows, `two` 14, and `bad` is held by a floor."""
    root = tmp_path_factory.mktemp("promotable")
    with chdir(root):
        make_checkout()
        keep_run("one", 50)
        keep_run("bad", 60, failed=("moon: 0 rows kept; the floor is 1: 1 too few",))
        keep_run("two", 70)
    return root


@pytest.fixture
def paths(made, tmp_path, monkeypatch):
    """A copy of that checkout, the working directory; nothing is promoted in it yet."""
    shutil.copytree(made, tmp_path / "checkout")
    monkeypatch.chdir(tmp_path / "checkout")
    cached._cache.cache_clear()  # of the checkout that another test was in
    return Paths()


def python(*arguments: str) -> subprocess.CompletedProcess:
    """A process of its own in the checkout, with this code."""
    own = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=own, capture_output=True, text=True)


def selected(place: Path) -> int:
    return len(pl.read_parquet(place / "selected.parquet"))


def test_a_promoted_run_is_whole_and_named_by_its_digests(paths):
    told = promote("one")
    place = folder.current_folder(paths)
    assert {path.name for path in place.iterdir()} == FILES
    promotion = json.loads((place / "promotion.json").read_text())
    assert promotion["run"] == told.run == "one"
    digests = promotion["sha256"]
    assert set(digests) == FILES - {"promotion.json"}
    assert all(file_digest(place / name) == digest for name, digest in digests.items())
    rows = pl.read_parquet(place / "selected.parquet")
    assert rows["rank"].to_list() == list(range(1, 11))
    assert rows["text"].str.len_chars().min() > 0
    assert (paths.promoted / "current").readlink() == Path("one")


def test_the_run_in_the_workspace_is_the_default_and_is_kept_if_it_was_not(paths):
    assert promote().run == "two"
    reference = git("for-each-ref", "--format=%(refname)", "refs/exps/*/*/two").strip()
    git("update-ref", "-d", reference)
    shutil.rmtree("promoted")
    assert promote().run == "curate-cover_then_match-14"


def test_a_held_run_is_refused_with_the_number_that_failed_unless_forced(paths):
    with pytest.raises(WinnowError, match="run bad is held: 1 gate failed") as refused:
        promote("bad")
    assert refused.value.where == "moon: 0 rows kept; the floor is 1: 1 too few"
    assert not paths.promoted.exists()
    with pytest.raises(SettingsError, match="needs a reason"):
        promote("bad", " ")
    promote("bad", "the moon is new")
    (move,) = folder.history(paths)
    assert (move.after, move.forced) == ("bad", "the moon is new")
    promotion = json.loads((folder.current_folder(paths) / "promotion.json").read_text())
    assert (promotion["forced"], len(promotion["failed"])) == ("the moon is new", 1)


def test_a_run_that_was_compared_with_another_than_the_current_one_is_held(paths):
    promote("one")
    with pytest.raises(WinnowError, match="held") as refused:
        promote("two")
    assert "compared it with no run, but one is current" in refused.value.where


def test_rollback_goes_back_run_by_run_and_the_history_says_who_and_when(paths):
    promote("one")
    promote("two", "a test")
    assert rollback().run == folder.current_name(paths) == "one"
    with pytest.raises(WinnowError, match="no run was promoted before one"):
        rollback()
    assert rollback("two").before == "one"
    told = [(move.action, move.before, move.after) for move in folder.history(paths)]
    assert told == [("promote", "", "one"), ("promote", "one", "two"),
                    ("rollback", "two", "one"), ("rollback", "one", "two")]  # fmt: skip
    assert all(move.by and move.when for move in folder.history(paths))
    with pytest.raises(SettingsError, match="'bad'") as refused:
        rollback("bad")
    assert refused.value.expected == "one of one, two"


def test_the_searchable_table_has_every_promoted_run_and_the_tag_of_the_current_one(paths):
    promote("one")
    promote("two", "a test")
    store = VectorStore(paths.store(""))
    assert kept_rows(store, tag_of_run("one")) == 10
    assert kept_rows(store, "current") == kept_rows(store, tag_of_run("two")) == 14
    shutil.rmtree(paths.store(""))
    rollback()
    assert kept_rows(VectorStore(paths.store("")), "current") == 10, "made anew from the artifacts"


def kept_rows(store: VectorStore, tag: str) -> int:
    table = store.database.open_table("rows")
    table.checkout(tag)
    return table.count_rows("verdict = 'kept'")


def test_a_rollback_without_the_artifacts_moves_the_files_and_says_what_it_could_not(paths):
    promote("one")
    promote("two", "a test")
    shutil.rmtree(paths.store(""))
    shutil.rmtree(".dvc/cache")
    told = rollback()
    assert "no remote" in told.problem
    assert "does not know its rows" in told.told(False)
    assert selected(folder.current_folder(paths)) == 10


def test_another_run_under_the_name_of_a_promoted_one_is_refused(paths):
    promote("one")
    Path("promoted/one/dvc.lock").write_text("stages: {}\n")
    with pytest.raises(SettingsError, match="another run was promoted under the name 'one'"):
        promote("one")


def test_an_unfinished_workspace_is_not_promoted(paths):
    settle("choose.budget=15")
    with pytest.raises(WinnowError, match="not finished: make"):
        promote()


def test_the_command_line_tells_promotes_and_refuses_with_status_1(paths):
    refused = python("-m", "flows.cli", "promote", "bad")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "the floor is 1: 1 too few" in refused.stderr
    told = json.loads(CliRunner().invoke(app, ["promote", "one", "--json"]).stdout)
    assert (told["run"], told["before"]) == ("one", "")
    assert "run one was current already" in rollback("one").told(as_json=False)


READER = """
import json, sys
import polars as pl
from flows.promotion.folder import current_folder
from schemas.manifest import file_digest
from tasks.paths import Paths
seen, reads, mixed = set(), 0, []
print("reading", flush=True)
while True:
    place = current_folder(Paths())
    told = json.loads((place / "promotion.json").read_text())
    kept = pl.read_parquet(place / "decisions.parquet").filter(verdict="kept")
    chosen = pl.read_parquet(place / "selected.parquet")
    same = sorted(kept["id"]) == sorted(chosen["id"])
    if not same or file_digest(place / "dvc.lock") != told["sha256"]["dvc.lock"]:
        mixed.append(told["run"])
    seen.add(told["run"])
    reads += 1
    if (place.parent / "stop").exists():
        break
print(json.dumps([sorted(seen), reads, mixed]))
"""


def test_a_reader_in_another_process_sees_one_run_or_the_other_and_never_a_mixture(paths):
    promote("one")
    promote("two", "a test")
    command = [sys.executable, "-c", READER]
    own = {**os.environ, "PYTHONPATH": str(ROOT)}
    reader = subprocess.Popen(command, env=own, stdout=subprocess.PIPE)
    try:
        assert reader.stdout.readline() == b"reading\n"
        for name in ("one", "two") * 4:
            rollback(name)
            time.sleep(0.05)
    finally:
        (paths.promoted / "stop").touch()
        seen, reads, mixed = json.loads(reader.communicate(timeout=300)[0])
    assert (seen, mixed) == (["one", "two"], [])
    assert reads > 8


KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from flows.promotion import files, folder, promote, tags
from tasks.storage.vectors import VectorStore
OWNERS = {"copyfile": shutil, "write_rows": files, "write_text": files, "replace": Path,
          "tag_run": promote, "name": VectorStore, "point": folder, "tag_current": promote,
          "note": folder}
name, when, nth = sys.argv[1], sys.argv[2], int(sys.argv[3])
owner, calls = OWNERS[name], 0
real = getattr(owner, name)
def counted(*given, **named):
    global calls
    own = name != "replace" or "promoted" in str(given[0])
    calls += own
    if own and calls == nth and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    done = real(*given, **named)
    if own and calls == nth:
        os.kill(os.getpid(), signal.SIGKILL)
    return done
setattr(owner, name, counted)
promote.promote("two", "a test")
"""
MOMENTS = [  # call, before or after, which one
    ("copyfile", "after", 3),
    ("write_rows", "after", 1),
    ("write_text", "before", 1),
    ("replace", "before", 3),  # of the whole folder; selected.parquet and promotion.json come first
    ("replace", "after", 3),
    ("name", "before", 1),
    ("name", "after", 1),
    ("point", "before", 1),
    ("replace", "before", 4),  # of the link
    ("point", "after", 1),
    ("tag_current", "after", 1),
    ("note", "after", 1),
]


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: "-".join(map(str, moment)))
def test_a_promotion_killed_at_any_moment_leaves_one_whole_run_and_is_completed_by_the_next(
    paths, moment
):
    promote("one")
    killed = python("-c", KILLED, *map(str, moment))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert folder.current_name(paths) in ("one", "two")
    for name in folder.names(paths):
        whole(paths.promoted / name)
    assert promote("two", "a test").run == "two"
    assert folder.current_name(paths) == "two"
    whole(paths.promoted / "two")
    assert [move.after for move in folder.history(paths)] == ["one", "two"]
    assert kept_rows(VectorStore(paths.store("")), "current") == 14
    assert not list(paths.promoted.glob("*.partial")) + list(paths.promoted.glob(".*.partial"))


def whole(place: Path) -> None:
    promotion = json.loads((place / "promotion.json").read_text())
    assert {path.name for path in place.iterdir()} == FILES
    for name, digest in promotion["sha256"].items():
        assert file_digest(place / name) == digest
