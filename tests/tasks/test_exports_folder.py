"""An export is whole or not there, and nothing else is ever in danger."""

import multiprocessing
import os
import signal

import pytest

from schemas.errors import WinnowError
from tasks.exports.folder import PAPERS, filled
from tests.tasks.exporting import files_of


def fill(target, text: str, force: bool = False) -> None:
    with filled(target, force) as folder:
        for name in (*PAPERS, "data/part"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)


def test_new_and_empty_folders_are_filled(tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("empty", "deep/new"):
        fill(tmp_path / name, "one")
        assert sorted(files_of(tmp_path / name)) == sorted([*PAPERS, "data/part"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "empty"]


def test_an_earlier_export_is_replaced_with_force_alone(tmp_path):
    target = tmp_path / "out"
    fill(target, "one")
    with pytest.raises(WinnowError, match="not empty"):
        fill(target, "two")
    assert (target / "data/part").read_text() == "one"
    fill(target, "two", force=True)
    assert (target / "data/part").read_text() == "two"
    assert list(tmp_path.iterdir()) == [target]


def test_force_never_replaces_what_is_no_export(tmp_path):
    target = tmp_path / "photos"
    target.mkdir()
    (target / "README.md").write_text("mine")
    with pytest.raises(WinnowError, match="--force does not replace it"):
        fill(target, "two", force=True)
    assert (target / "README.md").read_text() == "mine"


def test_a_file_or_a_link_in_the_place_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for name in ("file", "link"):
        with pytest.raises(WinnowError, match="something else is there"):
            fill(tmp_path / name, "one", force=True)


def test_a_failure_leaves_the_earlier_export_and_nothing_beside_it(tmp_path):
    target = tmp_path / "out"
    fill(target, "one")
    with pytest.raises(FileNotFoundError), filled(target, force=True) as folder:
        (folder / "no such folder" / "README.md").write_text("two")
    assert (target / "README.md").read_text() == "one"
    assert list(tmp_path.iterdir()) == [target]


def killed_halfway(target) -> None:
    with filled(target, force=True) as folder:
        (folder / "README.md").write_text("two")
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_export_leaves_the_earlier_one_and_the_next_clears_up(tmp_path):
    target = tmp_path / "out"
    fill(target, "one")
    process = multiprocessing.get_context("fork").Process(target=killed_halfway, args=(target,))
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert (target / "README.md").read_text() == "one"
    assert (tmp_path / ".out.partial").is_dir()
    fill(target, "three", force=True)
    assert list(tmp_path.iterdir()) == [target]
