"""How a stage starts and ends: exit status, what is said, which facts are left."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import ContractError, SettingsError, StorageError
from schemas.manifest import Manifest
from tasks import stage
from tasks.stage import Paths, run_stage, write_manifest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("seed: 3\n")
    return tmp_path


def test_a_stage_gets_the_settings_and_leaves_its_time_and_memory(here):
    def run(params, paths):
        assert params.seed == 3
        assert paths == Paths(Path())
        return Manifest("try", "1.0", {}, rows={"rows": 1234})

    run_stage("try", run)
    facts = json.loads((here / "artifacts" / "facts" / "try.json").read_text())
    assert set(facts) == {"seconds", "peak_mb"}
    assert facts["peak_mb"] > 10


def test_where_memory_is_not_to_be_known_the_stage_ends_well_all_the_same(here, monkeypatch):
    monkeypatch.setattr(stage, "peak_memory_mb", lambda: float("nan"))
    run_stage("try", lambda *_: Manifest("try", "1.0", {}))
    facts = json.loads((here / "artifacts" / "facts" / "try.json").read_text())
    assert facts["peak_mb"] is None


@pytest.mark.parametrize(("error", "status"), [(SettingsError, 2), (ContractError, 1)])
def test_an_error_ends_it_in_its_own_words_with_its_status(here, capsys, error, status):
    def run(params, paths):
        raise error("it broke", remedy="mend it")

    with pytest.raises(SystemExit) as ended:
        run_stage("try", run)
    assert ended.value.code == status
    assert capsys.readouterr().err == "\ntry stopped: it broke\n  remedy: mend it\n"
    assert not (here / "artifacts").exists()


def test_a_fault_of_ours_keeps_its_traceback(here):
    def run(params, paths):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_stage("try", run)


def test_wrong_settings_end_a_real_stage_with_status_2(tmp_path):
    (tmp_path / "params.yaml").write_text("deduplicate: {threshold: 0}\n")
    told = subprocess.run(
        [sys.executable, "-m", "tasks.deduplicate"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert told.returncode == 2
    assert "deduplicate stopped: settings are not valid" in told.stderr
    assert "deduplicate.threshold: Input should be greater than 0 (found '0')" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_file_altered_after_its_stage_wrote_it_is_refused(tmp_path):
    paths, table = Paths(tmp_path), tmp_path / "artifacts" / "scores.parquet"
    table.parent.mkdir()
    table.write_bytes(b"as written")
    write_manifest(paths, Manifest("score", "1.0", {}), outputs=(table,))
    write_manifest(paths, Manifest("choose", "1.0", {}), inputs=(table,))
    table.write_bytes(b"as writteN")
    with pytest.raises(ContractError, match=r"scores\.parquet is not the file that stage score"):
        write_manifest(paths, Manifest("choose", "1.0", {}), inputs=(table,))


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "artifacts/x"),
        RuntimeError("lance error: LanceError(IO): ... No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_named_whichever_library_meets_it(here, capsys, error):
    def run(params, paths):
        try:
            raise error
        except Exception as cause:
            raise StorageError("LanceDB cannot write") from cause

    with pytest.raises(SystemExit):
        run_stage("try", run)
    assert "try stopped: the disk is full: " in capsys.readouterr().err
