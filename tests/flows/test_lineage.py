"""`winnow lineage` on a small real git and DVC checkout: workspace, kept runs, wrong names."""

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from flows.lineage import tell
from flows.repro import cached
from schemas.errors import WinnowError
from schemas.manifest import Manifest

MANIFESTS = {
    "ingest": Manifest("ingest", "1.0.0", {}, {}, {"documents.parquet": "x"}, {"documents": 90},
                       {"records_read": 100}),
    "embed": Manifest("embed", "1.2.0", {}, {}, {"vectors.parquet": "y"},
                      {"documents": 90, "vectors": 88}, {"model_identity": "c0ffee" * 10}),
    "choose": Manifest("choose", "2.0.0", {}, {}, {"selection.parquet": "z"}, {"selection": 20},
                       {"eligible": 88}),
}  # fmt: skip
HOSTILE = 'a"b<c>#`[x]|;%%{init}\u202e.jsonl'


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    return told.stdout.strip()


def entry(stage: str, reads: list[str], writes: dict[str, bytes], params: dict) -> dict:
    return {
        "cmd": f"python -m tasks.{stage}",
        "deps": [{"path": name, "md5": "0" * 32} for name in reads],
        "params": {"params.yaml": params, f"tasks/{stage}.py": {"VERSION": "1.0.0"}},
        "outs": [{"path": name, "md5": md5(content)} for name, content in writes.items()],
    }


