"""Weighing sources: worked examples of each number, and the rule on planted cases."""

from dataclasses import replace

import numpy as np
import pytest

from tasks.metrics.rows import blocks_of
from tasks.sourcing.copies import near_copies
from tasks.sourcing.discrepancy import mean_discrepancy
from tasks.sourcing.domain import FOLDS, auc, tell_apart
from tasks.sourcing.drawing import priority, smallest
from tasks.sourcing.findings import Findings
from tasks.sourcing.gain import Added, Gain, coverage_gain
from tasks.sourcing.mixture import proportion
from tasks.sourcing.quality import quality_rank
from tasks.sourcing.verdict import judge
from tasks.sourcing.vocabulary import Vocabulary, vocabulary


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def folds(rows: int) -> np.ndarray:
    return np.arange(rows) % FOLDS


class TestMixtureProportion:
    def test_of_three_values_it_is_the_smallest_ratio_of_shares(self):
        of_h = np.repeat([1.0, 2.0], [50_000, 50_000])
        of_f = np.repeat([1.0, 2.0, 0.0], [30_000, 30_000, 40_000])
        assert proportion(of_f, of_h) == pytest.approx(0.6, abs=1e-9)

    def test_of_two_normals_it_is_near_the_true_share(self):
        found = []
        for seed in range(20):
            random = np.random.default_rng(seed)
            of_h = random.standard_normal(4000)
            mixed = np.where(random.random(4000) < 0.6, 0.0, -4.0) + random.standard_normal(4000)
            found.append(proportion(mixed, of_h))
        assert np.mean(found) == pytest.approx(0.614, abs=0.02)
        assert min(found) > 0.55

    def test_equal_samples_have_it_near_1_and_separate_ones_0(self):
        scores = np.arange(1000.0)
        assert proportion(scores, scores) == 1.0
        assert proportion(scores - 5000, scores) == 0.0


class TestDomain:
    def test_samples_of_one_distribution_cannot_be_told_apart(self):
        random = np.random.default_rng(0)
        a, b = unit(random.standard_normal((600, 16))), unit(random.standard_normal((600, 16)))
        found = tell_apart(a, b, folds(600), folds(600))
        assert abs(found.auc - 0.5) < 0.03
        assert found.low < 0.5 < found.high
        assert found.a_distance < 0.2

    def test_separate_samples_are_told_apart_and_a_copy_never_is(self):
        random = np.random.default_rng(0)
        a = unit(random.standard_normal((300, 16)))
        far = unit(random.standard_normal((300, 16)) + 3)
        assert tell_apart(a, far, folds(300), folds(300)).auc > 0.99
        same = tell_apart(a, a, folds(300), folds(300))
        assert same.auc == pytest.approx(0.5)
        assert same.a_distance == 0

    def test_the_interval_covers_the_true_chance(self):
        truth, random = 0.7602499, np.random.default_rng(1)  # Phi(1 / sqrt 2)
        hits = 0
        for _ in range(200):
            _, low, high = auc(random.standard_normal(80) + 1, random.standard_normal(80))
            hits += low <= truth <= high
        assert hits >= 182  # 95 % of 200 less two and a half standard errors


class TestDiscrepancy:
    def test_a_copy_has_none_and_chance_alone_a_large_p(self):
        random = np.random.default_rng(0)
        a, b = unit(random.standard_normal((300, 8))), unit(random.standard_normal((300, 8)))
        assert mean_discrepancy(a, a, 0) == (0.0, 1.0)
        assert mean_discrepancy(a, b, 0)[1] > 0.05

    def test_a_shift_gets_the_smallest_p_there_is(self):
        random = np.random.default_rng(0)
        a, b = unit(random.standard_normal((300, 8))), unit(random.standard_normal((300, 8)) + 0.5)
        value, p = mean_discrepancy(a, b, 0)
        assert value > 0.01
        assert p == pytest.approx(1 / 201)

    def test_p_is_uniform_where_nothing_differs(self):
        random = np.random.default_rng(3)
        found = [
            mean_discrepancy(*unit(random.standard_normal((80, 4))).reshape(2, 40, 4), seed)[1]
            for seed in range(100)
        ]
        assert np.mean(np.array(found) < 0.05) <= 0.11
        assert 0.4 < np.mean(found) < 0.6


class TestVocabulary:
    def test_it_counts_tokens_that_the_other_lacks(self):
        found = vocabulary(["a b x y"], ["a b c", "a b d"])
        assert (found.unseen, found.home_unseen) == (0.5, pytest.approx(1 / 3))

    def test_the_same_words_have_no_divergence_and_other_words_one_bit(self):
        assert vocabulary(["a b"], ["b a", "a b"]).divergence == 0
        assert vocabulary(["x y"], ["b a", "a b"]).divergence == pytest.approx(1)


