"""What the suite of faults counts and finds; one of its faults, for real."""

import json
import random
import subprocess
import sys

import pytest

from tests.faults import damage
from tests.faults.outcome import Outcome, Trial, table, write


def test_what_did_not_survive_is_counted_and_told(tmp_path):
    outcome = Outcome("stage killed", [
        Trial("embed", "killed"),
        Trial("score", "killed", "unlike an undisturbed run: x.parquet", 3, detected=False),
        Trial("choose", "killed", detected=True),
    ])  # fmt: skip
    assert (outcome.survived, outcome.rows_lost, outcome.detected) == (2, 3, "1 of 2")
    assert Outcome("x", [Trial("a", "b")]).detected == "-"
    assert "stage killed: score: unlike an undisturbed run: x.parquet" in table([outcome])
    write([outcome, outcome], 7, tmp_path / "new" / "faults.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "new/faults.jsonl").read_text().splitlines()]
    assert [(line["fault"], line["times"], line["survived"], line["rows_lost"], line["seed"])
            for line in lines] == [("stage killed", 3, 2, 3, 7)] * 2  # fmt: skip


@pytest.mark.parametrize("change", [damage.flip, damage.truncate])
def test_damage_is_one_that_time_and_mode_do_not_show(tmp_path, change):
    path = tmp_path / "file"
    path.write_bytes(bytes(range(200)))
    path.chmod(0o444)
    before = path.stat()
    change(path, random.Random(3))
    after = path.stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
    found = path.read_bytes()
    differ = sum(one != two for one, two in zip(found, range(200), strict=False))
    assert differ == (change is damage.flip)
    assert (len(found) == 200) == (change is damage.flip)


@pytest.mark.slow
def test_artifacts_that_rot_are_replaced(tmp_path):
    to = tmp_path / "faults.jsonl"
    name = "bit flipped in an artifact"
    command = [sys.executable, "-m", "tests.faults", "--only", name, "--times", "2"]
    ran = subprocess.run([*command, "--to", str(to)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = json.loads(to.read_text())
    assert (told["survived"], told["rows_lost"], told["damage_detected"]) == (2, 0, "2 of 2")
