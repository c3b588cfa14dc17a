"""The whole chain, through DVC where DVC matters, with a tiny real model in place of the big one.

Two checkouts share the work of this file, told in order: all stages run in one process, of one
thread in the first, of two in the second. The same files are expected of both, and (slow) of DVC,
which makes each stage a process.
"""

import importlib
import json
import os
import random
import shutil
import subprocess
import sys
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from flows.settings import apply_overrides, save
from schemas.params import Params
from schemas.tables import Decisions, check
from tasks import PIPELINE
from tasks.stage import Paths, load_params
from tests.alike import untold
from tests.tasks.ingesting import GOOD, LINES
from tests.tiny_model import VOCABULARY

ROOT = Path(__file__).resolve().parents[1]
# What is compiled already is copied, but not what another process writes at this moment.
UNFINISHED = shutil.ignore_patterns("*.tmp.*", "*.pyc.*")
CODE = ("schemas", "tasks", "flows", "dvc.yaml", ".dvcignore")
PLACED = {"documents", "quarantine", "duplicates", "decisions"}  # tables that say where a row stood
CHAIN = """
import importlib, sys
from tasks import PIPELINE
from tasks.stage import Paths, load_params
for stage in PIPELINE:
    importlib.import_module("tasks." + stage).run(load_params(Paths().params), Paths())
"""


