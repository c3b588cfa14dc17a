"""`winnow verify`: what is copied, and how two runs compare. The whole command: test_curate."""

import subprocess
from pathlib import Path

import pytest

from flows.copying import copy_checkout
from flows.repro import LockedOut
from flows.settings import apply_overrides, save
from flows.verify import compare, ensure_ended
from schemas.errors import WinnowError
from schemas.manifest import Manifest
from schemas.params import Params
from tasks.stage import Paths, load_params, write_manifest


@pytest.fixture
def checkout(tmp_path):
    """A git checkout with a committed, a changed, an untracked and an ignored file."""
    root = tmp_path / "work" / "checkout"
    root.mkdir(parents=True)
    (tmp_path / "work" / "beside").mkdir()
    (tmp_path / "work" / "beside" / "far.jsonl").write_text("far")
    (root / ".gitignore").write_text("/artifacts/\nbig.jsonl\n")
    (root / "artifacts").mkdir()
    (root / "artifacts" / "old.parquet").write_text("a cache")
    (root / "big.jsonl").write_text("big")
    (root / "code.py").write_text("committed")
    (root / "dvc.lock").write_text("known")
    sources = 'ingest.sources=["../beside/*.jsonl", "big.jsonl", "https://a.b/c.jsonl"]'
    save(apply_overrides(Params(), [sources]), root / "params.yaml")
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@y"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], cwd=root, check=True)
    (root / "code.py").write_text("changed since")
    (root / "new file.py").write_text("untracked")
    return root


def test_the_copy_holds_the_files_as_they_are_now_and_no_artifact(checkout, tmp_path):
    copy = copy_checkout(checkout, tmp_path / "copy")
    assert (copy / "code.py").read_text() == "changed since"
    assert (copy / "new file.py").read_text() == "untracked"
    assert (copy / "params.yaml").read_bytes() == (checkout / "params.yaml").read_bytes()
    assert not (copy / "artifacts").exists()
    assert not (copy / "dvc.lock").exists()
    assert not (copy / ".git").exists()


def test_sources_that_git_does_not_hold_are_reached_under_the_same_names(checkout, tmp_path):
    copy = copy_checkout(checkout, tmp_path / "copy")
    assert (copy / "big.jsonl").read_text() == "big"
    assert (copy / "../beside/far.jsonl").read_text() == "far"
    assert (copy / "../beside").resolve().is_relative_to(tmp_path / "copy")


def test_the_copy_has_a_store_of_its_own(checkout, tmp_path):
    path = checkout / "params.yaml"
    before = load_params(path)
    save(before.model_copy(update={"store": "s3://bucket/shared"}), path)
    copy = copy_checkout(checkout, tmp_path / "copy")
    assert load_params(copy / "params.yaml") == before, "no vector is taken from the shared store"
    assert load_params(path).store == "s3://bucket/shared"


def test_a_file_deleted_but_not_yet_committed_is_not_copied(checkout, tmp_path):
    (checkout / "code.py").unlink()
    assert not (copy_checkout(checkout, tmp_path / "copy") / "code.py").exists()


def test_without_git_the_reason_is_named(tmp_path):
    save(Params(), tmp_path / "params.yaml")
    with pytest.raises(WinnowError, match="git knows nothing here"):
        copy_checkout(tmp_path, tmp_path / "copy")


def test_outputs_are_compared_by_path_and_what_only_one_run_has_is_missing():
    here = [LockedOut("embed", "a", "1", 1), LockedOut("embed", "b", "2", 1)]
    again = [LockedOut("embed", "a", "1", 1), LockedOut("embed", "c", "4", 1)]
    assert [(one.path, one.result) for one in compare(here, again)] == [
        ("a", "equal"), ("b", "missing"), ("c", "missing"),
    ]  # fmt: skip
    (one,) = compare([LockedOut("embed", "a", "1", 1)], [LockedOut("embed", "a", "2", 1)])
    assert (one.result, one.here, one.again) == ("differs", "1", "2")


@pytest.mark.parametrize("totals", [{"stopped": "time limit", "objective": 0.5}, {"objective": 1}])
def test_a_search_that_was_stopped_is_nothing_to_compare_with(tmp_path, totals):
    paths = Paths(tmp_path)
    write_manifest(paths, Manifest("choose", "1", {}, facts={"totals": totals}))
    if "stopped" not in totals:
        ensure_ended(paths)
        return
    with pytest.raises(WinnowError, match="stopped by its time limit"):
        ensure_ended(paths)


def test_paths_of_the_settings_that_do_not_exist_are_left_to_the_stage(checkout, tmp_path):
    save(apply_overrides(Params(), ["ingest.sources=gone.jsonl"]), checkout / "params.yaml")
    copy = copy_checkout(checkout, tmp_path / "copy")
    assert not Path(copy / "gone.jsonl").exists()
