"""Methods see neither labels nor test rows; RS2 goes through the pool; replicates are paired."""

from dataclasses import replace

import numpy as np
import pytest

from schemas.errors import SettingsError
from schemas.params import Params
from tasks.engine.limits import Limits
from tasks.paths import Paths
from tasks.proving.candidates import candidates_of
from tasks.proving.methods import PASSES, contenders, fresh
from tasks.selectors import SELECTORS
from tests.pools import random_pool
from tests.tasks.proofs import small_task


def chosen(task, tmp_path, names=("default", "k_center", "label_information"), budget=30):
    """Rows by method, at one seed."""
    candidates = candidates_of(task.unseen(), Params(), Paths(tmp_path)).replicate(1)
    return {
        each.name: [rows.tolist() for rows in each.schedule(candidates, budget, False, 1)]
        for each in contenders(names, Params())
    }


def test_other_labels_and_other_test_rows_change_no_selection(tmp_path):
    task = small_task()
    random = np.random.default_rng(5)
    texts, vectors = list(task.texts), task.vectors.copy()
    for row in task.test:
        texts[row] = "an altogether other text"
    vectors[task.test] = vectors[random.permutation(task.test)]
    other = replace(
        task,
        labels=random.permutation(task.labels),
        ratings=random.random(len(task.ids)),
        texts=tuple(texts),
        vectors=vectors,
        test=task.test[:10],
    )
    assert chosen(task, tmp_path) == chosen(other, tmp_path)


def test_no_method_chooses_a_test_row_and_all_choose_in_the_same_replicate(tmp_path):
    task = small_task()
    replicate = set(
        candidates_of(task.unseen(), Params(), Paths(tmp_path)).replicate(1).rows.tolist()
    )
    assert len(replicate) == 162
    assert not replicate & set(task.test.tolist())
    for name, passes in chosen(task, tmp_path).items():
        assert len(passes) == PASSES
        assert all(set(rows) <= replicate for rows in passes)
        sizes = {len(rows) for rows in passes}
        assert sizes == ({162} if name == "full" else {30})
        assert (len({tuple(rows) for rows in passes}) == 1) == (name != "rs2")


def test_default_leaves_out_copies_which_uniform_may_draw(tmp_path):
    task = small_task()
    texts = list(task.texts)
    others = range(1, 20)  # places among the train rows
    for place in others:
        texts[task.train[place]] = texts[task.train[0]]
    candidates = candidates_of(replace(task, texts=tuple(texts)), Params(), Paths(tmp_path))
    assert set(candidates.twins) >= set(others)
    default, uniform = contenders([], Params())[:2]
    copied = set(task.train[:20].tolist())
    assert len(copied & set(default.schedule(candidates, 180, False, 0)[0].tolist())) == 1
    assert len(copied & set(uniform.schedule(candidates, 100, False, 0)[0].tolist())) > 3


def test_every_selector_of_the_registry_can_be_a_contender(tmp_path):
    task = small_task(rows=80)
    candidates = candidates_of(task.unseen(), Params(), Paths(tmp_path)).replicate(0)
    found = contenders(list(SELECTORS), Params())
    assert {each.name for each in found} >= set(SELECTORS)
    for each in found:
        assert len(each.schedule(candidates, 10, False, 0)[0]) == (
            54 if each.name == "full" else 10
        )


def test_an_unknown_selector_is_told_with_its_neighbour():
    with pytest.raises(SettingsError, match="unknown method 'k_centre'") as caught:
        contenders(["k_centre"], Params())
    assert "did you mean 'k_center'?" in str(caught.value)


@pytest.mark.parametrize(("rows", "budget"), [(6, 2), (10, 3), (7, 7), (5, 4)])
def test_rs2_takes_every_row_once_before_any_comes_again(rows, budget):
    passes = list(fresh(random_pool(rows), Limits(budget), seed=4))
    assert all(len(set(part.tolist())) == budget for part in passes)
    flat = np.bincount(np.concatenate(passes[: -(-rows // budget)]), minlength=rows)
    assert flat.min() == 1
    even = np.bincount(np.concatenate(passes), minlength=rows)
    assert even.max() - even.min() <= 2


def test_rs2_draws_rows_evenly_over_seeds():
    pool = random_pool(20)
    first = [next(iter(fresh(pool, Limits(5), seed))) for seed in range(2_000)]
    counts = np.bincount(np.concatenate(first), minlength=20)
    chi_square = float(np.square(counts - 500).sum() / (500 * 0.75))
    assert chi_square < 43.8  # 99.9 % of chi square with 19 degrees of freedom


def test_rs2_in_tokens_keeps_to_the_budget_and_uses_most_of_it():
    pool = random_pool(50)
    budget = int(pool.cost.sum() // 5)
    for part in fresh(pool, Limits(budget, in_tokens=True), seed=0):
        assert budget - pool.cost.max() < pool.cost[part].sum() <= budget


def test_a_budget_above_the_replicate_buys_all_of_it(tmp_path):
    found = chosen(small_task(rows=80), tmp_path, names=("k_center",), budget=60)
    assert {len(rows) for name, (rows, *_) in found.items() if name != "default"} == {54}
