"""The guard of held-out rows: honest where naive reuse is fooled, on record, within a budget."""

import json
import math
import stat

import numpy as np
import pytest

from schemas.errors import ContractError, SettingsError, WinnowError
from tasks.holdout import HeldOut, HoldoutGuard, Ledger, SpentError
from tasks.holdout.held_out import hoeffding_half_width
from tasks.holdout.knee import confirmed
from tasks.holdout.ledger import read_lines
from tasks.holdout.noise import LaplaceNoise
from tests.benchmarks.holdout import Samples, guarded, naive

ROWS = [{"text": f"row {place}", "label": place % 2} for place in range(1_600)]
SET = HeldOut.of("intents", ROWS)
SALT = LaplaceNoise(b"salt of a test")


def guard_of(ledger: Ledger, budget: int = 3, held_out: HeldOut = SET, salt=SALT) -> HoldoutGuard:
    return HoldoutGuard(held_out, budget, salt, ledger)


def overfit() -> float:
    """On train, of a model that is worth nothing on held-out rows."""
    return 0.9


def never() -> float:
    raise AssertionError("the held-out rows were looked at")


@pytest.mark.parametrize("seed", range(5))
def test_naive_reuse_believes_in_random_labels_and_the_guard_does_not(seed):
    samples = Samples(seed)
    fooled, honest = naive(samples, seed), guarded(samples, seed)
    assert fooled.reported > 0.56
    assert fooled.fresh < 0.53
    assert abs(honest.reported - honest.fresh) < 0.06


def test_an_overfit_is_answered_from_the_held_out_rows_and_costs_budget():
    guard = guard_of(Ledger())
    line = guard.answer("a", "subset a", overfit, lambda: 0.5)
    assert line.spent
    assert line.value == pytest.approx(0.5, abs=0.1)
    assert line.value != 0.5, "noise"
    assert guard.left == 2


def test_agreement_is_answered_by_the_train_estimate_and_costs_nothing():
    guard = guard_of(Ledger())
    line = guard.answer("a", "subset a", lambda: 0.801234, lambda: 0.8)
    assert (line.value, line.spent, guard.left) == (0.801234, False, 3)


def test_the_same_question_has_the_same_answer_and_is_not_evaluated_again():
    ledger = Ledger()
    first = guard_of(ledger).answer("a", "subset a", overfit, lambda: 0.5)
    assert guard_of(ledger).answer("a", "subset a", overfit, never) == first
    assert guard_of(Ledger()).answer("a", "subset a", overfit, lambda: 0.5) == first, (
        "the ledger was lost: the noise is not drawn anew, so it cannot be averaged away"
    )


def test_a_spent_budget_refuses_new_questions_with_what_to_do_and_answers_old_ones():
    ledger = Ledger()
    guard = guard_of(ledger, budget=2)
    old = [guard.answer(query, query, overfit, lambda: 0.5) for query in "ab"]
    with pytest.raises(SpentError) as refusal:
        guard.answer("c", "subset c", overfit, never)
    said = str(refusal.value)
    assert "intents" in said
    assert "budget of 2" in said
    assert "2 questions answered" in said
    assert "fresh rows" in said
    assert guard.answer("a", "a", overfit, never) == old[0]


def test_a_budget_never_grows():
    ledger = Ledger()
    guard_of(ledger, budget=2).answer("a", "a", overfit, lambda: 0.5)
    assert guard_of(ledger, budget=1).left == 0
    with pytest.raises(SettingsError, match="was fixed when it was first asked"):
        guard_of(ledger, budget=3)


def test_the_set_is_its_contents_whatever_name_and_order():
    assert HeldOut.of("renamed", reversed(ROWS)).digest == SET.digest
    assert HeldOut.of("intents", ROWS[1:]).digest != SET.digest


def test_few_rows_are_warned_of_with_the_gap_that_would_pass():
    assert SET.warning == ""
    assert "0.127" in HeldOut.of("x", ROWS[:999]).warning
    assert "100 rows" in HeldOut.of("x", ROWS[:100]).warning


def test_a_score_that_is_no_share_is_refused():
    with pytest.raises(WinnowError, match=r"must lie in \[0, 1\]"):
        guard_of(Ledger()).answer("a", "a", lambda: 31.5, lambda: 0.5)


def test_hoeffding_gives_the_published_half_width():
    assert hoeffding_half_width(10_000, 1_000) == pytest.approx(0.0230, abs=5e-5)


