"""The benchmark's harness: it runs end to end, survives what fails, and counts rightly."""

import json
from dataclasses import replace
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.benchmarks import bench, profiling, publish, quality
from tests.benchmarks.chart import Series, chart
from tests.benchmarks.goals import exponent, exponents, seconds_at, verdicts
from tests.benchmarks.inputs import Data
from tests.benchmarks.measuring import Bench, Options
from tests.benchmarks.methods import Inputs
from tests.benchmarks.methods.texts import shingles
from tests.benchmarks.plan import Method, Work, quick, works
from tests.benchmarks.record import FIELDS, Lines
from tests.benchmarks.similar_texts import true_pairs
from tests.benchmarks.synthetic import clustered

HERE = "tests.benchmarks.methods."
SMALL = Data("clustered", 400, 16)


def method(name: str, call: str, **more) -> Method:
    return Method(name, HERE + call, limit_s=more.pop("limit_s", 60.0), **more)


def work(*methods: Method) -> Work:
    return Work(6, "k-center 400 → 8", "centres", SMALL, 8, methods)


def run(folder, *methods: Method, **more) -> list[dict]:
    options = Options(folder, threads=1, memory_mb=2000, **{"most_runs": 1, **more})
    return Bench([work(*methods)], options).run()


@pytest.mark.slow
def test_a_goal_in_small_runs_end_to_end_and_is_not_repeated(tmp_path, capsys):
    arguments = ["--quick", "--only", "6", "--artifacts", str(tmp_path)]
    assert bench.main(arguments) == 0
    first = capsys.readouterr()
    assert "k-center 1,200 → 40" in first.out
    assert "identical picks to the plain loop" in first.out
    rows = Lines(tmp_path / "bench.jsonl").rows
    assert all(set(FIELDS) <= set(row) for row in rows)
    ours = next(row for row in rows if row["ours"] and row["kind"] == "measurement")
    assert ours["seconds"] > 0
    assert ours["peak_mb"] > 0
    assert {row["method"] for row in rows if row["seconds"]} >= {
        "winnow k_center", "plain loop, products",
    }  # fmt: skip
    assert bench.main(arguments) == 0
    assert "run 1" not in capsys.readouterr().err, "nothing ran a second time"
    assert Lines(tmp_path / "bench.jsonl").rows == rows


def test_what_fails_is_a_row_with_its_reason_and_the_others_go_on(tmp_path):
    rows = run(
        tmp_path,
        method("sleeps", "faults:sleeps", limit_s=0.3),
        method("swells", "faults:swells", settings={"megabytes": 4000}),
        method("dies", "faults:dies"),
        method("repeats", "faults:repeats"),
        method("absent", "faults:absent"),
        method("plain loop, products", "centres:products"),
    )
    reasons = {row["method"]: row["reason"] for row in rows if row["kind"] == "measurement"}
    assert reasons["sleeps"] == "not finished in 0.3 s"
    assert reasons["swells"].startswith("MemoryError")
    assert reasons["dies"].startswith("ended by SIGABRT")
    assert "1 distinct rows of 8" in reasons["repeats"]
    assert reasons["absent"] == "nothing of that name is installed"
    assert reasons["plain loop, products"] is None
    assert {row["met"] for row in rows if row["kind"] == "goal"} == {None}


@pytest.mark.slow  # one process per run
def test_methods_take_turns_and_a_run_that_was_stopped_goes_on(tmp_path):
    one, other = method("one", "centres:products"), method("other", "centres:products")
    run(tmp_path, one, other, most_runs=2)
    runs = Lines(tmp_path / "bench-runs.jsonl")
    assert [each["method"] for each in runs.rows] == ["one", "other", "one", "other"]
    kept = runs.path.read_text().splitlines()[:3]
    runs.path.write_text("\n".join([*kept, '{"cut off']))
    rows = run(tmp_path, one, other, most_runs=2)
    assert [each["method"] for each in Lines(runs.path).rows] == ["one", "other", "one", "other"]
    assert [row["reps"] for row in rows if row["kind"] == "measurement"] == [2, 2]
    run(tmp_path, replace(one, settings={}, name="changed"), other, most_runs=2)
    names = [each["method"] for each in Lines(runs.path).rows[4:]]
    assert names == ["changed", "other", "changed", "other"], "a change: all compared anew"