def write_run(budget: str) -> None:
    """Write dvc.lock and, in DVC's cache, the manifests it names."""
    listing = {"files": [{"path": HOSTILE, "bytes": 1234, "sha256": "f" * 64}]}
    texts = {"sources": json.dumps(listing).encode()} | {
        name: each.to_json().encode() for name, each in MANIFESTS.items()
    }
    files = {name: f"artifacts/{name}.json" for name in texts}
    stages = {
        "sources": entry("sources", [], {files["sources"]: texts["sources"]}, {}),
        "ingest": entry("ingest", [files["sources"]], {
            "artifacts/documents.parquet": b"d", files["ingest"]: texts["ingest"]}, {}),
        "embed": entry("embed", ["artifacts/documents.parquet"], {
            "artifacts/vectors.parquet": b"v", files["embed"]: texts["embed"]},
            {"embed": {"model": "tiny"}}),
        "choose": entry("choose", ["artifacts/vectors.parquet"], {
            "artifacts/selection.parquet": budget.encode(), files["choose"]: texts["choose"]},
            {"choose": {"budget": budget}, "seed": 0}),
        "report": entry("report", ["artifacts/selection.parquet"], {"artifacts/r.html": b"r"}, {}),
    }  # fmt: skip
    Path("dvc.lock").write_text(
        yaml.safe_dump({"schema": "2.0", "stages": stages}, sort_keys=False)
    )
    for content in texts.values():
        place = Path(".dvc/cache/files/md5") / md5(content)[:2] / md5(content)[2:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A commit with budget 20%, and one run kept under a name, as DVC keeps it, with budget 5%."""
    monkeypatch.chdir(tmp_path)
    cached._cache.cache_clear()
    git("init", "-q")
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text("[core]\n    analytics = false\n")
    Path(".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")  # else DVC writes it
    Path(".gitignore").write_text("/.dvc/cache\n/.dvc/tmp\n/artifacts\n")
    write_run("20%")
    git("add", "-A")
    git("commit", "-qm", "code")
    write_run("5%")
    git("commit", "-qam", "run")
    git("update-ref", "refs/exps/ab/cdef/brave-newt", "HEAD")
    git("reset", "-q", "--hard", "HEAD^")
    yield tmp_path
    cached._cache.cache_clear()


def test_it_goes_from_the_subset_back_to_the_sources(checkout):
    words = tell(None, as_json=False, mermaid=False)
    heads = [line.split()[0] for line in words.splitlines() if line and not line.startswith(" ")]
    assert heads == ["run", "commit", "model", "choose", "embed", "ingest", "sources", "source",
                     "made", "report"]  # fmt: skip
    assert "run      not kept under a name" in words
    assert f"commit   {git('rev-parse', 'HEAD')[:12]}\n" in words
    assert "model    tiny, identity c0ffeec0ffee" in words
    assert "choose 1.0.0  88 → 20 (eligible → selected)" in words
    assert f"  writes artifacts/selection.parquet  md5 {md5(b'20%')[:12]}  20 rows" in words
    assert "  with   choose.budget 20%, seed 0" in words
    assert "\u202e" not in words


def test_a_kept_run_is_read_from_git_and_the_cache_without_touching_the_workspace(checkout):
    before = git("status", "--porcelain")
    told = json.loads(tell("brave-newt", as_json=True, mermaid=False))
    assert told["runs"] == ["brave-newt"]
    assert told["commit"] == git("rev-parse", "HEAD")
    assert told["model_identity"] == "c0ffee" * 10
    steps = {step["stage"]: step for step in told["steps"]}
    assert steps["choose"]["params"] == {"choose": {"budget": "5%"}, "seed": 0}
    assert (steps["choose"]["rows_in"], steps["choose"]["rows_out"]) == (88, 20)
    assert [step["stage"] for step in told["steps"] if not step["upstream"]] == ["report"]
    assert told["sources"][0]["path"] == HOSTILE
    assert git("status", "--porcelain") == before


def test_the_workspace_bears_the_name_of_the_run_that_left_it(checkout):
    write_run("5%")
    told = json.loads(tell(None, as_json=True, mermaid=False))
    assert told["runs"] == ["brave-newt"]
    assert told["changed"] is True


def test_a_run_whose_artifacts_are_gone_is_told_without_counts(checkout):
    for file in Path(".dvc/cache").rglob("*"):
        if file.is_file():
            file.unlink()
    words = tell("HEAD", as_json=False, mermaid=False)
    assert "choose 1.0.0\n" in words
    assert "source files: not at hand" in words


def test_a_changed_file_of_the_same_name_is_not_taken_for_the_runs(checkout):
    assert cached.output("artifacts/choose.json", md5(b"never written")) is None
    Path("artifacts").mkdir()
    Path("artifacts/choose.json").write_bytes(b"other")
    content = MANIFESTS["choose"].to_json().encode()
    assert cached.output("artifacts/choose.json", md5(content)) == content


def test_mermaid_has_a_node_per_stage_and_no_mark_of_a_hostile_name(checkout):
    lines = tell(None, as_json=False, mermaid=True).splitlines()
    assert lines[0] == "flowchart TD"
    node = r'  \w+(\["[^"\[\]{}|`;]*(#\d+;[^"\[\]{}|`;]*)*"\]|\[\("([^"\[\]{}|`;]|#\d+;)*"\)\])'
    edge = r'  \w+ -->(\|"[^"|]*"\|)? \w+'
    other = r"  class(Def subset stroke-width:3px| [\w,]+ subset)"
    wrong = [line for line in lines[1:] if not re.fullmatch(f"{node}|{edge}|{other}", line)]
    assert wrong == []
    assert '  ingest -->|"documents.parquet"| embed' in lines
    assert "  class sources,ingest,embed,choose subset" in lines
    assert "#34;b#60;c#62;#35;#96;#91;x#93;#124;#59;#37;#37;#123;init#125;" in lines[1]


def test_a_wrong_name_is_refused_with_near_ones(checkout):
    with pytest.raises(WinnowError, match="no run and no git revision") as refused:
        tell("brave-nevt", as_json=False, mermaid=False)
    assert "brave-newt" in refused.value.remedy
    with pytest.raises(WinnowError, match="no run and no git revision"):
        tell("--help", as_json=False, mermaid=False)


def test_without_a_finished_run_the_remedy_is_a_run(checkout):
    Path("dvc.lock").unlink()
    with pytest.raises(WinnowError, match="winnow run"):
        tell(None, as_json=False, mermaid=False)
