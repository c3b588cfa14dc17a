"""`winnow compare --attribute`: parts worked by hand, and mixtures of two real small runs."""

import itertools
from pathlib import Path

import pytest
import yaml

from flows import compare
from flows.swapping import mixtures, shared_out
from schemas.errors import WinnowError
from schemas.manifest import Manifest
from tests.flows.test_compare import TEXTS, checkout, git, keep, write_run

__all__ = ["checkout"]  # a fixture
CHOOSE = """
import pathlib, yaml
import polars as pl
settings = yaml.safe_load(open("params.yaml"))["choose"]
ids = pl.read_parquet("artifacts/documents.parquet")["id"].sort(descending={reverse})
pl.DataFrame({{"id": ids.head(settings["budget"])}}).write_parquet("artifacts/selection.parquet")
print("choose: done")
"""


def churn(causes: list[str], rows: dict[tuple[str, ...], int]) -> dict[frozenset, int]:
    return {frozenset(): 0, **{frozenset(key): value for key, value in rows.items()}}


def test_two_causes_are_averaged_over_both_orders_and_the_parts_add_up():
    rows = {("data",): 10, ("code",): 4, ("data", "code"): 12}
    found = shared_out(["data", "code"], churn([], rows), 0, [])
    assert found.parts == {"data": 9.0, "code": 3.0}
    assert sum(found.parts.values()) == found.total == 12
    assert found.interaction == -2


def test_more_causes_go_in_one_order_which_is_named():
    causes = ["data", "parameters", "code"]
    rows = {("data",): 3, ("data", "parameters"): 8, tuple(causes): 7}
    assert [len(each) for each in mixtures(causes)] == [1, 2]
    found = shared_out(causes, churn(causes, rows), 0, [])
    assert found.parts == {"data": 3.0, "parameters": 5.0, "code": -1.0}
    assert found.method.startswith("one order: data, then parameters, then code")
    assert found.interaction is None


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_every_number_of_causes_adds_up(count):
    causes = ["data", "parameters", "code", "model"][:count]
    known = {
        frozenset(part): 7 * len(part) + len(part[0])
        for size in range(1, count + 1)
        for part in itertools.combinations(causes, size)
    }
    found = shared_out(causes, {frozenset(): 0, **known}, 0, [])
    assert sum(found.parts.values()) == pytest.approx(found.total)


def write_runnable(budget: int, reverse: bool, texts: dict[str, str]) -> None:
    """A run whose code can run: one stage, `choose`, takes the first or the last ids."""
    ids = sorted(texts, reverse=reverse)
    write_run(ids[:budget], str(budget), code=str(reverse), texts=texts,
              data=str(len(texts) % 10))  # fmt: skip
    for name in ("schemas", "tasks"):
        Path(name).mkdir(exist_ok=True)
        Path(name, "__init__.py").touch()
    Path("tasks/choose.py").write_text(CHOOSE.format(reverse=reverse))
    params = {"choose": {"budget": budget}, "embed": {"model": "m"}}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    stages = {name: {"cmd": "x"} for name in ("sources", "ingest", "choose", "validate")}
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))


def keep_runnable(name: str) -> None:
    git("add", "-A")
    keep(name)


@pytest.fixture
def runnable(checkout, monkeypatch):
    """The checkout with quarantine and manifests among the outputs of `ingest`."""
    from tests.flows import test_compare

    monkeypatch.setitem(
        test_compare.TABLES, "ingest", ["documents", "quarantine", "ingest.json"]
    )  # fmt: skip
    Path("artifacts/quarantine.parquet").write_bytes(b"none")
    Path("artifacts/ingest.json").write_text(Manifest("ingest", "1", {}).to_json())
    return checkout


def test_each_mixture_runs_the_code_settings_and_rows_it_says(runnable):
    write_runnable(2, False, TEXTS)
    keep_runnable("first")
    write_runnable(4, True, TEXTS)
    keep_runnable("second")
    status = git("status", "--porcelain")
    found = compare.tell("first", "second", as_json=True, measured=True)
    told = yaml.safe_load(found)["attribution"]
    measured = told["measured"]
    assert told["answer"].endswith("of 6 rows in or out they account for parameters 2.0, code 4.0")
    # A: a0 a1. B's budget alone: a0 a1 a2 a3. B's code alone: c3 c2. Both: c3 c2 c1 c0.
    assert measured["churn"] == {"parameters": 2, "code": 4, "parameters and code": 6}
    assert measured["parts"] == {"parameters": 2.0, "code": 4.0}
    assert (measured["interaction"], measured["again"]) == (0, 0)
    assert git("status", "--porcelain") == status


@pytest.mark.slow
def test_a_run_that_is_not_reproduced_is_told(runnable):
    write_runnable(2, False, TEXTS)
    keep_runnable("first")
    write_runnable(4, True, TEXTS)
    Path("tasks/choose.py").write_text(CHOOSE.format(reverse=False))
    keep_runnable("second")
    words = compare.tell("first", "second", as_json=False, measured=True)
    assert "B, run again here, differs from B by 8 rows" in words
    assert "check: B run again differs from B by 8 rows" in words


@pytest.mark.slow
def test_a_mixture_that_cannot_run_is_named_with_its_own_words(runnable):
    write_runnable(2, False, TEXTS)
    keep_runnable("first")
    write_runnable(4, True, TEXTS)
    Path("tasks/choose.py").write_text("raise SystemExit('too new')")
    keep_runnable("second")
    with pytest.raises(WinnowError, match="stage choose failed"):
        compare.tell("first", "second", as_json=False, measured=True)


def test_a_file_or_folder_cannot_be_run_again(runnable):
    write_runnable(2, False, TEXTS)
    keep_runnable("first")
    write_runnable(4, True, TEXTS)
    Path("kept").mkdir()
    Path("kept/artifacts").symlink_to(runnable / "artifacts")
    Path("kept/dvc.lock").write_text(Path("dvc.lock").read_text())
    with pytest.raises(WinnowError, match="cannot be run again"):
        compare.tell("first", "kept", as_json=False, measured=True)
