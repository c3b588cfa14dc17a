"""Lazy greedy search: ties, rows refused on the way, and gains that are small in large pools."""

import numpy as np

from schemas.results import OUTRANKED
from tasks.engine.constraints import Admission, Limits
from tasks.engine.greedy import lazy_greedy, take_in_order
from tasks.selectors.facility_location import FacilityLocation
from tests.pools import pool_of, random_pool


class Additive:
    """An objective without interaction, that counts how often it is asked."""

    def __init__(self, value: np.ndarray):
        self.value, self.asked, self.bounded, self.accepted = value, 0, 0, list[int]()

    def first_bounds(self) -> np.ndarray:
        self.bounded += 1
        return self.value

    def prepare(self, indices: list[int]) -> None:
        raise AssertionError("every row is ready")

    def ready(self, index: int) -> bool:
        return True

    def gain(self, index: int) -> float:
        self.asked += 1
        return float(self.value[index])

    def accept(self, index: int) -> None:
        self.accepted.append(index)


def test_only_rows_that_may_win_are_looked_at() -> None:
    objective = Additive(np.linspace(0.0, 0.01, 200))
    admission = Admission(random_pool(200), Limits(5))
    gains, _, _ = lazy_greedy(objective, admission)
    assert admission.order == objective.accepted == [199, 198, 197, 196, 195]
    np.testing.assert_allclose(gains, objective.value[-5:][::-1])
    assert objective.asked < 20


def test_a_tie_goes_to_the_lower_row() -> None:
    admission = Admission(random_pool(6), Limits(3))
    lazy_greedy(Additive(np.array([0.1, 0.3, 0.3 + 1e-13, 0.3, 0.3, 0.2])), admission)
    assert admission.order == [1, 2, 3]


def test_in_a_large_pool_small_gains_are_still_told_apart() -> None:
    n = 20_000
    quality = 0.5 + np.arange(n) * 1e-6  # one gain differs from the next by 1e-10 of all
    pool = pool_of(np.ones((n, 1)), quality)
    found = FacilityLocation(0.0)(pool, Limits(n // 2), 0)
    assert found.indices[0] == n - 1
    assert found.indices.min() == n // 2


def test_an_order_is_taken_as_it_stands_until_the_budget_is_spent() -> None:
    admission = Admission(random_pool(6), Limits(3))
    take_in_order(np.array([4, 0, 5, 1, 2, 3]), admission)
    assert admission.order == [4, 0, 5]
    assert (admission.status[[1, 2, 3]] == OUTRANKED).all()
