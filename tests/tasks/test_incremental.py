"""Nights with arrivals, edits and deletions, on disk and on S3: only new contents are encoded.

Each night ends with the very bytes of a run from scratch on what is there then.
"""

import json
import shutil
from pathlib import Path

import pytest

from schemas.params import Params
from tasks import (
    choose,
    decontaminate,
    deduplicate,
    embed,
    ingest,
    previous,
    score,
    sources,
    validate,
)
from tasks.stage import Paths
from tests.s3 import BUCKET
from tests.tasks.ingesting import as_jsonl
from tests.tiny_model import VOCABULARY as WORDS

CHAIN = (sources, previous, ingest, deduplicate, embed, decontaminate, score, choose, validate)


def row(number: int, text: str = "") -> dict[str, str]:
    words = [WORDS[1 + (number * step + step) % 39] for step in (1, 3, 5, 7, 11)]
    return {"id": f"r{number:02d}", "text": text or f"{' '.join(words)} {number}"}


MONDAY = {"in/a.jsonl": as_jsonl(map(row, range(10))), "in/b.jsonl": as_jsonl([row(10), row(11)])}
NIGHTS = {  # name -> what the folder holds then, contents that no night before held
    "first": (MONDAY, 12),
    "nothing new": (MONDAY, 0),
    "a new file, a row of it known": (
        {**MONDAY, "in/deep/c.jsonl": as_jsonl([row(20), row(21), row(3)])},
        2,
    ),
    "an edit, a deletion, and a file gone": (
        {"in/a.jsonl": as_jsonl([row(0, "law and song"), *map(row, range(1, 9)), row(20)])},
        1,
    ),
    "all back": (MONDAY, 0),
}


class Folder:
    """Sources below one folder on disk."""

    pattern = "in/**/*.jsonl"

    def __init__(self, *roots: Path):
        self.roots = roots

    def hold(self, files: dict[str, bytes]) -> None:
        """Make these files all there is."""
        for root in self.roots:
            shutil.rmtree(root / "in", ignore_errors=True)
            for name, content in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(content)


class Prefix:
    """The same below a prefix of a bucket."""

    pattern = f"s3://{BUCKET}/in/**/*.jsonl"

    def __init__(self, server):
        self.server = server

    def hold(self, files: dict[str, bytes]) -> None:
        """Make these objects all there is; what is the same is not written again."""
        client = self.server.client
        for name in set(self.server.names()) - set(files):
            client.delete_object(Bucket=BUCKET, Key=name)
        for name, content in files.items():
            self.server.put(name, content)


def outputs(paths: Paths) -> dict[str, bytes]:
    """All that DVC tracks: facts and the store lie deeper."""
    return {file.name: file.read_bytes() for file in paths.artifacts.glob("[!.]*.*")}


@pytest.mark.parametrize("place", ["disk", pytest.param("s3", marks=pytest.mark.slow)])
def test_each_night_encodes_new_contents_alone_and_equals_a_run_from_scratch(
    place, tmp_path, tiny_model, request
):
    nightly, scratch = tmp_path / "nightly", tmp_path / "scratch"
    where = (
        Folder(nightly, scratch)
        if place == "disk"
        else Prefix(request.getfixturevalue("s3_server"))
    )
    params = Params.model_validate(
        {
            "ingest": {"sources": [where.pattern], "id_key": "id"},
            "embed": {"model": str(tiny_model)},
            "choose": {"budget": "5"},
        }
    )
    expected = {}
    for night, (files, new) in NIGHTS.items():
        where.hold(files)
        for root in (nightly,) if str(files) in expected else (nightly, scratch):
            shutil.rmtree(scratch / "artifacts", ignore_errors=True)
            for stage in CHAIN:
                stage.run(params, Paths(root))
        facts = (nightly / "artifacts/facts/embed_cache.json").read_text()
        assert json.loads(facts)["encoded_rows"] == new, night
        found = outputs(Paths(nightly))
        wanted = expected.setdefault(str(files), outputs(Paths(scratch)))
        assert "selection.parquet" in wanted
        assert sorted(found) == sorted(wanted)
        assert [name for name in found if found[name] != wanted[name]] == [], night
