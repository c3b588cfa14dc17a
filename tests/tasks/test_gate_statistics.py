"""The statistics behind the gates: against scipy, by hand, and by counting false alarms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, ks_2samp

from tasks.gates.drift import best_axis, detectable, embedding_test, ks_test
from tasks.gates.outcome import Test as Undecided
from tasks.gates.outcome import decided, holm_levels
from tasks.gates.survival import (
    Share,
    floor_gates,
    p_below,
    quarantine_share,
    quarantine_test,
    wilson,
    wipeout_test,
)

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@st.composite
def shares(draw):
    whole = draw(st.integers(1, 5000))
    return Share(draw(st.integers(0, whole)), whole)


@settings(max_examples=60, deadline=None)
@given(shares(), st.sampled_from([0.5, 0.9, 0.99]))
def test_wilsons_interval_is_scipys(share, confidence):
    from scipy.special import ndtri

    found = wilson(share, float(ndtri((1 + confidence) / 2)))
    known = binomtest(share.part, share.whole).proportion_ci(confidence, method="wilson")
    assert found == pytest.approx((known.low, known.high), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(shares(), shares())
def test_a_share_that_did_not_fall_has_p_one_and_fewer_survivors_never_a_larger_p(now, before):
    p = p_below(now, before)
    assert (p == 1.0) == (now.value >= before.value)
    if now.part:
        assert p_below(Share(now.part - 1, now.whole), before) <= p + 1e-12


def test_the_contrast_of_two_shares_is_newcombes_interval():
    """Newcombe (1998), method 10: 56/70 against 48/80 gives 0.0524 to 0.3339 at 95 %."""
    from scipy.special import ndtri

    first, second, z = Share(56, 70), Share(48, 80), float(ndtri(0.975))
    low = 0.2 - np.hypot(first.value - wilson(first, z)[0], wilson(second, z)[1] - second.value)
    assert low == pytest.approx(0.0524, abs=5e-5)
    assert p_below(second, first, margin=0.0524) == pytest.approx(0.025, abs=2e-4)


@settings(max_examples=60, deadline=None)
@given(P_VALUES, st.floats(0.001, 0.5))
def test_holm_rejects_what_its_step_down_by_hand_rejects(p_values, alpha):
    rejected = [p <= level for p, level in zip(p_values, holm_levels(p_values, alpha), strict=True)]
    left, by_hand = sorted(range(len(p_values)), key=lambda i: p_values[i]), set()
    while left and p_values[left[0]] <= alpha / len(left):
        by_hand.add(left.pop(0))
    assert {i for i, one in enumerate(rejected) if one} == by_hand


def undecided(p: float, value: float, limit: float = 0.1) -> Undecided:
    return Undecided("drift", "x", value, limit, p, "x", lambda level: f"at {level:g}")


def test_a_gate_fails_only_if_p_is_small_and_the_effect_is_large():
    tests = [undecided(1e-9, 0.05), undecided(1e-9, 0.5), undecided(0.4, 0.5)]
    small, real, chance = decided(tests, 0.01)
    assert (small.passed, real.passed, chance.passed) == (True, False, True)
    assert real.words.endswith("the limit is 0.1: too much by 0.4")
    assert "by chance" in chance.words
    assert real.detects == "at 0.00333333", "the strictest of three levels"


class TestDrift:
    @settings(max_examples=30, deadline=None)
    @given(
        st.lists(st.integers(0, 30), min_size=20, max_size=30),
        st.lists(st.integers(10, 40), min_size=20, max_size=30),
    )
    def test_the_gap_is_that_of_the_two_distribution_functions(self, now, before):
        one, two = np.array(now, float), np.array(before, float)
        points = np.arange(-1, 42)
        gaps = [abs((one <= x).mean() - (two <= x).mean()) for x in points]
        found = ks_test("drift", "x", one, two, 0.1)
        assert found.value == pytest.approx(max(gaps))
        known = ks_2samp(now, before)
        assert found.value == pytest.approx(known.statistic)
        assert found.p == pytest.approx(known.pvalue)

    def test_missing_values_that_come_or_go_are_a_drift(self):
        one, two = np.full(100, -np.inf), np.zeros(100)
        assert ks_test("drift", "x", one, two, 0.1).value == 1.0

    @pytest.mark.parametrize(("rows", "limit"), [(200, 0.1), (1000, 0.1), (2000, 0.02)])
    def test_the_stated_smallest_effect_is_found_four_times_in_five(self, rows, limit):
        """A shift of a uniform by d has a gap of exactly d."""
        level, chance = 0.001, np.random.default_rng(1)
        shift = detectable(rows, rows, level, limit)
        found = [
            ks_test("drift", "x", chance.random(rows) + shift, chance.random(rows), limit)
            for _ in range(100)
        ]
        assert np.mean([test.p <= level and test.value > limit for test in found]) >= 0.75

    def test_equal_distributions_give_small_p_no_more_often_than_stated(self):
        chance = np.random.default_rng(2)
        found = [
            _vectors_test(chance.standard_normal((200, 8)), chance.standard_normal((150, 8))).p
            for _ in range(200)
        ]
        assert np.mean(np.array(found) < 0.05) <= 0.09

    @pytest.mark.parametrize("change", ["shift", "spread"])
    def test_vectors_that_moved_or_spread_are_told_apart(self, change):
        chance = np.random.default_rng(3)
        now, before = chance.standard_normal((600, 16)), chance.standard_normal((800, 16))
        now = now + 0.5 if change == "shift" else now * 1.7
        found = _vectors_test(now, before)
        assert found.value > 0.3
        assert found.p < 1e-6

    def test_the_same_rows_on_both_sides_show_nothing(self):
        rows = np.random.default_rng(4).standard_normal((300, 8))
        assert _vectors_test(rows, rows.copy()).value == 0.0

    def test_a_coordinate_without_spread_is_no_division_by_zero(self):
        flat = np.zeros((40, 3))
        assert np.isfinite(best_axis(flat, flat)).all()


def _vectors_test(now: np.ndarray, before: np.ndarray):
    halves = tuple(np.arange(len(sample)) % 2 == 0 for sample in (now, before))
    return embedding_test("drift", now, before, halves, 0.1)


class TestShares:
    def test_a_source_that_lost_most_of_its_rows_fires_and_a_tiny_one_does_not(self):
        large = wipeout_test("web", Share(10, 400), Share(100, 400), 0.5)
        tiny = wipeout_test("notes", Share(0, 3), Share(2, 3), 0.5)
        assert large.value == pytest.approx(0.9)
        assert large.p < 1e-6
        assert tiny.p > 0.01
        assert tiny.detects(0.001) == "none: too few records"
        assert "10 of 400 records (2.5%) kept, 100 of 400 records (25.0%) before" in large.words

    def test_a_fall_within_the_limit_is_no_finding_however_many_records(self):
        assert wipeout_test("web", Share(15_000, 100_000), Share(25_000, 100_000), 0.5).p == 1.0

    def test_a_source_that_is_not_read_any_more_fires_unless_it_was_tiny(self):
        gone = wipeout_test("web", Share(0, 0), Share(60, 300), 0.5)
        assert gone.p < 1e-4
        assert "no record read" in gone.words
        assert wipeout_test("notes", Share(0, 0), Share(1, 3), 0.5).p > 0.05

    def test_a_source_of_which_nothing_was_kept_before_cannot_fall(self):
        assert wipeout_test("web", Share(0, 9), Share(0, 9), 0.5).p == 1.0

    def test_the_stated_smallest_fall_is_found_four_times_in_five(self):
        before = Share(200, 1000)
        words = wipeout_test("web", before, before, 0.5).detects(0.001)
        fall = float(words.removeprefix("a fall of ").removesuffix("%")) / 100
        counts = np.random.default_rng(5).binomial(1000, 0.2 * (1 - fall), 300)
        fired = [p_below(Share(int(count), 1000), before, 0.5) <= 0.001 for count in counts]
        assert 0.72 <= np.mean(fired) <= 0.9

    def test_a_surge_of_refused_records_fires_and_a_few_more_do_not(self):
        before = Share(20, 2000)
        assert quarantine_test(Share(100, 2000), before, 0.01).p < 1e-4
        assert quarantine_test(Share(39, 2000), before, 0.01).p == 1.0
        assert quarantine_test(Share(100, 2000), before, 0.01).detects(0.01).startswith("a rise of")

    def test_the_refused_share_and_floors_say_by_how_much_they_fail(self):
        assert quarantine_share(Share(3, 100), 0.03).passed
        assert "too much by 0.02" in quarantine_share(Share(5, 100), 0.03).words
        web, notes, lost = floor_gates({"web": 9, "notes": 4}, {"*": 5, "web": 10, "zoo": 1})
        assert (web.of, web.passed, notes.of, notes.passed) == ("notes", False, "web", False)
        assert lost.words == "zoo: 0 rows kept; the floor is 1: 1 too few"
