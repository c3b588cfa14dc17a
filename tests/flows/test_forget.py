"""A row taken down from a whole pipeline: two kept runs, a promoted one, LanceDB, DVC's caches.

Minutes long; tests/flows/test_forget_small.py does the same on a pipeline of one stage.
"""

import json
import subprocess
from pathlib import Path

import polars as pl
import pytest

from tasks.storage.rows import read_vectors, write_rows

IDENTITY = ("-c", "user.name=A Person", "-c", "user.email=person@example.org")
OVERRIDE = """
import sys
from pathlib import Path
from flows.settings import apply_overrides, save
from tasks.stage import load_params
path = Path("params.yaml")
save(apply_overrides(load_params(path), sys.argv[1:]), path)
"""
RECORD = "import sys; from flows.record import record; print(record(sys.argv[1]).name)"
READ = """
import sys, lance, json
from pathlib import Path
found = []
for table in Path("artifacts/lancedb").glob("*.lance"):
    data = lance.dataset(str(table))
    for version in data.versions():
        rows = data.checkout_version(version["version"]).to_table()
        found += [str(row) for row in rows.to_pylist()]
print(json.dumps(found))
"""


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *IDENTITY, *arguments], cwd=root, check=True, capture_output=True)


def finish(checkout, name: str, *settings: str) -> None:
    """One run as `dvc repro` makes it, kept under a name."""
    checkout.python("-c", OVERRIDE, *settings)
    checkout.python("-m", "dvc", "repro", "-q")
    checkout.python("-c", RECORD, name)


def holding(root: Path, traces: list[bytes]) -> list[str]:
    """Files of the checkout with a trace in their bytes, tables decompressed, git's left out."""
    found = []
    for path in root.rglob("*"):
        parts = path.relative_to(root).parts
        if not path.is_file() or parts[0] in (".git", "rows.jsonl"):
            continue
        content = path.read_bytes()
        if content[:4] == b"PAR1":
            content += readable(path)
        if any(trace in content for trace in traces):
            found.append("/".join(parts))
    return found


def readable(path: Path) -> bytes:
    frame = pl.read_parquet(path)
    texts = frame.select(pl.exclude("vector")).write_json().encode()
    if "vector" in frame.columns:
        texts += frame["vector"].to_numpy().tobytes()
    return texts


@pytest.fixture(scope="module")
def forgotten(make_checkout, tmp_path_factory, tiny_model):
    """The checkout after `winnow forget`, with the row and what was found before."""
    checkout = make_checkout(tmp_path_factory.mktemp("forget"))
    root = checkout.root
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    finish(checkout, "one", f"embed.model={tiny_model}", "choose.budget=20")
    chosen = pl.read_parquet(root / "artifacts/selection.parquet")["id"][3]
    finish(checkout, "two", f"choose.must_include=[{chosen}]", "seed=5")
    (row,) = pl.read_parquet(root / "artifacts/documents.parquet").filter(id=chosen).to_dicts()
    names, vectors = read_vectors(root / "artifacts/vectors.parquet")
    row["vector"] = vectors[names["id"].to_list().index(chosen)].tobytes()
    (root / "promoted/one").mkdir(parents=True)
    documents = pl.read_parquet(root / "artifacts/documents.parquet")
    write_rows(root / "promoted/one/selected.parquet", documents)
    (root / "promoted/current").symlink_to("one")
    (root / "artifacts/.progress/choose").mkdir(parents=True)
    (root / "artifacts/.progress/choose/greedy.npz").write_bytes(row["vector"])
    traces = [row["text"][:80].encode(), row["content_sha256"].encode(), row["vector"]]
    before = holding(root, [*traces, chosen.encode()])
    dry = checkout.winnow("forget", chosen, "--dry-run", "--json").stdout
    unchanged = holding(root, [*traces, chosen.encode()])
    told = checkout.winnow("forget", chosen, check=False)
    return checkout, row, traces, (before, unchanged), json.loads(dry), told


@pytest.mark.slow
@pytest.mark.timeout(3000)
class TestForget:
    """Found, removed, rebuilt, recorded."""

    def test_no_file_of_the_checkout_holds_text_vector_or_id(self, forgotten):
        checkout, row, traces, (before, unchanged), _, told = forgotten
        assert told.returncode == 0, told.stdout + told.stderr
        places = {"/".join(name.split("/")[:2]) for name in before}
        assert {"artifacts/documents.parquet", "artifacts/lancedb", ".dvc/cache",
                "artifacts/.progress", "promoted/one", "params.yaml"} <= places  # fmt: skip
        assert unchanged == before, "a dry run removes nothing"
        assert holding(checkout.root, [*traces, row["id"].encode()]) == []
        rows = json.loads(checkout.python("-c", READ).stdout)
        assert rows, "the store was made again"
        assert not [each for each in rows if row["id"] in each or row["content_sha256"] in each]

    def test_artifacts_are_those_of_a_run_that_never_saw_the_row(self, forgotten):
        checkout = forgotten[0]
        assert checkout.python("-m", "dvc", "status").stdout == "sources:\n\talways changed\n"
        ledger = pl.read_parquet(checkout.root / "artifacts/decisions.parquet")
        assert len(ledger) == 60, "it is counted, and nothing of it told"
        assert ledger.filter(rule="forgotten").height == 1
        told = checkout.winnow("verify", "--json", check=False)
        assert json.loads(told.stdout)["equal"], told.stdout + told.stderr

    def test_the_record_tells_what_was_where_and_not_what_it_was(self, forgotten):
        checkout, row, _, _, dry, told = forgotten
        (path,) = (checkout.root / "takedowns").glob("*.json")
        text = path.read_text()
        record = json.loads(text)
        for trace in (row["id"], row["text"][:20], row["content_sha256"], row["raw_sha256"]):
            assert trace not in text
        assert record["remains"] == []
        assert record["rebuilt"] == "done"
        where = {each["where"] for each in record["found"]}
        assert {"artifact", "promoted run", "DVC cache", "embedding cache",
                "LanceDB table version", "git history"} <= where  # fmt: skip
        assert {run for each in record["found"] for run in each["runs"]} == {"one", "two"}
        assert record["digests_before"] != record["digests_after"]
        assert [each["what"] for each in dry["found"]] == [e["what"] for e in record["found"]]
        line = (checkout.root / "rows.jsonl").read_text().splitlines()
        (place,) = record["in_sources"]
        assert row["id"] in line[int(place.rpartition(":")[2]) - 1]
        assert place in told.stdout

    def test_old_runs_say_why_files_are_gone_and_the_rebuilt_one_comes_back(self, forgotten):
        checkout = forgotten[0]
        refused = checkout.winnow("checkout", "one", "--force", check=False)
        assert refused.returncode == 1
        assert "taken down" in refused.stderr
        assert "takedowns/" in refused.stderr
        assert "takedowns/" in checkout.winnow("runs").stdout
        (kept,) = [line for line in checkout.winnow("runs").stdout.splitlines() if
                   "after-takedown-" in line]  # fmt: skip
        name = next(word for word in kept.split() if word.startswith("after-takedown-"))
        assert checkout.winnow("checkout", name, "--force").returncode == 0

    def test_the_row_stays_out_and_asking_again_says_so(self, forgotten):
        checkout, row, _, _, _, _ = forgotten
        again = checkout.winnow("forget", row["id"], check=False)
        assert again.returncode == 1
        assert "says that it was taken down" in again.stderr
        checkout.python("-m", "dvc", "repro", "-q", "--force", "ingest")
        documents = pl.read_parquet(checkout.root / "artifacts/documents.parquet")
        assert row["id"] not in documents["id"].to_list()
