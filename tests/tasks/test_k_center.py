"""Farthest-first traversal in blocks: the very picks of the plain loop, whatever the blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tasks.engine.farthest_first as module
from tasks.engine.constraints import Limits
from tasks.engine.frontier import NOTHING, Place, frontier
from tasks.engine.nearest_chosen import NearestChosen, cosines_of
from tasks.engine.similarity import Similarity
from tasks.selectors.k_center import KCenter
from tests.pools import pool_of, random_pool, with_

POOL = random_pool(3000, d=24, seed=8)


def plain_loop(vectors: np.ndarray, quality: np.ndarray, k: int) -> list[int]:
    """One pick after another by Euclidean distance in float64; ties within 1e-7 of a cosine."""
    rows = vectors.astype(np.float64)
    picks = [int(quality.argmax())]
    squared = ((rows - rows[picks[0]]) ** 2).sum(axis=1)
    while len(picks) < k:
        squared[picks] = -1.0
        picks.append(int(np.flatnonzero(squared >= squared.max() - 2e-7)[0]))
        squared = np.minimum(squared, ((rows - rows[picks[-1]]) ** 2).sum(axis=1))
    return picks


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 2.0]), max_size=12),
    st.integers(1, 14),
)
def test_the_frontier_is_the_start_of_the_sorted_rows(keys: list[float], count: int) -> None:
    key = np.array(keys)
    found = frontier(key, count)
    order = [i for i in sorted(range(len(keys)), key=lambda i: (-key[i], i)) if key[i] > -np.inf]
    assert found.rows.tolist() == sorted(order[:count])
    rest = order[count:]
    assert found.outside == (Place(key[rest[0]], -rest[0]) if rest else NOTHING)
    assert all(Place(key[i], -i) > found.outside for i in found.rows)


class TestNearestChosen:
    rows = np.random.default_rng(1).permutation(3000)[:700]

    def test_it_holds_the_largest_cosine_and_its_row(self) -> None:
        nearest = NearestChosen(POOL.vectors)
        nearest.add(self.rows)
        exact = POOL.vectors.astype(np.float64) @ POOL.vectors[self.rows].T.astype(np.float64)
        np.testing.assert_allclose(nearest.cosine, exact.max(axis=1), atol=1e-6)
        place = {row: place for place, row in enumerate(self.rows.tolist())}
        held = exact[np.arange(3000), [place[row] for row in nearest.row.tolist()]]
        np.testing.assert_allclose(held, exact.max(axis=1), atol=1e-6)

    @pytest.mark.parametrize("step", [1, 63, 64, 65, 200, 512, 513])
    def test_no_bit_depends_on_how_many_rows_are_added_at_a_time(self, step: int) -> None:
        whole, parts = NearestChosen(POOL.vectors), NearestChosen(POOL.vectors)
        whole.add(self.rows[:520])
        for start in range(0, 520, step):
            parts.add(self.rows[start : min(520, start + step)])
        assert whole.cosine.tobytes() == parts.cosine.tobytes()
        assert whole.row.tobytes() == parts.row.tobytes()

    def test_cosines_among_a_few_rows_are_the_same_to_the_bit(self) -> None:
        some, others = self.rows[:40], self.rows[100:230]
        nearest = NearestChosen(POOL.vectors)
        nearest.add(some[:1])
        found = cosines_of(POOL.vectors[some], POOL.vectors[others])
        assert np.array_equal(found[0], nearest.cosine[others])

    def test_of_equal_rows_the_one_chosen_first_is_named(self) -> None:
        vectors = POOL.vectors[np.arange(100) % 50]
        nearest = NearestChosen(vectors)
        assert (nearest.row == -1).all()
        nearest.add(np.array([70, 3, 20, 53]))
        assert nearest.row[[20, 70, 3, 53]].tolist() == [70, 70, 3, 3]


@pytest.mark.parametrize("followed", [1, 2, 5, 64, 700, 5000])
def test_the_picks_are_those_of_the_plain_loop_however_many_rows_are_followed(
    followed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FOLLOWED", followed)
    found = KCenter()(POOL, Limits(150), 0)
    assert found.indices.tolist() == plain_loop(POOL.vectors, POOL.quality, 150)


@pytest.mark.parametrize("followed", [1, 3, 40])
def test_equal_rows_are_taken_by_index_however_many_are_followed(
    followed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FOLLOWED", followed)
    pool = with_(POOL, vectors=POOL.vectors[np.arange(3000) % 30], quality=np.zeros(3000))
    found = KCenter()(pool, Limits(100), 0).indices
    assert sorted(found[:30] % 30) == list(range(30))
    assert (found[:30] < 30).all(), "the first of each group of equal rows"
    assert found[30:].tolist() == [i for i in range(3000) if i not in set(found[:30])][:70]


def test_refused_rows_are_passed_over_in_any_block(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(60, floors={2: 9}, caps={0: 12}, include=(5, 700), preselected=(8, 9))
    expected = KCenter()(POOL, limits, 0)
    for followed in (1, 7, 300):
        monkeypatch.setattr(module, "FOLLOWED", followed)
        found = KCenter()(POOL, limits, 0)
        assert found.indices.tolist() == expected.indices.tolist()
        assert found.gains.tobytes() == expected.gains.tobytes()
        assert found.final_gain.tobytes() == expected.final_gain.tobytes()


def test_a_width_changes_distances_but_no_pick() -> None:
    plain, wide = (KCenter(kernel_width=w)(POOL, Limits(90), 0) for w in (0.0, 0.5))
    assert plain.indices.tolist() == wide.indices.tolist()
    cosine = 1.0 + 0.5 * np.log(1.0 - wide.gains[1:])
    np.testing.assert_allclose(1.0 - np.maximum(cosine, 0.0), plain.gains[1:], atol=1e-6)


def test_centred_rows_are_spread_around_their_mean() -> None:
    cone = POOL.vectors[:400] + 3 * POOL.vectors[0]
    pool = pool_of(cone, quality=POOL.quality[:400])
    found = KCenter(centred=True)(pool, Limits(50), 0)
    moved = Similarity(centred=True).rows(pool.vectors)
    assert found.indices.tolist() == plain_loop(moved, pool.quality, 50)
    assert found.indices.tolist() != KCenter()(pool, Limits(50), 0).indices.tolist()


def test_the_worked_example() -> None:
    """Four points on an arc: both ends, then the lower id of two that are equally far from them."""
    pool = pool_of([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0]])
    found = KCenter()(pool, Limits(3), 0)
    assert found.indices.tolist() == [0, 3, 1]
    np.testing.assert_allclose(found.gains, [1.0, 1.0, 0.2], atol=2e-7)
    np.testing.assert_allclose(found.final_gain, [0.0, 0.0, 0.04, 0.0], atol=2e-7)
    assert found.totals["radius"] == pytest.approx(0.04)