def test_the_noise_is_laplace_of_its_scale_and_depends_on_salt_and_question():
    drawn = np.array([SALT(0.5, str(place)) for place in range(20_000)])
    assert np.median(drawn) == pytest.approx(0, abs=0.02)
    assert drawn.std() == pytest.approx(0.5 * math.sqrt(2), rel=0.05)
    assert np.mean(abs(drawn) > 1.0) == pytest.approx(math.exp(-2), rel=0.1)
    assert SALT(0.5, "a") == SALT(0.5, "a") != LaplaceNoise(b"another")(0.5, "a")
    assert "salt" not in repr(SALT).replace("LaplaceNoise", "")


class TestLedgerOnDisk:
    @pytest.fixture
    def copies(self, tmp_path):
        return tmp_path / "guard" / "ledger.jsonl", tmp_path / "secret" / "ledger.jsonl"

    def spend(self, copies, *queries: str) -> int:
        with Ledger.held(*copies) as ledger:
            guard = guard_of(ledger)
            for query in queries:
                guard.answer(query, query, overfit, lambda: 0.5)
            return guard.left

    def test_both_copies_hold_the_answers_and_the_private_one_is_private(self, copies):
        assert self.spend(copies, "a", "b") == 1
        assert [line.query for line in read_lines(copies[0])] == ["a", "b"]
        assert copies[0].read_bytes() == copies[1].read_bytes()
        assert stat.S_IMODE(copies[1].stat().st_mode) == 0o600
        assert stat.S_IMODE(copies[1].parent.stat().st_mode) == 0o700

    def test_a_checkout_that_is_rolled_back_does_not_bring_budget_back(self, copies):
        self.spend(copies, "a")
        old = copies[0].read_bytes()
        self.spend(copies, "b", "c")
        copies[0].write_bytes(old)
        assert self.spend(copies) == 0
        assert len(read_lines(copies[0])) == 3, "the tracked copy is completed again"

    def test_on_another_machine_the_tracked_copy_counts(self, copies):
        self.spend(copies, "a", "b")
        copies[1].unlink()
        assert self.spend(copies) == 1

    def test_answers_of_two_branches_count_both(self, copies):
        self.spend(copies, "a")
        other = copies[0].read_bytes()
        copies[0].unlink()
        copies[1].unlink()
        self.spend(copies, "b")
        copies[0].write_bytes(other)
        assert self.spend(copies) == 1

    def test_an_answer_is_on_disk_before_it_is_seen(self, copies):
        with Ledger.held(*copies) as ledger:
            guard_of(ledger).answer("a", "a", overfit, lambda: 0.5)
            assert [line.query for line in read_lines(copies[1])] == ["a"]

    def test_a_line_that_was_cut_by_a_kill_was_never_answered(self, copies):
        self.spend(copies, "a")
        copies[1].write_bytes(copies[1].read_bytes() + b'{"held_out": "12')
        assert self.spend(copies, "b") == 1

    def test_a_damaged_line_is_named(self, copies):
        self.spend(copies, "a", "b")
        lines = copies[0].read_text().splitlines()
        copies[0].write_text(f"{lines[0]}\n{json.dumps({'held_out': 1})}\n")
        with pytest.raises(ContractError, match=r"ledger.jsonl, line 2"):
            self.spend(copies)


class TestConfirmedChoice:
    SCORES = {"uniform": 0.70, "knee": 0.62, "next": 0.69, "last": 0.90}  # noqa: RUF012

    def test_the_first_that_holds_up_is_taken_and_no_more_are_asked(self):
        found = confirmed(["knee", "next", "last"], "uniform", self.SCORES.__getitem__, 0.02)
        assert found.choice == "next"
        assert found.answers == ((None, 0.70), ("knee", 0.62), ("next", 0.69))

    def test_where_none_holds_up_the_wanted_one_stays_and_that_is_said(self):
        found = confirmed(["knee"], "uniform", self.SCORES.__getitem__, 0.02)
        assert found.choice == "knee"
        assert "not confirmed" in found.words

    def test_a_spent_guard_leaves_the_wanted_one_unconfirmed(self):
        guard = guard_of(Ledger(), budget=1)

        def ask(choice: str) -> float:
            return guard.answer(choice, choice, overfit, lambda: 0.5).value

        found = confirmed(["knee", "next"], "uniform", ask, 0.02)
        assert found.choice == "knee"
        assert len(found.answers) == 1
        assert "budget of 1 is spent" in found.words
