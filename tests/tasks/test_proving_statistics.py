"""Intervals cover, Holm's adjustment is Holm's, verdicts heed which end is better."""

from dataclasses import replace

import numpy as np
import pytest

from schemas.params import Params
from tasks.paths import Paths
from tasks.proving.candidates import candidates_of
from tasks.proving.consumers.linear_probe import LinearProbe
from tasks.proving.methods import contenders
from tasks.proving.records import Record
from tasks.proving.statistics import difference, holm, summarise
from tests.tasks.proofs import small_task


def simulated(random, seeds, rows, blocks=20, truth=0.02):
    """Differences with an effect of seed, of test row and of both; rows fall into blocks."""
    by_row = truth + 0.3 * random.standard_normal(rows)
    cells = by_row + 0.02 * random.standard_normal((seeds, 1))
    cells = cells + 0.4 * random.standard_normal((seeds, rows))
    block = random.integers(0, blocks, rows)
    without = np.stack([cells[:, block != each].mean(axis=1) for each in range(blocks)], axis=1)
    return cells.mean(axis=1), without


@pytest.mark.parametrize(("seeds", "rows"), [(10, 400), (5, 2_000)])
def test_intervals_cover_the_truth_about_as_often_as_they_say(seeds, rows):
    random = np.random.default_rng(1)
    found = [difference(*simulated(random, seeds, rows)) for _ in range(400)]
    covered = np.mean([each.low <= 0.02 <= each.high for each in found])
    assert 0.93 <= covered <= 0.995


def test_seeds_alone_would_not_cover_since_all_answer_for_the_same_test_rows():
    random = np.random.default_rng(1)
    found = []
    for _ in range(200):
        by_seed, _ = simulated(random, 10, 400)
        found.append(difference(by_seed, np.empty((10, 0))))
    assert np.mean([each.low <= 0.02 <= each.high for each in found]) < 0.9


def test_holm_steps_down_as_in_his_paper():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def records(scores: dict[str, list[float]], consumer="probe") -> list[Record]:
    return [
        Record("data", 1.0 if method == "full" else 0.1, method, consumer, seed, score, 10, 50)
        for method, found in scores.items()
        for seed, score in enumerate(found)
    ]


def test_a_verdict_heeds_the_better_end_and_references_have_none():
    scores = {
        "uniform": [0.50, 0.52, 0.51, 0.49],
        "same": [0.51, 0.51, 0.50, 0.50],
        "high": [0.70, 0.73, 0.71, 0.69],
        "full": [0.80, 0.81, 0.80, 0.81],
    }
    for better, verdict in (("higher", "better"), ("lower", "worse")):
        found = {
            each.method: each
            for each in summarise(records(scores), {"probe": ("accuracy", better)}, [0.1])
        }
        assert found["high"].verdict == verdict
        assert found["same"].verdict == "not told apart"
        assert found["uniform"].verdict == found["full"].verdict == "reference"
        assert found["high"].comparisons == 2
        assert found["full"].budget == 0.1
        assert found["high"].delta == pytest.approx(0.2025)
        assert found["high"].low < 0.2025 < found["high"].high


def test_equal_scores_everywhere_are_not_told_apart():
    found = summarise(
        records({"uniform": [0.5, 0.5], "other": [0.5, 0.5]}),
        {"probe": ("accuracy", "higher")},
        [0.1],
    )
    assert [(each.delta, each.low, each.high) for each in found] == [(0, 0, 0)] * 2
    assert found[1].verdict == "not told apart"


@pytest.mark.slow
def test_intervals_of_trained_probes_cover_the_difference_on_all_rows_there_could_be(tmp_path):
    """One pool, 6,000 rows to test on, of which each trial sees 300, and six seeds of its own."""
    trials, seeds, seen = 60, 6, 300
    task = small_task(rows=6_400, classes=8, noise=1.1)
    task = replace(task, train=np.arange(400), test=np.arange(400, 6_400))
    candidates = candidates_of(task.unseen(), Params(), Paths(tmp_path))
    methods = [each for each in contenders([], Params()) if each.name in ("uniform", "stratified")]
    answers = np.empty((trials * seeds, len(methods), len(task.test)))
    for seed in range(trials * seeds):
        part = candidates.replicate(seed)
        for place, method in enumerate(methods):
            schedule = method.schedule(part, 16, False, seed)
            answers[seed, place] = LinearProbe().answers(task, schedule, seed)
    gain = answers[:, 1] - answers[:, 0]
    truth, covered = gain.mean(), 0
    random = np.random.default_rng(0)
    blocks = np.arange(seen) % 20
    for trial in range(trials):
        rows = random.choice(len(task.test), seen, replace=False)
        own = gain[trial * seeds : (trial + 1) * seeds, rows]
        without = np.stack([own[:, blocks != each].mean(axis=1) for each in range(20)], axis=1)
        found = difference(own.mean(axis=1), without)
        covered += found.low <= truth <= found.high
    assert 0.88 <= covered / trials <= 1.0
