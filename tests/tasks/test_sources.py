import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import SourceError
from schemas.params import Params
from tasks import sources
from tasks.sources import find_sources, read_sources
from tasks.stage import Paths


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("data/b.jsonl", "data/a.csv.gz", "data/deep/er/c.parquet.zst", "data/d.TSV"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def names(patterns: list[str], root: Path) -> list[str]:
    return [file.path for file in find_sources(patterns, Paths(root))]


class TestFinding:
    def test_two_stars_cross_folders_and_files_come_sorted(self, root: Path) -> None:
        expected = ["data/a.csv.gz", "data/b.jsonl", "data/d.TSV", "data/deep/er/c.parquet.zst"]
        assert names(["data/**"], root) == expected
        assert names(["data/d.TSV", "data/**/*.*"], root) == expected

    def test_a_file_named_twice_or_by_a_link_or_absolutely_counts_once(self, root: Path) -> None:
        (root / "data/link.jsonl").symlink_to(root / "data/b.jsonl")
        patterns = ["data/link.jsonl", "./data/../data/b.jsonl", str(root / "data/b.jsonl")]
        assert names(patterns, root) == ["data/b.jsonl"]

    def test_a_file_outside_the_checkout_keeps_its_path(self, root: Path) -> None:
        inside = root / "checkout"
        inside.mkdir()
        assert names([str(root / "data/b.jsonl")], inside) == [str(root / "data/b.jsonl")]

    def test_a_name_with_glob_characters_means_itself_if_it_exists(self, root: Path) -> None:
        (root / "data/x[1].jsonl").write_bytes(b"")
        assert names(["data/x[1].jsonl"], root) == ["data/x[1].jsonl"]

    def test_the_listing_says_format_compression_size_and_hash(self, root: Path) -> None:
        params = Params.model_validate({"ingest": {"sources": ["data/**"]}})
        manifest = sources.run(params, Paths(root))
        assert manifest.rows == {"files": 4}
        listing = read_sources(root / "artifacts/sources.json")
        kinds = [(file.format, file.compression, file.stem) for file in listing]
        assert kinds == [
            ("csv", "gz", "a"),
            ("jsonl", "", "b"),
            ("tsv", "", "d"),
            ("parquet", "zst", "c"),
        ]
        content = b"data/b.jsonl"
        assert listing[1].bytes == len(content)
        assert listing[1].sha256 == hashlib.sha256(content).hexdigest()

    def test_order_of_patterns_leaves_no_trace(self, root: Path) -> None:
        files = []
        for patterns in (["data/b.jsonl", "data/*.gz"], ["data/*.gz", "data/b.jsonl"]):
            sources.run(Params.model_validate({"ingest": {"sources": patterns}}), Paths(root))
            files.append((root / "artifacts/sources.json").read_bytes())
        assert files[0] == files[1]
        assert json.loads(files[0])["version"] == sources.VERSION


class TestErrors:
    @pytest.mark.parametrize(
        ("pattern", "words"),
        [
            ("data/bb.jsonl", ["'data/bb.jsonl'", "b.jsonl", "ingest.sources"]),
            ("dta/*.jsonl", ["'dta/*.jsonl'", "data"]),
            ("data", ["folder", "data/*.jsonl"]),
            ("data/de*", ["folders only"]),
            ("data/old.json", [".json", "did you mean .jsonl"]),
            ("data/READ*", ["suffix", "none", "narrow the pattern"]),
            ("data/gone.jsonl", ["cannot be read", "gone.jsonl"]),
            ("data/pipe.jsonl", ["not a regular file"]),
            ("gs://bucket/x.jsonl", ["gs://bucket/x.jsonl", "fetch"]),
        ],
    )
    def test_a_source_that_cannot_be_read_is_named_with_a_remedy(
        self, root: Path, pattern: str, words: list[str]
    ) -> None:
        (root / "data/old.json").write_bytes(b"{}")
        (root / "data/README").write_bytes(b"")
        (root / "data/gone.jsonl").symlink_to(root / "nowhere")
        os.mkfifo(root / "data/pipe.jsonl")
        with pytest.raises(SourceError) as raised:
            find_sources([pattern], Paths(root))
        assert not [word for word in words if word not in str(raised.value)], raised.value

    def test_a_name_that_is_not_utf8_is_refused(self, root: Path) -> None:
        try:
            Path(os.fsdecode(os.fsencode(root / "data") + b"/caf\xe9.csv")).write_bytes(b"x")
        except OSError:
            pytest.skip("this file system takes UTF-8 names only")
        with pytest.raises(SourceError, match="UTF-8"):
            find_sources(["data/c*.csv"], Paths(root))


def test_starting_the_stage_loads_nothing_heavy() -> None:
    heavy = ["pandera", "sklearn", "torch", "prefect", "lancedb", "botocore"]
    code = f"import sys, tasks.sources; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
