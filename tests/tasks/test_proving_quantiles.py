"""The quality trap: planted, it is flagged; where better is better, it is not."""

from dataclasses import replace

import numpy as np
import pytest

from schemas.errors import SettingsError
from tasks.engine.limits import Limits
from tasks.engine.pool import Pool
from tasks.proving.candidates import Candidates
from tasks.proving.consumers.linear_probe import LinearProbe
from tasks.proving.engine import experiment
from tasks.proving.ledger import KnownScores
from tasks.proving.methods import Contender
from tasks.proving.plan import Experiment
from tasks.proving.quantiles import QualityBin, curve, quantiles
from tasks.proving.records import Record
from tasks.selectors.uniform import Uniform
from tests.tasks.proofs import small_task

BINS = 4


def pool_of(task, quality) -> Pool:
    rows = task.train
    return Pool(
        ids=np.array([task.ids[row] for row in rows], dtype=object),
        vectors=task.vectors[rows],
        quality=quality,
        cost=task.tokens[rows],
        group=np.zeros((len(rows), 1), dtype=np.int64),
        group_names=("all",),
        stratum=np.zeros(len(rows), dtype=np.int64),
    )


def plan_of(task, quality) -> Experiment:
    candidates = Candidates(pool_of(task, quality), task.train, {})
    return Experiment(task, candidates, [], {"linear_probe": LinearProbe(5)}, [0.1], seeds=4)


def found(task, quality, tmp_path) -> dict:
    known = KnownScores.load(tmp_path / "scores.jsonl")
    return quantiles(plan_of(task, quality), known, lambda _: None, BINS)["curves"][0]


def with_wrong_labels(task, rows):
    """The labels of some rows moved on by one class."""
    labels = task.labels.copy()
    labels[rows] = (labels[rows] + 1) % task.classes
    return replace(task, labels=labels)


def test_bins_share_the_pool_by_rising_quality():
    task = small_task(rows=64)
    quality = np.linspace(0, 1, len(task.train))[::-1].copy()
    pool = pool_of(task, quality)
    bins = [QualityBin(place, 5)(pool, Limits(1), 0).indices for place in range(5)]
    assert sorted(np.concatenate(bins).tolist()) == list(range(len(pool)))
    assert {len(each) for each in bins} <= {len(pool) // 5, len(pool) // 5 + 1}
    means = [quality[each].mean() for each in bins]
    assert means == sorted(means)


def test_wrong_labels_in_the_top_bin_are_a_trap(tmp_path):
    task = small_task(rows=480)
    quality = np.linspace(0, 1, len(task.train))
    top = task.train[-len(task.train) // BINS :]
    shown = found(with_wrong_labels(task, top), quality, tmp_path)
    assert shown["trap"]
    assert shown["gain_low"] > 0
    assert shown["score"][-1] < min(shown["score"][:-1])


def test_wrong_labels_in_the_lowest_bin_are_none(tmp_path):
    task = small_task(rows=480)
    quality = np.linspace(0, 1, len(task.train))
    low = task.train[: len(task.train) // BINS]
    shown = found(with_wrong_labels(task, low), quality, tmp_path)
    assert not shown["trap"]
    assert shown["score"][0] < shown["score"][-1]
    assert all(
        a <= b <= c for a, b, c in zip(*(shown[k] for k in ("low", "score", "high")), strict=True)
    )


def records(scores: dict[str, list[float]]) -> list[Record]:
    return [
        Record("d", 0.1, method, "c", seed, score, 10, 10, without_block=(score, score + 0.001))
        for method, values in scores.items()
        for seed, score in enumerate(values)
    ]


@pytest.mark.parametrize(("better", "trap"), [("higher", False), ("lower", True)])
def test_which_way_is_better_decides(better, trap):
    scores = {"quality_bin_1": [1.0, 1.01, 0.99], "quality_bin_2": [2.0, 2.01, 1.99],
              "uniform": [1.5] * 3}  # fmt: skip
    shown = curve(records(scores), "c", ("unit", better), [0.2, 0.8])
    assert shown.trap is trap
    assert shown.gain == pytest.approx(1.0 if trap else -1.0)
    assert shown.gain_low <= shown.gain <= shown.gain_high


def test_too_few_rows_for_the_bins_are_refused(tmp_path):
    task = small_task(rows=10)
    with pytest.raises(SettingsError, match="too few for 4 bins"):
        found(task, np.linspace(0, 1, len(task.train)), tmp_path)


def test_a_score_known_under_another_name_stands_under_the_name_asked_for(tmp_path):
    task = small_task(rows=64)
    plan = plan_of(task, np.linspace(0, 1, len(task.train)))
    known, told = KnownScores.load(tmp_path / "scores.jsonl"), []
    for name in ("one", "other"):
        told.append(experiment(replace(plan, contenders=[Contender(name, Uniform())]), known, len))
    assert [each.method for each in told[1]] == ["other"] * plan.seeds
    assert [each.score for each in told[0]] == [each.score for each in told[1]]
    assert len(known.known) == plan.seeds
