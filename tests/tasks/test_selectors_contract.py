"""What every selector promises, whatever it looks for."""

from dataclasses import FrozenInstanceError, is_dataclass

import numpy as np
import pytest

from schemas.results import SELECTED, Selection
from tasks.engine.constraints import Limits
from tasks.engine.pool import Pool
from tasks.selectors import SELECTORS
from tests.pools import pool_of, random_pool, rows_of, with_

pytestmark = pytest.mark.parametrize("name", SELECTORS)
POOL = random_pool(40)
AWKWARD = {
    "one row": pool_of([[0.6, 0.8]]),
    "equal rows": pool_of(np.ones((7, 2))),
    "no quality": with_(POOL, quality=np.zeros(40)),
    "opposites": pool_of(np.vstack([np.eye(4), -np.eye(4)])),
    "repeated rows": with_(POOL, vectors=POOL.vectors[np.arange(40) // 4]),
}


def choose(name: str, pool: Pool = POOL, limits: Limits | None = None, seed: int = 0) -> Selection:
    return SELECTORS[name]()(pool, limits or Limits(9), seed)


def test_it_is_a_frozen_dataclass_with_a_version_and_a_draw(name: str) -> None:
    selector = SELECTORS[name]
    assert is_dataclass(selector)
    assert selector.draw in ("greedy", "sampled", "stratified")
    assert selector.version.count(".") == 2
    with pytest.raises(FrozenInstanceError):
        selector().anything = 1
    method = choose(name).method
    assert (method.name, method.version) == (selector.__name__, selector.version)
    assert method.settings == vars(selector())


@pytest.mark.parametrize("kind", AWKWARD)
@pytest.mark.parametrize("budget", [1, 3, 1000])
def test_it_takes_as_many_different_rows_as_it_can(name: str, kind: str, budget: int) -> None:
    pool = AWKWARD[kind]
    found = choose(name, pool, Limits(budget))
    k = min(budget, len(pool))
    assert len(found.indices) == len(set(found.indices.tolist())) == k
    assert len(found.gains) == len(found.weights) == k
    assert np.isfinite(found.gains).all()
    drawn = SELECTORS[name].draw == "sampled"  # weights are then one over the chance
    assert (found.weights >= 1).all() if drawn else (found.weights == 1).all()
    for values in (found.status, found.final_gain, found.gain_is_bound):
        assert len(values) == len(pool)
    assert len(found.needed_quality) == len(found.needed_budget_rows) == len(pool)
    assert set(np.flatnonzero(found.status == SELECTED)) == set(found.indices.tolist())


def test_rows_shut_out_leave_the_others_to_choose_from(name: str) -> None:
    limits = Limits(39, exclude=(0, 7), closed={7: "below_min_quality", 9: "below_min_quality"})
    found = choose(name, limits=limits)
    assert sorted(found.indices.tolist()) == sorted(set(range(40)) - {0, 7, 9})


def test_demands_are_met_within_the_budget(name: str) -> None:
    limits = Limits(60, True, floors={0: 3, 1: 1}, caps={2: 2}, include=(11, 30), exclude=(1, 2, 3))
    found = choose(name, limits=limits)
    group = POOL.group[found.indices]
    assert POOL.cost[found.indices].sum() <= 60
    assert (group == 0).sum() >= 3
    assert (group == 1).sum() >= 1
    assert (group == 2).sum() <= 2
    assert found.indices[:2].tolist() == [11, 30]
    assert not {1, 2, 3} & set(found.indices.tolist())


def test_an_empty_pool_gives_an_empty_selection(name: str) -> None:
    assert len(choose(name, with_(POOL, **rows_of(POOL, slice(0)))).indices) == 0


def test_it_leaves_what_it_was_given_as_it_was(name: str) -> None:
    pool = random_pool(40)
    for key in ("vectors", "quality", "cost", "group", "stratum"):
        getattr(pool, key).setflags(write=False)
    limits = Limits(9, floors={0: 1}, caps={1: 2}, include=(3,), exclude=(4,))
    choose(name, pool, limits)
    assert limits == Limits(9, floors={0: 1}, caps={1: 2}, include=(3,), exclude=(4,))


def test_it_gives_the_same_twice_and_another_set_for_another_seed_only_if_it_draws(
    name: str,
) -> None:
    one, again, other = choose(name), choose(name), choose(name, seed=1)
    assert one.indices.tolist() == again.indices.tolist()
    assert one.gains.tobytes() == again.gains.tobytes()
    same = set(one.indices.tolist()) == set(other.indices.tolist())
    assert same == (SELECTORS[name].draw == "greedy")


def test_the_order_in_which_rows_arrive_changes_nothing_once_they_are_sorted(name: str) -> None:
    expected = choose(name)
    order = np.random.default_rng(5).permutation(40)
    shuffled = with_(POOL, **rows_of(POOL, order))
    pool = with_(shuffled, **rows_of(shuffled, np.argsort(shuffled.ids)))
    assert choose(name, pool).indices.tolist() == expected.indices.tolist()


def test_the_number_of_threads_changes_no_bit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = random_pool(1200, d=24)
    found = []
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        found.append(choose(name, pool, Limits(80)))
    for other in found[1:]:
        assert other.indices.tolist() == found[0].indices.tolist()
        assert other.gains.tobytes() == found[0].gains.tobytes()
        assert other.final_gain.tobytes() == found[0].final_gain.tobytes()


def test_its_gains_never_rise_where_nothing_binds_it(name: str) -> None:
    if name in ("cover_then_match", "distribution_matching"):
        pytest.skip("not submodular: a pick may make another one worth more")
    gains = choose(name, limits=Limits(30)).gains
    assert (np.diff(gains) <= 1e-9).all()