def test_the_plan_names_each_goal_and_every_method_exists():
    from importlib import import_module

    for plan in (list(works()), list(quick())):
        assert {each.goal for each in plan} == set(range(1, 10))
        for each in (each for item in plan for each in item.methods):
            module, _, name = each.call.partition(":")
            assert callable(getattr(import_module(module), name))
    keys = [(each.goal, each.key) for each in works()]
    assert len(keys) == len(set(keys))


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text("ab ", max_size=40), min_size=1, max_size=8))
def test_all_true_pairs_of_documents_are_found(texts):
    sets = [shingles(text) for text in texts]
    wanted = [
        (i, j)
        for i, j in combinations(range(len(texts)), 2)
        if sets[i] and len(sets[i] & sets[j]) >= 0.7 * len(sets[i] | sets[j])
    ]
    assert [tuple(pair) for pair in true_pairs(texts).tolist()] == wanted


def test_recall_counts_true_neighbours_once_and_takes_equals(tmp_path):
    angle = np.array([0.0, 0.1, 0.1, 0.5, 3.0])
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    inputs, path = Inputs(vectors, 1, 1), tmp_path / "x.npy"
    good = np.array([[2], [2], [1], [1], [3]])  # 0 is as near to 2 as to 1
    assert quality.neighbours(inputs, good, path) == {"recall": 1.0}
    bad = np.array([[0], [1], [-1], [4], [3]])  # itself, itself, none, wrong, right
    assert quality.neighbours(inputs, bad, path) == {"recall": 0.2}


def test_recall_of_duplicates_counts_pairs_of_which_not_both_stay(tmp_path):
    angle = np.array([0.0, 0.1, 0.2, 0.7, 3.0])  # cosines 0.995, 0.995 and 0.980 among the first
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    inputs, path = Inputs(vectors, 1, 1), tmp_path / "x.npy"
    first, third = [True, False, False, False, False], [False, False, True, False, True]
    assert quality.pairs(inputs, first, path) == {
        "recall": pytest.approx(2 / 3), "dropped": 1, "false": 0,
    }  # fmt: skip
    assert quality.pairs(inputs, third, path) == {
        "recall": pytest.approx(2 / 3), "dropped": 2, "false": 1,
    }  # fmt: skip


def test_objectives_by_hand(tmp_path):
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8], [-1, 0]], dtype=np.float32)
    inputs, path = Inputs(vectors, 2, 1), tmp_path / "x.npy"
    picks = np.array([0, 1])
    assert quality.coverage(inputs, picks, path)["objective"] == pytest.approx(2.8 / 4)
    assert quality.centres(inputs, picks, path)["radius"] == pytest.approx(1.0)
    assert quality.volume(inputs, picks, path)["objective"] == pytest.approx(2 * np.log(2))


def test_seconds_at_a_recall_lie_on_the_curve_and_never_beyond_it():
    curve = [{"recall": 0.9, "seconds": 1.0}, {"recall": 0.98, "seconds": 4.0}]
    assert seconds_at(curve, 0.94) == pytest.approx(2.0)
    assert seconds_at(curve, 0.99) is None
    assert seconds_at(curve, 0.5) == 1.0
    assert seconds_at([*curve, {"recall": 0.97, "seconds": 0.5}], 0.94) == 0.5


def test_the_exponent_of_a_power_law_is_its_power():
    points = [(n, 3e-9 * n**1.7) for n in (50_000, 200_000, 1_000_000)]
    assert exponent(points) == pytest.approx(1.7)
    assert exponent(points[:1]) is None
    rows = [
        {"goal_number": 9, "method": "winnow fast", "ours": True, "n": n, "seconds": s}
        for n, s in [(2_000, 9.0), *points]
    ]
    (verdict,) = exponents(rows)
    assert (verdict.met, verdict.figure) == (False, pytest.approx(1.7))


def row(name: str, seconds: float | None, **more) -> dict:
    what = {"method": name, "ours": name.startswith("winnow"), "bf16": True, "seconds": seconds}
    found = {"objective": None, "recall": None, "peak_mb": 100.0, "reason": "MemoryError"}
    return {**what, **found, **more}


