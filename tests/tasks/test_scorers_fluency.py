"""The trigram model against a dictionary, and what its perplexity is for."""

import gzip
import json
import math
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import SettingsError
from tasks.scorers.fluency import Fluency
from tasks.scorers.trigrams import Events, Trigrams

BITS = 16
DEMO = Path(__file__).parents[2] / "data" / "demo" / "open_docs.jsonl.gz"
WEIGHTS = (0.8, 0.6, 0.5)


def tokens(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", text.lower())


class Dictionary:
    """The model of the docstring, n-gram by n-gram."""

    def __init__(self, texts: list[str]) -> None:
        self.counts: Counter[tuple[str, ...]] = Counter()
        for text in texts:
            self.counts.update(self.events(text))
        self.vocabulary = sum(len(gram) == 1 for gram in self.counts)

    def events(self, text: str) -> list[tuple[str, ...]]:
        """The 1-, 2- and 3-gram of every event, and each one's context under "|"."""
        if not tokens(text):
            return []
        run = ["<s>", "<s>", *tokens(text), "</s>"]
        grams = []
        for place in range(2, len(run)):
            u, v, w = run[place - 2 : place + 1]
            grams += [(w,), (v, w), (u, v, w), ("|", "any"), ("|", "1", v), ("|", "2", u, v)]
        return grams

    def perplexity(self, text: str, leave_out: bool) -> float:
        own = Counter(self.events(text)) if leave_out else Counter()
        left = {gram: count - own[gram] for gram, count in self.counts.items()}
        grams, total = self.events(text), 0.0
        for place in range(0, len(grams), 6):
            chance = 1 / (self.vocabulary + 1)
            for order, weight in enumerate(WEIGHTS):
                context = left.get(grams[place + 3 + order], 0)
                if context:
                    share = left.get(grams[place + order], 0) / context
                    chance = weight * share + (1 - weight) * chance
            total -= math.log(chance)
        return total / (len(grams) // 6) if grams else math.nan


texts = st.lists(
    st.lists(st.sampled_from(["the", "cat", "Sat", "on.", "THE"]), max_size=8).map(" ".join),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60)
@given(texts)
def test_perplexity_learnt_from_the_pool_is_that_of_a_dictionary_without_the_row(
    pool: list[str],
) -> None:
    found = Fluency(BITS)(pool).columns["log_perplexity"]
    model = Dictionary(pool)
    np.testing.assert_allclose(found, [model.perplexity(text, True) for text in pool], atol=1e-12)


@settings(max_examples=60)
@given(texts, texts)
def test_perplexity_learnt_from_a_reference_is_that_of_a_dictionary(
    pool: list[str], reference: list[str]
) -> None:
    found = Fluency(BITS).fit([], [reference])(pool).columns["log_perplexity"]
    model = Dictionary(reference)
    np.testing.assert_allclose(found, [model.perplexity(text, False) for text in pool], atol=1e-12)


@pytest.mark.parametrize("context", ["the", "the cat", "cat the", "sat zebra", "zebra the"])
def test_probabilities_sum_to_one_over_the_vocabulary_and_the_unknown(context: str) -> None:
    reference = ["the cat sat", "the cat ran on the mat", "a cat", "the", "cat the cat the end"]
    model = Trigrams.learn([reference], BITS)
    known = sorted({token for text in reference for token in tokens(text)})
    assert model.vocabulary == len(known) + 1
    followed = Events.of([f"{context} {word}" for word in [*known, "unknown"]])
    ended = Events.of([context])
    chances = model.probabilities(followed, WEIGHTS, leave_out=False)
    last_words = np.flatnonzero(np.append(followed.first[1:], True)) - 1  # before each end mark
    end = model.probabilities(ended, WEIGHTS, leave_out=False)[-1]
    assert chances[last_words].sum() + end == pytest.approx(1.0, abs=1e-12)


def demo_texts() -> list[str]:
    with gzip.open(DEMO, "rt", encoding="utf-8") as file:
        return [json.loads(line)["text"] for line in file]


def test_shuffled_words_are_harder_to_predict_than_the_text_itself() -> None:
    pool = demo_texts()
    chosen = [text for text in pool[::30] if len(text.split()) >= 20]
    rng = np.random.default_rng(0)
    shuffled = [" ".join(rng.permutation(text.split())) for text in chosen]
    fitted = Fluency(20).fit([], [[text for text in pool if text not in set(chosen)]])
    straight = fitted(chosen).columns["log_perplexity"]
    crooked = fitted(shuffled).columns["log_perplexity"]
    assert len(chosen) >= 30
    assert (crooked > straight).all()


def test_repetition_is_easy_to_predict_and_therefore_not_typical() -> None:
    pool = [*demo_texts()[::5], "the same " * 400, "the same " * 401]
    found = Fluency(20)(pool).columns
    assert found["log_perplexity"][-1] < np.percentile(found["log_perplexity"], 2)
    assert found["typicality"][-1] < np.percentile(found["typicality"], 5)


def test_a_text_does_not_predict_itself() -> None:
    pool = ["one two three four", "five six seven eight", "nine ten eleven twelve"]
    alone = Fluency(BITS)(pool).columns["log_perplexity"]
    seen = Fluency(BITS).fit([], [pool])(pool).columns["log_perplexity"]
    assert (alone > seen + 1).all()


def test_typicality_is_minus_the_distance_to_the_median_and_skips_blank_rows() -> None:
    found = Fluency(BITS)(["a b", "a b c d", "x y z", " ", "a b c"]).columns
    present = np.delete(found["log_perplexity"], 3)
    assert np.isnan(found["log_perplexity"][3])
    assert np.isnan(found["typicality"][3])
    expected = [-abs(value - float(np.median(present))) for value in present]
    np.testing.assert_allclose(np.delete(found["typicality"], 3), expected)


def test_counts_too_many_for_the_tables_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    crowd = [" ".join(str(number) for number in range(400))]
    with caplog.at_level("WARNING", logger="winnow"):
        found = Fluency(8)(crowd).columns["log_perplexity"]
    assert "full" in caplog.text
    assert np.isfinite(found).all()


@pytest.mark.parametrize("wrong", [{"table_bits": 31}, {"bigram_weight": 1.0}])
def test_settings_out_of_bounds_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="fluency"):
        Fluency(**wrong)  # type: ignore[arg-type]
