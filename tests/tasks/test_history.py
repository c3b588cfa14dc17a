"""The measured past: kept line by line, bounded, and robust against what a crash leaves."""

import json

import pytest

from schemas.manifest import Manifest
from tasks import history
from tasks.history import history_path, read_history, remember
from tasks.paths import Paths


def manifest(stage: str = "ingest") -> Manifest:
    return Manifest(stage, "1.0.0", {"selector": "uniform"} if stage == "choose" else {})


def test_runs_are_appended_with_the_size_of_their_work(tmp_path):
    paths = Paths(tmp_path)
    paths.artifacts.mkdir()
    paths.json("ingest").write_text(json.dumps({"facts": {"records_read": 70}, "rows": {}}))
    remember(paths, manifest(), 3.5, 200)
    remember(paths, manifest("choose"), 4.5, None)
    one, two = read_history(history_path(paths))
    assert (one.stage, one.units, one.seconds, one.peak_mb) == ("ingest", 70, 3.5, 200)
    assert (two.stage, two.variant, two.peak_mb) == ("choose", "uniform", None)


@pytest.mark.parametrize("damage", [b'{"stage": "ing', b"\xff\xfe\n", b"[]\n", b'{"stage":1}\n'])
def test_what_a_crash_leaves_is_passed_over(tmp_path, damage):
    paths = Paths(tmp_path)
    remember(paths, manifest(), 1.0, 1)
    with history_path(paths).open("ab") as file:
        file.write(damage)
    assert len(read_history(history_path(paths))) == 1


def test_it_does_not_grow_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(history, "MOST_BYTES", 5000)
    paths = Paths(tmp_path)
    for seconds in range(100):
        remember(paths, manifest(), float(seconds), 1)
    assert history_path(paths).stat().st_size <= 5500
    assert read_history(history_path(paths))[-1].seconds == 99