def test_the_first_goal_takes_the_fastest_of_ours_that_is_good_enough():
    plan = next(iter(works()))
    rows = [
        row("winnow exact", 3.0, objective=0.80000),
        row("winnow fast", 1.0, objective=0.79995),
        row("winnow quick", 0.2, objective=0.797),
        row("apricot lazy", 12.0, objective=0.8, peak_mb=1000.0),
        row("submodlib LazyGreedy", None),
    ]
    found = {verdict.goal: verdict for units, verdict in verdicts(plan, rows) if units}
    assert [(v.met, v.row and v.row["method"]) for v in found.values()] == [
        (True, "winnow fast"), (None, "winnow fast"), (True, "winnow fast"),
        (True, "winnow quick"),
    ]  # fmt: skip
    slow = [{**each, "seconds": 5.0} if each["ours"] else each for each in rows]
    assert [verdict.met for _, verdict in verdicts(plan, slow)] == [False, None, True, False]


def test_synthetic_rows_are_unit_and_depend_on_the_seed_alone():
    one = clustered(500, 16, 1)
    assert np.linalg.norm(one, axis=1) == pytest.approx(np.ones(500), abs=1e-6)
    assert (one == clustered(500, 16, 1)).all()
    assert (one != clustered(500, 16, 2)).any()


def test_the_chart_is_well_formed_and_shows_each_series_and_failure():
    points = ((2_000.0, 0.5), (1_000_000.0, 90.0))
    lost = Series("peer <b>", points[:1], (50_000.0, "MemoryError"))
    text = chart([("time", "s", [Series("winnow", points), lost])])
    ElementTree.fromstring(text)
    assert text.count("<polyline") == 3  # two curves and the way to the failure
    assert "MemoryError" in text
    assert "peer &lt;b&gt;" in text


def test_figures_go_between_the_markers_and_nowhere_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "README.md").write_text("above\n<!-- bench -->\nold\n<!-- /bench -->\nbelow\n")
    assert publish.main() == 1, "nothing measured"
    plan = next(each for each in works() if each.goal == 6)
    measured = Bench([plan], Options(tmp_path, 1, 1000)).judged
    known = {"kind": "measurement", "goal_number": 6, "work": plan.title, "data": "clustered"}
    here = {"code": "x", "at": 0, "cpu": "a processor", "threads": 1, "label": ""}
    base = {**dict.fromkeys(FIELDS), **known, **here}
    rows = [
        {**base, **row("winnow k_center", 0.1, picks="a", reason=None)},
        {**base, **row("plain loop, pairwise distances", 3.0, picks="b")},
        {**base, **row("plain loop, products", 0.5, picks="b")},
    ]
    rows += list(measured(plan, rows))
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "bench.jsonl").write_text("\n".join(json.dumps(r) for r in rows))
    (tmp_path / "tests/benchmarks").mkdir(parents=True)
    assert publish.main() == 0
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("above\n<!-- bench -->\n")
    assert text.endswith("\n<!-- /bench -->\nbelow\n")
    assert "old" not in text
    assert "30× plain loop, pairwise distances" in text
    assert "1 of 2" in text
    assert "identical picks to the plain loop (missed" in text
    again = publish.main()
    assert (again, (tmp_path / "README.md").read_text()) == (0, text)


def test_a_profile_tells_whose_own_code_takes_the_time():
    def slow():
        return sum(value * value for value in range(300_000))

    def fast():
        return np.sort(np.arange(10))

    seconds, functions = profiling.profiled(lambda: (slow(), fast()))
    own = dict(functions)
    assert functions[0][0] in ("test_bench.<genexpr>", "builtins.sum")
    assert own["test_bench.<genexpr>"] > own["test_bench.fast"]
    assert sum(own.values()) <= seconds


def test_work_on_threads_is_seen_by_a_profile(tmp_path, capsys):
    graph = method("winnow graph", "neighbours:ours", settings={"settings": [{}]}, ours=True)
    planned = Work(4, "kNN graph 400, k = 8", "neighbours", SMALL, 8, (graph,))
    profiling.show(planned, tmp_path)
    told = capsys.readouterr().out
    assert "kNN graph 400, k = 8, clustered | graph |" in told
    assert "`products.multiply` " in told, "a kernel that runs inside of blocks"
