"""Time limit, progress and restart of a search: what is stopped, said, kept and replayed."""

import logging
from typing import Any

import numpy as np
import pytest

import tasks.engine.shortlist_greedy as shortlists
import tasks.engine.watch as module
from tasks.engine.constraints import Admission, Limits
from tasks.engine.greedy import lazy_greedy, take_in_order
from tasks.engine.watch import Arrays, Watch
from tasks.selectors import SELECTORS
from tasks.selectors.mixture import Mixture
from tests.pools import random_pool
from tests.tasks.test_engine_greedy import Additive

POOL = random_pool(80, seed=4)
LIMITS = {
    "rows": Limits(30),
    "bound": Limits(30, floors={0: 9, 2: 4}, caps={1: 8}, include=(5, 40), exclude=(1,)),
    "tokens": Limits(60, True, caps={0: 6}, preselected=(3, 4)),
    "spaced": Limits(30, min_distance=0.15, preselected=(2,)),
}


class Shelf:
    """Keeps arrays in memory, and ends the search after so many saves, as a power cut would."""

    def __init__(self, after: int = 10**9) -> None:
        self.kept: dict[str, Arrays] = {}
        self.left = after

    def load(self, phase: str) -> Arrays | None:
        return self.kept.get(phase)

    def save(self, phase: str, arrays: Arrays) -> None:
        self.kept[phase] = {name: np.array(values) for name, values in arrays.items()}
        self.left -= 1
        if not self.left:
            raise PowerCut


class PowerCut(Exception):
    pass


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _saves_after_every_pick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(module, "SAVE_SHARE", 1e9)


MIXED = Mixture(0.7, {"facility_location": 1.0, "distribution_matching": 1.0})
SEARCHES = {
    "facility_location": SELECTORS["facility_location"](),
    "k_center": SELECTORS["k_center"](),
    "saturated_coverage": SELECTORS["saturated_coverage"](),
    "graph_cut": SELECTORS["graph_cut"](),
    "feature_based": SELECTORS["feature_based"](),
    "distribution_matching": SELECTORS["distribution_matching"](),
    "after rows that cover": SELECTORS["cover_then_match"](covering_rows=5),
    "a trusted shortlist": SELECTORS["distribution_matching"](mode="fast"),
    "gains that rise": MIXED,
}


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("kind", LIMITS)
@pytest.mark.parametrize(
    "after", [1, 23, *(pytest.param(picks, marks=pytest.mark.slow) for picks in (7, 19, 28))]
)
def test_an_interrupted_search_ends_as_one_that_was_not(
    name: str, kind: str, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shortlists, "SHORTLIST", 8)
    limits, selector = LIMITS[kind], SEARCHES[name]
    whole = selector(POOL, limits, 0)
    shelf = Shelf(after)
    try:
        selector(POOL, limits, 0, Watch(keeper=shelf))
    except PowerCut:
        assert 0 < len(list(shelf.kept.values())[-1]["picks"]) <= len(whole.indices)
    else:
        assert len(whole.indices) - len(whole.covering) < after, "it was over before"
    again = selector(POOL, limits, 0, Watch(keeper=shelf))
    for key, value in vars(whole).items():
        other: Any = getattr(again, key)
        if isinstance(value, np.ndarray) and value.dtype != object:
            assert value.tobytes() == other.tobytes(), key
        elif isinstance(value, np.ndarray):
            assert value.tolist() == other.tolist(), key
        else:
            assert value == other, key


def test_a_search_that_goes_on_asks_for_no_bound_and_no_gain_twice() -> None:
    value = np.random.default_rng(3).random(80)
    whole, cut, again = Additive(value), Additive(value), Additive(value)
    lazy_greedy(whole, Admission(POOL, Limits(30)))
    shelf = Shelf(20)
    with pytest.raises(PowerCut):
        lazy_greedy(cut, Admission(POOL, Limits(30)), Watch(keeper=shelf))
    admission = Admission(POOL, Limits(30))
    lazy_greedy(again, admission, Watch(keeper=shelf))
    assert again.accepted == whole.accepted == admission.order
    assert (cut.bounded, again.bounded) == (1, 0)
    assert cut.asked + again.asked == whole.asked


def test_an_order_taken_as_it_stands_stops_too_and_meets_the_floors_from_there_on() -> None:
    admission = Admission(POOL, Limits(30, floors={1: 3}))
    order = np.argsort(POOL.group[:, 0] == 1, kind="stable")  # rows of group 1 last
    clock = iter(range(10**6))
    take_in_order(order, admission, Watch(5.0, clock=lambda: float(next(clock))))
    in_group = [POOL.group[index, 0] == 1 for index in admission.order]
    assert in_group[-3:] == [True] * 3
    assert 0 < len(in_group) - 3 < 6
    assert not any(in_group[:-3])
    assert admission.stopped


class TestClock:
    def test_without_a_limit_it_never_stops(self) -> None:
        clock = Clock()
        watch, admission = Watch(clock=clock), Admission(POOL, Limits(9))
        admission.take(0)
        watch.tell(admission, 1.0)
        clock.now = 1e9
        assert not watch.stop()

    def test_it_stops_at_its_limit_but_not_before_the_first_pick_and_stays_so(self) -> None:
        clock = Clock()
        watch, admission = Watch(5.0, clock=clock), Admission(POOL, Limits(9, include=(1,)))
        clock.now = 200.0
        assert not watch.stop()
        admission.take(0)
        watch.tell(admission, 1.0)
        assert watch.stop()
        assert watch.stopped
        clock.now = 101.0
        assert watch.stop()

    def test_the_limit_holds_for_all_phases_together(self) -> None:
        clock = Clock()
        watch, admission = Watch(5.0, clock=clock), Admission(POOL, Limits(9))
        admission.take(0)
        watch.tell(admission, 1.0)
        clock.now = 106.0
        watch.resume("another")
        assert not watch.stop(), "no pick of this phase yet"
        watch.tell(admission, 1.0)
        assert watch.stop()

    def test_it_says_now_and_then_how_far_it_is(self, caplog: pytest.LogCaptureFixture) -> None:
        clock = Clock()
        watch, admission = Watch(clock=clock), Admission(POOL, Limits(40))
        watch.resume()
        with caplog.at_level(logging.INFO, "winnow"):
            for index in range(20):
                clock.now += 1.0
                admission.take(index)
                watch.tell(admission, 0.5 / (index + 1))
        assert [record.message for record in caplog.records] == [
            "chosen: 5 rows, 12.5 %, 1.0 rows/s, about 35 s left; gain 0.1",
            "chosen: 10 rows, 25.0 %, 1.0 rows/s, about 30 s left; gain 0.05",
            "chosen: 15 rows, 37.5 %, 1.0 rows/s, about 25 s left; gain 0.0333",
            "chosen: 20 rows, 50.0 %, 1.0 rows/s, about 20 s left; gain 0.025",
        ]


def test_saving_never_takes_more_than_its_share_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SAVE_SHARE", 0.02)
    clock = Clock()

    class Slow(Shelf):
        def save(self, phase: str, arrays: Arrays) -> None:
            super().save(phase, arrays)
            clock.now += 1.0

    shelf = Slow()
    watch, admission = Watch(keeper=shelf, clock=clock), Admission(POOL, Limits(60))
    watch.resume()
    for index in range(60):
        clock.now += 10.0
        admission.take(index)
        watch.tell(admission, 1.0)
    assert 10**9 - shelf.left == 12, "a save of 1 s every 50 s"
