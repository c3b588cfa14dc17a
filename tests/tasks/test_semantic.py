"""Semantic duplicates: what drops has a keeper near enough, what stays is far enough apart."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.engine import semantic
from tasks.engine.edges import Meeting
from tasks.engine.kernels import leaders as kernels
from tasks.engine.semantic import drop_near
from tasks.engine.visits import visited, visiting
from tests.benchmarks.synthetic import clustered
from tests.pools import pools, random_pool

EPSILON = 1e-6


def plain(vectors: np.ndarray, rank: np.ndarray, threshold: float) -> list[bool]:
    """Who stays, by the definition: rows in order of preference, compared with all that stay."""
    stays: list[int] = []
    for row in np.argsort(rank):
        if all(vectors[row] @ vectors[other] < threshold for other in stays):
            stays.append(int(row))
    return [row in stays for row in range(len(vectors))]


@given(st.data(), st.sampled_from([0.3, 0.8, 0.95]))
@settings(deadline=None)
def test_the_rows_that_stay_are_those_of_the_definition(
    data: st.DataObject, threshold: float
) -> None:
    pool = data.draw(pools())
    cosine = pool.vectors.astype(np.float64) @ pool.vectors.T.astype(np.float64)
    rank = np.array(data.draw(st.permutations(range(len(pool)))))
    found = drop_near(pool.vectors, rank, threshold)
    if (np.abs(cosine - threshold) > EPSILON).all():
        assert (found.keeper < 0).tolist() == plain(
            pool.vectors.astype(np.float64), rank, threshold
        )
    check(pool.vectors, rank, threshold, found)


def check(vectors: np.ndarray, rank: np.ndarray, threshold: float, found: semantic.Near) -> None:
    dropped = np.flatnonzero(found.keeper >= 0)
    keeper = found.keeper[dropped]
    assert (found.keeper[keeper] == -1).all(), "a keeper stays"
    cosine = (vectors[dropped].astype(np.float64) * vectors[keeper]).sum(axis=1)
    assert (cosine >= threshold - EPSILON).all()
    np.testing.assert_allclose(found.cosine[dropped], cosine, atol=EPSILON)
    assert np.isnan(found.cosine[found.keeper < 0]).all()


@pytest.mark.parametrize("block", [7, 50, 1536])
def test_blocks_leave_no_two_rows_that_are_alike(block: int) -> None:
    pool = random_pool(900, d=5, seed=1)
    rank = np.random.default_rng(0).permutation(900)
    with patch.object(semantic, "BLOCK_ROWS", block):
        found = drop_near(pool.vectors, rank, 0.97)
    check(pool.vectors, rank, 0.97, found)
    stays = found.keeper < 0
    near = pool.vectors[stays] @ pool.vectors[stays].T
    np.fill_diagonal(near, 0.0)
    assert near.max() < 0.97 + EPSILON
    assert 0 < stays.sum() < 900


@pytest.mark.parametrize("exact", [True, False])
def test_folded_rows_propose_all_pairs_that_whole_rows_do(exact: bool) -> None:
    rows = clustered(1_500, 256, 9)
    near = rows[:400] + np.float32(0.01) * clustered(400, 256, 10)
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    vectors, rank = np.concatenate([rows, near]), np.random.default_rng(2).permutation(1_900)
    limits = {"EXACT_ROWS": 10**6 if exact else 0, "BLOCK_ROWS": 60}
    with patch.multiple(semantic, **limits, fastest_format=lambda: semantic.FOLDED_FORMAT):
        folded = drop_near(vectors, rank, 0.95)
        with patch.object(semantic, "FOLDED_FROM", 2.0):
            whole = drop_near(vectors, rank, 0.95)
    assert (folded.keeper >= 0).sum() >= 400
    np.testing.assert_array_equal(folded.keeper, whole.keeper)
    np.testing.assert_array_equal(folded.cosine, whole.cosine)


@pytest.mark.slow
def test_a_large_family_of_copies_leaves_its_most_preferred_row() -> None:
    few = random_pool(5, d=16).vectors
    vectors = np.repeat(few, 4000, axis=0)
    rank = np.arange(20_000)[::-1].copy()
    found = drop_near(vectors, rank, 0.99)
    assert np.flatnonzero(found.keeper < 0).tolist() == [3999, 7999, 11999, 15999, 19999]


def test_beyond_exact_sizes_planted_copies_are_still_found() -> None:
    base = random_pool(1500, d=32, seed=3).vectors
    noise = np.random.default_rng(1).normal(scale=0.01, size=base.shape)
    copies = (base + noise).astype(np.float32)
    copies /= np.linalg.norm(copies, axis=1, keepdims=True)
    vectors = np.vstack([base, copies])
    with patch.object(semantic, "EXACT_ROWS", 0):
        found = drop_near(vectors, np.arange(3000), 0.99)
    assert (found.keeper[1500:] >= 0).mean() > 0.98
    check(vectors, np.arange(3000), 0.99, found)


def test_rows_meet_those_at_home_where_they_visit_and_only_if_one_asks() -> None:
    near = np.array([[0, 1], [0, -1], [0, 2], [1, 0], [1, -1], [2, 1]])
    at_home = [{0, 1, 2}, {3, 4}, {5}]
    wanted = {
        tuple(sorted((one, other)))
        for one, centres in enumerate(near.tolist())
        for centre in centres
        for other in (at_home[centre] if centre >= 0 else ())
    }
    together = {(one, other) for home in at_home for one in home for other in home if one <= other}
    apart = np.ones(3, dtype=bool)
    assert met(visiting(near, apart)) == wanted | together
    assert met(visiting(near, ~apart)) == wanted - together
    asks = np.array([False, False, False, True, False, False])
    own = {pair for pair in wanted if 3 in pair}
    assert (
        met(visiting(near, ~apart, asks)) == own == {(0, 3), (2, 3), (3, 3), (3, 4), (3, 5), (1, 3)}
    )


def met(meetings: list[Meeting]) -> set[tuple[int, int]]:
    every = np.arange(6)
    return {
        tuple(sorted((one, other)))
        for meeting in meetings
        for columns in meeting.columns
        for one in every[meeting.rows].tolist()
        for other in every[columns].tolist()
    }


def test_a_row_visits_the_centres_that_a_near_row_may_live_at() -> None:
    centres = np.eye(3, dtype=np.float32)
    half = np.float32(np.sqrt(0.5))
    vectors = np.array([[half, half, 0], [1, 0, 0], [0.8, 0.6, 0]], dtype=np.float32)
    near = np.array([[0, 1, 2], [0, 1, 2], [0, 1, 2]])
    found = visited(vectors, centres, near, 0.95)  # up to 0.0395 farther
    assert found.tolist() == [[0, 1, -1], [0, -1, -1], [0, -1, -1]]
    assert visited(vectors, centres, near, 0.0)[:, 1].tolist() == [1, -1, -1]  # up to 0.177


def test_one_row_or_none() -> None:
    one = np.ones((1, 1), dtype=np.float32)
    assert drop_near(one, np.zeros(1, dtype=np.int64), 0.9).keeper.tolist() == [-1]
    assert len(drop_near(one[:0], np.zeros(0, dtype=np.int64), 0.9).keeper) == 0


def test_the_loop_inside_a_block_is_the_definition() -> None:
    pool = random_pool(40, d=3, seed=2)
    near = pool.vectors @ pool.vectors.T
    order = np.random.default_rng(3).permutation(40)
    keeper = kernels.leaders(near >= np.float32(0.9), order)
    rank = np.empty(40, dtype=int)
    rank[order] = np.arange(40)
    assert (keeper < 0).tolist() == plain(pool.vectors, rank, 0.9)


class TestSourceGuard:
    NEAR = semantic.Near(
        np.array([-1, 0, 0, 0, -1, 4]), np.array([np.nan, 0.99, 0.98, 0.97, np.nan, 0.99])
    )
    RANK = np.array([0, 3, 2, 1, 4, 5])
    SOURCE = np.array([0, 1, 1, 1, 0, 0])

    def test_a_source_that_would_vanish_keeps_its_best_rows(self) -> None:
        found = semantic.spare(self.NEAR, self.RANK, self.SOURCE, 0.5)
        assert found.keeper.tolist() == [-1, 0, -1, -1, -1, 4]  # 2 of 3 rows stay: ranks 1 and 2
        assert np.isnan(found.cosine[[2, 3]]).all()

    def test_a_source_with_enough_rows_left_gets_none_back(self) -> None:
        found = semantic.spare(self.NEAR, self.RANK, self.SOURCE, 0.0)
        assert found.keeper.tolist() == self.NEAR.keeper.tolist()

    def test_all_rows_stay_where_all_are_asked_for(self) -> None:
        found = semantic.spare(self.NEAR, self.RANK, self.SOURCE, 1.0)
        assert (found.keeper == -1).all()