def made_rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Texts of known words, among them exact and near copies, unknown words and refused rows."""
    chance = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for i in range(count):
        words = chance.choices(VOCABULARY[1:], k=chance.randint(12, 40))
        row = {"id": f"r{i:04}", "text": " ".join(words) + ".", "source": f"s{i % 3}"}
        if i % 17 == 5:
            row["text"] = rows[i - 2]["text"]
        if i % 17 == 9:
            row["text"] = rows[i - 3]["text"] + " again"
        if i % 29 == 3:
            row["text"] = f"Xylem phloem {i}"
        rows.append(row)
    rows[7] = {**rows[7], "text": None}
    rows[8] = {**rows[8], "text": "  "}
    return rows


def as_lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@dataclass(frozen=True)
class Checkout:
    root: Path

    def set(self, *overrides: str) -> None:
        path = self.root / "params.yaml"
        known = Params.model_validate(yaml.safe_load(path.read_text()) if path.exists() else {})
        save(apply_overrides(known, list(overrides)), path)

    def _python(self, arguments: list[str], threads: int) -> str:
        binaries = str(Path(sys.executable).parent)
        own = {"PATH": binaries + os.pathsep + os.environ["PATH"], "OMP_NUM_THREADS": str(threads),
               "DVC_NO_ANALYTICS": "1", "PYTHONPATH": str(self.root)}  # fmt: skip
        told = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env={**os.environ, **own},
            capture_output=True,
            text=True,
        )
        assert told.returncode == 0, told.stdout + told.stderr
        return told.stdout

    def repro(self, threads: int = 1, *targets: str) -> list[str]:
        """Have DVC reproduce what is stale; returns the stages that ran, but for the glance."""
        said = self._python(["-m", "dvc", "repro", *targets], threads)
        ran = [line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")]
        return [stage for stage in ran if stage != "sources"]

    def run_on(self, threads: int) -> None:
        """Run every stage, without DVC, in a process of so many threads."""
        self._python(["-c", CHAIN], threads)

    def run_here(self) -> None:
        """Run every stage in this process, which has the heavy libraries loaded."""
        with chdir(self.root):
            for stage in PIPELINE:
                module = importlib.import_module(f"tasks.{stage}")
                module.run(load_params(Paths().params), Paths())

    def files(self) -> dict[str, bytes]:
        """Bytes of all that DVC tracks."""
        stages = yaml.safe_load((self.root / "dvc.yaml").read_text())["stages"].values()
        outs = [out for stage in stages for out in stage["outs"] + stage.get("metrics", [])]
        return {path: (self.root / path).read_bytes() for out in outs for path in out}

    def table(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.root / "artifacts" / f"{name}.parquet")

    def json(self, name: str) -> dict[str, Any]:
        return json.loads((self.root / "artifacts" / f"{name}.json").read_text())

    def conserved(self) -> dict[str, int]:
        """Check that every record read has one verdict; returns how many have which."""
        ledger = check(Decisions, self.table("decisions"))
        assert ledger.select("source_file", "row").is_unique().all()
        assert len(ledger) == self.json("ingest")["facts"]["records_read"]
        kept = ledger.filter(verdict="kept")
        assert sorted(kept["id"]) == sorted(self.table("selection")["id"])
        return dict(ledger.group_by("verdict").len().iter_rows())


@pytest.fixture(scope="module")
def make(tmp_path_factory, tiny_model):
    def make(name: str, content: bytes, *overrides: str) -> Checkout:
        root = tmp_path_factory.mktemp(name)
        for part in CODE:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, root / part, ignore=UNFINISHED)
            else:
                shutil.copy2(ROOT / part, root / part)
        shutil.copytree(tiny_model, root / "model")
        (root / ".dvc").mkdir()
        (root / ".dvc" / "config").write_text("[core]\n    analytics = false\n    no_scm = true\n")
        (root / "rows.jsonl").write_bytes(content)
        checkout = Checkout(root)
        checkout.set("ingest.sources=rows.jsonl", "ingest.id_key=id", "embed.model=model",
                     "choose.budget=20%", "measure.control_seeds=2", *overrides)  # fmt: skip
        return checkout

    return make


ROWS = made_rows(150)


@pytest.fixture(scope="module")
def by_dvc(make):
    checkout = make("by_dvc", as_lines(ROWS))
    assert checkout.repro(threads=1) == list(PIPELINE)[1:]
    return checkout


@pytest.fixture(scope="module")
def on_one_thread(make):
    checkout = make("on_one_thread", as_lines(ROWS))
    checkout.run_on(threads=1)
    return checkout


@pytest.fixture(scope="module")
def first_files(on_one_thread):
    """What the first run made."""
    return on_one_thread.files()


def test_every_record_has_a_verdict_and_every_kind_occurs(on_one_thread):
    verdicts = on_one_thread.conserved()
    assert sum(verdicts.values()) == 150
    assert verdicts["quarantined"] == 2
    rules = set(on_one_thread.table("decisions")["rule"])
    assert {"missing_text", "blank_text", "exact_duplicate", "near_duplicate", "zero_vector",
            "coverage", "outranked"} <= rules  # fmt: skip
    pool = len(on_one_thread.table("vectors"))
    assert verdicts["kept"] == int(0.2 * pool)


def test_page_and_terminal_tell_every_row_alike(on_one_thread):
    assert untold(Paths(on_one_thread.root)) == []


@pytest.fixture(scope="module")
def in_one_process(make):
    checkout = make("in_one_process", as_lines(ROWS))
    checkout.run_on(threads=2)
    return checkout


def test_two_threads_make_every_byte_that_one_makes(first_files, in_one_process):
    again = in_one_process.files()
    assert [name for name in first_files if first_files[name] != again[name]] == []
    assert "artifacts/report.html" in first_files


@pytest.mark.slow
def test_dvc_makes_every_byte_that_one_process_makes(first_files, by_dvc):
    again = by_dvc.files()
    assert [name for name in first_files if first_files[name] != again[name]] == []


def test_the_order_of_the_sources_rows_shows_only_where_a_place_is_told(make, in_one_process):
    rows = list(ROWS)
    random.Random(5).shuffle(rows)
    shuffled = make("shuffled", as_lines(rows))
    shuffled.run_here()
    here, there = in_one_process.files(), shuffled.files()
    differ = {Path(name).stem for name in here
              if name.endswith(".parquet") and here[name] != there[name]}  # fmt: skip
    assert differ <= PLACED
    assert "documents" in differ, "else the shuffle did nothing"
    for name in differ:
        one, two = in_one_process.table(name), shuffled.table(name)
        unplaced = [column for column in one.columns if column not in ("row", "line")]
        assert one.select(unplaced).equals(two.select(unplaced)), name
    assert shuffled.table("selection")["id"].equals(in_one_process.table("selection")["id"])


@pytest.mark.slow
def test_nothing_changed_means_nothing_runs(by_dvc, first_files):
    assert by_dvc.repro() == []
    assert by_dvc.files() == first_files


@pytest.mark.slow
def test_a_comment_in_the_code_of_choose_runs_choose_alone(by_dvc, first_files):
    code = by_dvc.root / "tasks" / "choose.py"
    code.write_text(code.read_text() + "# a comment\n")
    assert by_dvc.repro() == ["choose"]
    assert by_dvc.files() == first_files


@pytest.mark.slow
def test_another_budget_runs_choose_and_what_comes_after_it(by_dvc, first_files):
    by_dvc.set("choose.budget=10")
    assert by_dvc.repro() == ["choose", "validate", "measure", "gate", "report"]
    assert by_dvc.conserved()["kept"] == 10
    assert by_dvc.table("selection")["id"].is_in(by_dvc.table("vectors")["id"]).all()


def test_of_added_rows_only_the_new_are_embedded(in_one_process):
    before = in_one_process.json("facts/embed_cache")
    more = [{**row, "id": f"n{row['id']}"} for row in made_rows(20, seed=9)]
    with (in_one_process.root / "rows.jsonl").open("ab") as file:
        file.write(as_lines(more))
    vectors = in_one_process.table("vectors")
    in_one_process.run_here()
    after = in_one_process.json("facts/embed_cache")
    assert before["cached_rows"] == 0
    assert 0 < after["encoded_rows"] <= 20
    assert after["cached_rows"] == before["encoded_rows"]
    grown = in_one_process.table("vectors")
    assert grown.join(vectors, on="id", how="semi", maintain_order="left").equals(vectors)
    assert sum(in_one_process.conserved().values()) == 170


HOSTILE = [line for _, *pair in LINES for line in pair]


def test_a_hostile_file_goes_through_the_whole_chain_and_no_record_is_lost(make):
    texts = [
        "<script>alert(1)</script> water",
        "=cmd|' /C calc'!A0 fire",
        "{{7*7}} ${x} earth",
        "\u202e river \u0000 \x1b[31m tree",
        "water " * 3_000,
        "'; DROP TABLE rows; -- bird",
    ]
    rows = [GOOD, *({"id": f"'{text[:9]}\"", "text": text, "so": "<b>", "source": text[:12]}
                    for text in texts)]  # fmt: skip
    content = as_lines(rows) + b"\n".join(HOSTILE) + b'\n{"id": "cut", "text": "no end'
    checkout = make("hostile", content, "ingest.max_quarantine_share=1", "choose.budget=50%")
    checkout.run_here()
    verdicts = checkout.conserved()
    assert verdicts["quarantined"] >= len(LINES)
    assert verdicts["kept"] >= 2
    page = (checkout.root / "artifacts" / "report.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page


@pytest.mark.slow
def test_instruction_rows_go_through_the_whole_chain(make):
    chance = random.Random(3)

    def words(least: int) -> str:
        return " ".join(chance.choices(VOCABULARY[1:], k=least + chance.randint(0, 15)))

    rows = [{"instruction": words(4), "input": words(3) if i % 2 else "", "output": words(9)}
            for i in range(500)]  # fmt: skip
    checkout = make("instruction", as_lines(rows), "ingest.shape=instruction", "ingest.id_key=",
                    "choose.budget=50", "choose.group_by=cluster")  # fmt: skip
    checkout.run_here()
    assert sum(checkout.conserved().values()) == 500
    assert len(checkout.table("selection")) == 50
    documents = checkout.table("documents")
    row = documents.filter(row=1).row(0, named=True)
    assert row["text"] == f"{rows[0]['instruction']}\n\n{rows[0]['output']}"


@pytest.mark.slow
def test_rows_that_leak_an_evaluation_are_followed_through_the_whole_chain(make):
    checkout = make("evaluated", as_lines(ROWS))
    checkout.run_here()
    before, report = checkout.table("selection"), checkout.root / "artifacts" / "report.html"
    leaked = before["id"][0]
    texts = dict(checkout.table("documents").select("id", "text").iter_rows())
    quiz = as_lines([{"id": "q1", "text": texts[leaked].upper()}])
    (checkout.root / "quiz.jsonl").write_bytes(quiz)
    checkout.set("decontaminate.evaluations=quiz.jsonl")
    checkout.run_here()
    told = checkout.table("decisions").filter(rule="contaminated")
    assert told.select("id", "stage").rows() == [(leaked, "decontaminate")]
    assert "quiz.jsonl, item 1, line 1, id q1: it shares" in told["detail"][0]
    assert leaked not in checkout.table("selection")["id"]
    assert "Overlap with evaluation files" in report.read_text(encoding="utf-8")
    assert untold(Paths(checkout.root)) == []
    checkout.conserved()
    checkout.set("decontaminate.evaluations=[]")
    checkout.run_here()
    assert checkout.table("selection").equals(before)
    assert "Overlap with evaluation files" not in report.read_text(encoding="utf-8")


@pytest.mark.slow
def test_an_evaluation_file_that_changes_runs_decontaminate_alone_of_the_heavy_stages(make):
    checkout = make("noticed", as_lines(ROWS), "decontaminate.evaluations=quiz.jsonl")
    quiz = checkout.root / "quiz.jsonl"
    quiz.write_bytes(as_lines([{"text": ROWS[0]["text"]}]))
    assert checkout.repro(1, "decontaminate")[-1] == "decontaminate"
    assert checkout.repro(1, "decontaminate") == []
    quiz.write_bytes(as_lines([{"text": ROWS[0]["text"]}, {"text": ROWS[1]["text"]}]))
    assert checkout.repro(1, "decontaminate") == ["ingest", "decontaminate"]
    assert checkout.table("contaminated")["id"].to_list() == ["r0000", "r0001"]


@pytest.mark.slow
def test_a_target_that_changes_runs_measure_and_report_alone(make):
    checkout = make("wanted", as_lines(ROWS), "measure.target=wanted.jsonl")
    wanted = checkout.root / "wanted.jsonl"
    wanted.write_bytes(as_lines(made_rows(12, seed=4)[:7]))
    assert checkout.repro(1)[-1] == "report"
    before = checkout.table("comparison").filter(metric="target_discrepancy")
    assert set(before["subset"]) >= {"selected", "uniform", "pool"}
    page = (checkout.root / "artifacts" / "report.html").read_text(encoding="utf-8")
    assert "Against the target" in page
    assert "5 of its 7 rows" in page  # two have no word that the model knows
    assert checkout.repro(1) == []
    wanted.write_bytes(as_lines(made_rows(12, seed=5)[:7]))
    assert checkout.repro(1) == ["measure", "report"]
    after = checkout.table("comparison").filter(metric="target_discrepancy")
    assert not after["value"].equals(before["value"])
