"""Stage `choose` cut off in the middle, or stopped by its time limit."""

import json
import logging
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import tasks.engine.watch as watch
from flows.settings import apply_overrides, save
from schemas.manifest import Manifest
from schemas.params import Params
from tasks.choose import run
from tasks.chosen import STOPPED
from tasks.pages.content import stopped_sentence
from tasks.stage import Paths, load_params
from tests.tasks.choosing import COUNT, fill

ROOT = Path(__file__).parents[2]
FEW_COVER = "choose.settings={covering_rows: 2}"  # what is chosen before is not kept
OUTPUTS = ("selection.parquet", "rejected.parquet", "choose.json")
KILLED = """
import os, signal, sys
import tasks.engine.watch as watch
from tasks.choose import run
from tasks.stage import run_stage

watch.SAVE_SECONDS, watch.SAVE_SHARE, tell, told = 0.0, 1e9, watch.Watch.tell, []

def tell_and_die(self, *arguments):
    tell(self, *arguments)
    told.append(1)
    if len(told) == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)

watch.Watch.tell = tell_and_die
run_stage("choose", run)
"""


def killed_after(picks: int, folder: Path) -> None:
    """Start the stage as a process of its own, that is killed after so many picks."""
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(picks)],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )
    assert ended.returncode == -signal.SIGKILL
    assert not (folder / "artifacts/choose.json").exists()
    assert list(Paths(folder).progress("choose").iterdir())


def checkout(folder: Path, *settings: str) -> Path:
    folder.mkdir()
    fill(Paths(folder))
    save(apply_overrides(Params(), settings), folder / "params.yaml")
    return folder


def start(folder: Path) -> dict[str, bytes]:
    """Run the stage here; returns what it wrote."""
    run(load_params(folder / "params.yaml"), Paths(folder))
    return {name: (folder / "artifacts" / name).read_bytes() for name in OUTPUTS}


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "winnow")


@pytest.mark.parametrize(
    ("settings", "picks"),
    [
        ([FEW_COVER, "choose.budget=20", "choose.group_floors={web: 4}"], 12),
        pytest.param(
            ["choose.selector=k_center", "choose.budget=20", "choose.min_distance=0.1"],
            12,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            [FEW_COVER, "choose.budget=900 tokens", "choose.must_include=[row-03]"],
            8,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_killed_in_the_middle_it_goes_on_and_writes_the_same_bytes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, settings: list[str], picks: int
) -> None:
    cut = checkout(tmp_path / "cut", *settings)
    killed_after(picks, cut)
    assert start(cut) == start(checkout(tmp_path / "whole", *settings))
    assert "going on after" in caplog.text
    assert not Paths(cut).progress("choose").exists()


def test_what_was_kept_of_other_settings_or_is_damaged_is_left_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = checkout(tmp_path / "here", FEW_COVER, "choose.budget=20")
    killed_after(9, folder)
    kept = tmp_path / "kept"
    shutil.copytree(Paths(folder).progress("choose"), kept)
    save(apply_overrides(Params(), [FEW_COVER, "choose.budget=19"]), folder / "params.yaml")
    start(folder)
    assert "belongs to other inputs or settings" in caplog.text
    assert len(pl.read_parquet(folder / "artifacts/selection.parquet")) == 19
    shutil.copytree(kept, Paths(folder).progress("choose"))
    (file,) = Paths(folder).progress("choose").iterdir()
    file.write_bytes(file.read_bytes()[:-40])
    start(folder)
    assert "cannot be read" in caplog.text
    assert "going on" not in caplog.text


def test_stopped_by_the_clock_it_says_so_everywhere_and_goes_on_when_started_with_more_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "SAVE_SECONDS", 0.0)
    none = "choose.settings={covering_rows: 0}"
    settings = [none, "choose.budget=20", "choose.group_floors={web: 3}"]
    folder = checkout(tmp_path / "here", *settings, "choose.time_limit_seconds=1e-9")
    start(folder)
    assert "stopped by its time limit of 1e-09 s" in caplog.text
    manifest = Manifest.read(folder / "artifacts/choose.json")
    kept = pl.read_parquet(folder / "artifacts/selection.parquet")
    lost = pl.read_parquet(folder / "artifacts/rejected.parquet")
    assert 3 <= len(kept) <= 4
    assert len(kept) + len(lost) == COUNT
    assert set(lost["rule"]) == {"time_limit"}
    assert manifest.facts["totals"]["stopped"] == STOPPED
    assert manifest.facts["totals"]["share_of_budget"] == len(kept) / 20
    assert f"time limit after {len(kept) / 20:.1%} of the budget" in stopped_sentence(manifest)
    save(apply_overrides(Params(), settings), folder / "params.yaml")
    assert start(folder) == start(checkout(tmp_path / "whole", *settings))
    assert "going on after 1 picks" in caplog.text
    manifest = Manifest.read(folder / "artifacts/choose.json")
    assert not json.dumps(manifest.facts).count("stopped")
    assert stopped_sentence(manifest) == ""
