"""How stage ingest stops: too much refused, changed sources, too little memory."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import QuarantineError, SourceError
from tasks import ingest, sources
from tests.tasks.ingesting import (
    PACK,
    as_csv,
    as_jsonl,
    as_parquet,
    place,
    run,
)

DATA = Path(__file__).parents[1] / "data"


class TestTooManyRefused:
    ROWS = as_jsonl([{"text": f"Sound {n}."} for n in range(9)])

    def test_the_limit_itself_is_allowed(self, tmp_path: Path) -> None:
        content = {"a.jsonl": self.ROWS + b"{\n"}
        assert run(tmp_path, content, max_quarantine_share=0.1).error is None
        assert run(tmp_path, content, max_quarantine_share=0.09).error is not None

    def test_the_error_shows_counts_examples_share_and_remedy(self, tmp_path: Path) -> None:
        bad = b'{"texts":"x"}\n{"texts":"y"}\n{"text":"\x1b[31m\xff"}\n'
        outcome = run(tmp_path, {"a.jsonl": self.ROWS + bad}, max_quarantine_share=0.05)
        shown = str(outcome.error)
        for words in (
            "3 of 12 records were refused",
            "2  missing_column     for example a.jsonl:1",
            "did you mean 'texts'",
            "1  invalid_utf8       for example a.jsonl:12",
            "at most 5 % refused",
            "found 25 % refused",
            "quarantine.parquet",
            "ingest.max_quarantine_share",
        ):
            assert words in shown, shown
        assert all(char.isprintable() or char == "\n" for char in shown)
        assert outcome.facts["quarantined_by_rule"] == {"invalid_utf8": 1, "missing_column": 2}

    def test_nothing_accepted_stops_the_run_whatever_the_limit(self, tmp_path: Path) -> None:
        outcome = run(tmp_path, {"a.jsonl": b"{\n"}, max_quarantine_share=1.0)
        assert isinstance(outcome.error, QuarantineError)
        assert "at least one accepted; found 100 % refused" in str(outcome.error)
        assert len(outcome.documents) == 0
        assert len(outcome.quarantine) == 1

    def test_no_record_at_all_is_a_source_error(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="no record at all"):
            run(tmp_path, {"a.jsonl": b"\n", "b.csv": b"text\n"})

    def test_the_command_ends_with_status_1_and_no_traceback(self, tmp_path: Path) -> None:
        (tmp_path / "a.jsonl").write_bytes(b"{\n")
        (tmp_path / "params.yaml").write_text("ingest: {sources: [a.jsonl]}")
        for stage, status in (("sources", 0), ("ingest", 1)):
            done = subprocess.run(
                [sys.executable, "-m", f"tasks.{stage}"],
                cwd=tmp_path,
                env={"PYTHONPATH": str(DATA.parents[1])},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == status, done.stderr
        assert "broken_json" in done.stderr
        assert "Traceback" not in done.stderr


class TestChangedSources:
    @pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet", "a.jsonl.gz"])
    @pytest.mark.parametrize("how", ["same size", "longer", "gone"])
    def test_a_file_that_changed_since_it_was_found_stops_the_run(
        self, tmp_path: Path, name: str, how: str
    ) -> None:
        rows = [{"text": "before"}]
        write = {"jsonl": as_jsonl, "csv": as_csv, "parquet": as_parquet}[name.split(".")[1]]
        content = PACK[".gz"](write(rows)) if name.endswith(".gz") else write(rows)
        params, paths = place(tmp_path, {name: content})
        sources.run(params, paths)
        if how == "gone":
            (tmp_path / name).unlink()
        elif how == "longer":
            (tmp_path / name).write_bytes(content + content)
        else:
            (tmp_path / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(SourceError, match=r"source changed while it was read: a\.") as raised:
            ingest.run(params, paths)
        assert "run again" in str(raised.value)
        assert not paths.table("documents").exists()
        assert not (paths.artifacts / ".ingest.partial").exists()

    def test_a_file_that_changes_during_the_reading_stops_the_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        params, paths = place(tmp_path, {"a.parquet": as_parquet([{"text": "before"}])})
        sources.run(params, paths)
        reading = ingest.Intake._take

        def meddle(self: Any, *given: Any) -> None:
            with (tmp_path / "a.parquet").open("ab") as file:
                file.write(b"more")
            reading(self, *given)

        monkeypatch.setattr(ingest.Intake, "_take", meddle)
        with pytest.raises(SourceError, match="source changed"):
            ingest.run(params, paths)


@pytest.mark.slow
def test_a_packed_file_longer_than_memory_allows_is_streamed(tmp_path: Path) -> None:
    """A 256 MB line and 90 MB of rows, in a process that may hold 160 MB beyond its imports."""
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of a process is read from /proc")
    import gzip

    with gzip.open(tmp_path / "a.jsonl.gz", "wb", 1) as file:
        file.write(b'{"text":"' + b"x" * (256 * 2**20) + b'"}\n')
        for n in range(900):
            file.write(b'{"text":"%d %s"}\n' % (n, b"y" * 99_000))
    settings_ = "ingest: {sources: [a.jsonl.gz], max_record_bytes: 1048576}"
    (tmp_path / "params.yaml").write_text(settings_)
    code = (
        "import re, tasks.ingest, tasks.stage, tasks.sources\n"
        "from tasks.readers.intake import Intake\n"
        "from pathlib import Path\n"
        "paths = tasks.stage.Paths(); params = tasks.stage.load_params(paths.params)\n"
        "tasks.sources.run(params, paths)\n"
        "status = lambda: Path('/proc/self/status').read_text()\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', status())[1]) // 1024\n"
        "files = tasks.sources.read_sources(paths.json('sources'))\n"
        "before = peak()\n"
        "print(int(Intake(params.ingest, Path('s')).read(files, Path())[0]), peak() - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(DATA.parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    records, megabytes = map(int, done.stdout.split())
    assert records == 901
    assert megabytes < 160, megabytes
