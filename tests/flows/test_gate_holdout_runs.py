"""Sixty real rows with the gate of held-out rows on: same bytes, no secret, one question."""

import gzip
import json
import shutil

import pytest

from tests.flows.conftest import ROOT, ROWS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
HELD_OUT = 120


@pytest.fixture(scope="module")
def finished(make_checkout, tmp_path_factory, tiny_model):
    checkout = make_checkout(tmp_path_factory.mktemp("guarded"))
    shutil.copytree(tiny_model, checkout.root / "model")
    shutil.copy2(ROOT / ".gitignore", checkout.root / ".gitignore")
    with gzip.open(ROOT / "data/demo/open_docs.jsonl.gz", "rb") as file:
        lines = [next(file) for _ in range(ROWS + HELD_OUT)][ROWS:]
    (checkout.root / "held_out.jsonl").write_bytes(b"".join(lines))
    asked = ["embed.model=model", "gate.holdout_file=held_out.jsonl",
             "gate.holdout_label_key=title", "choose.budget=20"]  # fmt: skip
    code = f"""
from pathlib import Path
from flows.settings import apply_overrides, save
from tasks.stage import load_params
path = Path("params.yaml")
save(apply_overrides(load_params(path), {asked!r}), path)
"""
    checkout.python("-c", code)
    checkout.python("-m", "dvc", "repro")
    return checkout


def gates(checkout) -> bytes:
    return (checkout.root / "artifacts" / "gates.json").read_bytes()


def answers(checkout) -> list:
    return json.loads(checkout.winnow("holdout", "--json").stdout)["answers"]


def test_the_gate_is_among_the_others_and_its_answer_on_record(finished):
    (gate,) = [one for one in json.loads(gates(finished))["facts"]["gates"]
               if one["name"] == "holdout"]  # fmt: skip
    (answer,) = answers(finished)
    assert gate["value"] == pytest.approx(answer["value"], abs=1e-6)
    assert "120 rows: below 1,000" in gate["words"]
    assert (finished.root / "guard" / "ledger.jsonl.dvc").exists()


def test_made_again_here_and_in_a_clean_copy_every_byte_is_the_same_and_nothing_is_asked(finished):
    before = gates(finished)
    finished.python("-m", "dvc", "repro", "--force", "--single-item", "--no-run-cache", "gate")
    assert gates(finished) == before
    verified = finished.winnow("verify", check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert len(answers(finished)) == 1


def test_the_salt_is_in_no_other_file(finished):
    salt = (finished.root / ".winnow-secrets" / "holdout_salt").read_bytes()
    assert len(salt) == 64
    found = [file.name for file in finished.root.rglob("*")
             if file.is_file() and salt in file.read_bytes()]  # fmt: skip
    assert found == ["holdout_salt"]
