"""Altered outputs and damaged cached copies: found by reading, replaced by DVC."""

import os
from pathlib import Path

import pytest
import yaml

from flows import repro
from flows.curate import bring_up_to_date
from flows.repro.damage import ensure_whole, replace_damaged
from flows.repro.torn import mend_lock_file
from schemas.errors import WinnowError
from tests.flows.kept_runs import make_project

ROOT = Path(__file__).parents[2]
OUT = Path("artifacts/out.txt")


@pytest.fixture
def project(tmp_path, monkeypatch):
    project = make_project(tmp_path, monkeypatch)
    project.run("a")
    return project


def alter(path: Path) -> None:
    """Change a byte as a disk does: size, time and mode stay."""
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(b"X" + path.read_bytes()[1:])
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def cached_copy() -> Path:
    (out,) = [out for out in repro.lock_entries() if out.path == str(OUT)]
    return Path(".dvc/cache/files/md5", out.md5[:2], out.md5[2:])


def test_what_nothing_altered_stays(project):
    ensure_whole()
    assert replace_damaged("make") == []


def test_an_altered_output_comes_back_from_the_cache(project):
    alter(OUT)
    assert repro.is_unchanged("make"), "DVC looks at size and time alone"
    with pytest.raises(WinnowError, match=r"1 outputs[\s\S]*artifacts/out.txt"):
        ensure_whole()
    told = []
    assert not bring_up_to_date("make", told.append)
    assert "artifacts/out.txt is not what its stage wrote" in told[0]
    assert OUT.read_text() == "aaa"
    ensure_whole()


@pytest.mark.parametrize("also_here", [True, False])
def test_a_damaged_cached_copy_is_not_taken(project, also_here):
    alter(cached_copy())
    if also_here:
        alter(OUT)
    else:
        OUT.unlink()
    told = []
    assert bring_up_to_date("make", told.append), "made anew: there is no good copy"
    assert any("cached copy of artifacts/out.txt was damaged" in line for line in told)
    assert OUT.read_text() == "aaa"
    assert cached_copy().read_text() == "aaa"


def test_a_list_of_files_in_use_that_a_kill_left_half_written_is_no_hindrance(project):
    Path(".dvc/tmp/rwlock").write_text('{"write": {')
    assert repro.is_unchanged("make")
    Path(".dvc/tmp/rwlock").write_text("")
    project.write("params.yaml", "word: c\ntimes: 3\n")
    assert repro.reproduce("make", print)


@pytest.mark.parametrize("share", [0, 0.3, 0.6, 0.99])
def test_of_a_torn_lock_file_the_whole_stages_stay(project, share):
    path = Path("dvc.lock")
    text = path.read_text()
    path.write_text(text[: int(len(text) * share)])
    repro.ensure_free(Path("params.yaml"))  # with which every run begins
    bring_up_to_date("make", print)
    assert path.read_text() == text
    assert OUT.read_text() == "aaa"


def test_a_torn_lock_file_loses_its_last_stages_alone(tmp_path):
    path = tmp_path / "dvc.lock"
    text = (ROOT / "dvc.lock").read_text()
    stages = list(yaml.safe_load(text)["stages"])
    lost = set()
    starts = [text.index(f"\n  {stage}:") for stage in stages]
    for size in (start + inside for start in starts for inside in (2, 5, 300)):
        path.write_text(text[:size])
        mend_lock_file(path)
        kept = list(yaml.safe_load(path.read_text())["stages"]) if path.exists() else []
        assert kept == stages[: len(kept)]
        lost.add(len(stages) - len(kept))
    assert lost >= set(range(1, len(stages) + 1)), "0 where only a figure at the end is cut"


def test_a_lock_file_with_a_merges_conflict_is_left_to_the_user(tmp_path):
    path = tmp_path / "dvc.lock"
    lines = (ROOT / "dvc.lock").read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:40], "<<<<<<< HEAD\n", *lines[40:]]))
    before = path.read_text()
    mend_lock_file(path)
    assert path.read_text() == before


def test_a_damaged_copy_of_another_setting_is_found_when_it_is_restored(project):
    copy = cached_copy()
    project.run("b")
    alter(copy)
    project.write("params.yaml", "word: a\ntimes: 3\n")
    told = []
    assert bring_up_to_date("make", told.append)
    assert OUT.read_text() == "aaa"