class TestGain:
    target = unit(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]]))

    def added(self, rows: list[list[float]], counts: bool = True) -> Added:
        vectors = unit(np.array(rows))
        here = np.arange(len(rows)) % 20
        return Added(vectors, here, np.full(len(rows), counts))

    def test_it_is_the_mean_rise_of_the_largest_cosine(self):
        block, covered = np.array([0, 1, 2]), np.array([1.0, 0.5, 0.5])
        new, known = self.added([[0, 1, 0], [0, 0, 1]]), self.added([[1, 0, 0], [1, 0, 0]])
        found = coverage_gain(self.target, block, covered, new, known)
        assert (found.rows, found.source, found.random) == (2, pytest.approx(1 / 3), 0.0)
        assert found.ratio is None
        assert found.difference == found.source

    def test_rows_that_are_known_add_nothing(self):
        block, covered = np.array([0, 1, 2]), np.zeros(3)
        copies = self.added([[0, 1, 0], [0, 0, 1]], counts=False)
        found = coverage_gain(self.target, block, covered, copies, self.added([[1, 0, 0]]))
        assert (found.rows, found.source, found.random) == (1, 0.0, pytest.approx(1 / 3))

    def test_rows_of_the_pool_itself_gain_what_random_rows_gain(self):
        random = np.random.default_rng(0)
        rows = unit(random.standard_normal((900, 6)))
        names = blocks_of([str(row) for row in range(900)])
        target, base = rows[:300], rows[300:500]
        covered = (target @ base.T).max(axis=1)
        parts = [Added(rows[at : at + 200], names[at : at + 200], np.ones(200, bool))
                 for at in (500, 700)]  # fmt: skip
        found = coverage_gain(target, names[:300], covered, *parts)
        assert found.low < 0 < found.high
        assert found.p > 0.05
        assert found.ratio == pytest.approx(1, abs=0.15)


def test_the_sample_does_not_depend_on_the_order_of_rows_and_takes_a_content_once():
    rows = [(f"key{n % 70}", f"text{n % 70}") for n in range(200)]
    keys, texts = smallest(rows, 20, seed=0)
    again = smallest(rows[::-1], 20, seed=0)
    assert (keys, texts) == again
    assert keys == sorted({key for key, _ in rows}, key=lambda key: priority(0, key))[:20]
    assert texts == [key.replace("key", "text") for key in keys]
    assert smallest(rows, 20, seed=1) != again


def test_copies_are_found_by_their_words():
    text = "one two three four five six seven eight nine ten"
    found = near_copies([text, text.upper(), "other words"], [text, text, text], 5, 0.7)
    assert found.tolist() == [True, True, False]


def test_disordered_text_is_poor_and_a_new_subject_is_not():
    random = np.random.default_rng(0)
    town, farm = (["streets", "houses", "trams", "windows", "people"],
                  ["fields", "cows", "barns", "apples", "farmers"])  # fmt: skip

    def told(things: list[str]) -> str:
        said = [f"The {a} that are near the {b} have been there with all of the {c}."
                for a, b, c in random.choice(things, (8, 3))]  # fmt: skip
        return " ".join(said)

    pool, new = [told(town) for _ in range(120)], [told(farm) for _ in range(120)]
    noise = ["".join(random.permutation(list(text))) for text in new]
    weights = {"repetition_free": 1.0, "rules_passed": 1.0, "typicality": 1.0}
    assert quality_rank(new, pool, weights)[2] > 0.25
    assert quality_rank(noise, pool, weights)[2] < 0.25


WORDS = Vocabulary(0.1, 0.1, 0.1, 0.1)
GAIN = Gain(500, 0.01, 0.01, 0.0, -0.001, 0.001, 0.9)
FOUND = Findings(
    "new", "candidate", 1000, 500, 1000, 0, 500, 0.5, 0.4, 0.6, 0.0, 0.001, 0.4, 0.4, WORDS, GAIN,
    0.9, 0.1, 0.0, 0.5, 0.4, 0.6, 1.0, 0.5, 0.0,
)  # fmt: skip
MORE = {"gain": replace(GAIN, source=0.02, difference=0.01), "gain_p_holm": 0.001}
LESS = {"gain": replace(GAIN, source=0.001, difference=-0.009), "gain_p_holm": 0.001}


@pytest.mark.parametrize(
    ("change", "with_target", "word", "take"),
    [
        ({"sampled": 99}, False, "too few rows to call", 0),
        ({"target_rows": 99}, False, "too few rows to call", 0),
        ({"gain": None}, False, "too few rows to call", 0),
        ({"known_share": 0.95}, False, "leave out", 0),
        ({"quality_high": 0.2}, False, "add", 1000),
        ({}, False, "add", 1000),
        ({"known_share": 0.5}, False, "add", 500),
        (MORE, False, "add", 1000),
        (MORE | {"of_target": 0.2}, True, "add", 500),  # a fifth of 2,500
        (MORE | {"of_target": 0.3, "of_pool": 0.1}, True, "add", 571),  # 200 + 571 of 2,571
        ({"of_target": 0.2, "of_pool": 0.3}, True, "add a little", 200),
        (LESS, False, "add a little", 200),
        (LESS | {"quality_high": 0.2}, False, "leave out", 0),
        (LESS, True, "leave out", 0),
        ({"gain": replace(GAIN, source=0.005)}, True, "add a little", 200),
    ],
)
def test_the_rule_decides_by_its_first_clause_that_holds(change, with_target, word, take):
    verdict = judge(replace(FOUND, **change), 2000, with_target)
    assert (verdict.word, verdict.take) == (word, take)
    assert verdict.why
