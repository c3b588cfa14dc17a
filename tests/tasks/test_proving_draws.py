"""Several draws of uniform at a seed: their mean stands in the comparisons, and varies less."""

from dataclasses import replace

import numpy as np
import pytest

from schemas.params import Params
from tasks.paths import Paths
from tasks.proving.candidates import Candidates, candidates_of
from tasks.proving.consumers.linear_probe import LinearProbe
from tasks.proving.engine import experiment
from tasks.proving.ledger import KnownScores
from tasks.proving.methods import CONTROLS, FULL, Contender
from tasks.proving.plan import MOST_DRAWS, Experiment
from tests.tasks.proofs import small_task

BUDGETS = [0.05, 0.12, 0.3]


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> Experiment:
    task = small_task(rows=480, noise=2.0)  # hard enough for scores to differ
    candidates: Candidates = candidates_of(task, Params(), Paths(tmp_path_factory.mktemp("none")))
    methods = [Contender(name, CONTROLS[name]) for name in ("uniform", "stratified")]
    probe = {"linear_probe": LinearProbe(5)}
    return Experiment(task, candidates, [*methods, Contender(FULL, None)], probe, BUDGETS, seeds=12)


def scores(plan: Experiment, known: KnownScores) -> dict[tuple[str, float], np.ndarray]:
    """Scores by seed, of every method at every budget."""
    found: dict[tuple[str, float], list[float]] = {}
    for record in experiment(plan, known, lambda _: None):
        found.setdefault((record.method, record.budget), []).append(record.score)
    return {key: np.array(values) for key, values in found.items()}


def test_only_small_subsets_of_uniform_are_drawn_again(plan, tmp_path):
    drawn = [plan.draws(plan.contenders[0], budget) for budget in BUDGETS]
    assert drawn == [MOST_DRAWS, 2, 1]
    assert [plan.draws(each, 0.01) for each in plan.contenders[1:]] == [1, 1]
    known = KnownScores.load(tmp_path / "scores.jsonl")
    experiment(plan, known, lambda _: None)
    assert len(known.known) == plan.scores == 12 * (sum(drawn) + len(BUDGETS) + 1)


def test_the_mean_of_the_draws_stands_and_varies_less_than_one(plan, tmp_path):
    one = replace(plan, contenders=plan.contenders[:1], budgets=BUDGETS[:1], seeds=30)
    known = KnownScores.load(tmp_path / "scores.jsonl")
    mean = scores(one, known)["uniform", BUDGETS[0]]
    every = np.array([record.score for record in known.known.values()]).reshape(30, MOST_DRAWS)
    assert mean == pytest.approx(every.mean(axis=1))
    assert (every.std(axis=1) > 0).mean() > 0.9, "draws of one seed are other subsets"
    assert mean.var(ddof=1) < 0.6 * every.var(axis=0, ddof=1).mean()


def test_blocks_of_test_rows_are_left_out_of_the_mean_too(plan, tmp_path):
    one = replace(plan, contenders=plan.contenders[:1], budgets=BUDGETS[:1], seeds=1)
    known = KnownScores.load(tmp_path / "scores.jsonl")
    (record,) = experiment(one, known, lambda _: None)
    every = np.array([each.without_block for each in known.known.values()])
    assert len(every) == MOST_DRAWS
    assert record.without_block == pytest.approx(every.mean(axis=0))


def test_rows_and_tokens_are_means_too_where_the_budget_is_in_tokens(plan, tmp_path):
    uniform = plan.contenders[:1]
    one = replace(plan, contenders=uniform, budgets=BUDGETS[:1], seeds=3, in_tokens=True)
    known = KnownScores.load(tmp_path / "scores.jsonl")
    found = experiment(one, known, lambda _: None)
    drawn = list(known.known.values())
    assert len({each.rows for each in drawn}) > 1, "as many rows as the tokens buy"
    for seed, record in enumerate(found):
        mine = [each for each in drawn if each.seed == seed]
        assert len(mine) == MOST_DRAWS
        assert record.rows == round(np.mean([each.rows for each in mine]))
        assert record.tokens == round(np.mean([each.tokens for each in mine]))
