"""Consumers of texts and of ratings: more of the right text helps, and equal input gives equal."""

from dataclasses import replace

import numpy as np
import pytest

from tasks.proving.answers import answer
from tasks.proving.consumers import CONSUMERS, RowConsumer
from tasks.proving.consumers.ngram_perplexity import NgramPerplexity
from tasks.proving.consumers.rating_ridge import RatingRidgeNgrams, RatingRidgeVectors
from tasks.proving.consumers.small_transformer import SmallTransformer
from tasks.proving.task import Task
from tasks.proving.text_bytes import within

WORDS = ("the", "cat", "sat", "on", "a", "mat", "while", "rain", "fell", "over", "hills")
TINY = SmallTransformer(
    train_bytes=6_000, test_bytes=2_000, width=16, layers=1, heads=2, window=32, batch_windows=4
)
ROWS, TRAIN = 80, 60


@pytest.fixture
def task() -> Task:
    """Eighty rows: rows of even index are prose, odd ones digits; the test rows are prose.

    Ratings go with the first coordinate, and with the count of the word `good`.
    """
    random = np.random.default_rng(0)
    ratings = random.normal(size=ROWS)
    texts = [
        " ".join(random.choice(WORDS, 12)) if row % 2 == 0 or row >= TRAIN
        else "".join(map(str, random.integers(0, 9, 60)))
        for row in range(ROWS)
    ]  # fmt: skip
    texts = [text + " good" * max(0, round(3 * r)) for text, r in zip(texts, ratings, strict=True)]
    vectors = np.column_stack([ratings, random.normal(size=(ROWS, 3))]).astype("f4")
    return Task(
        name="mixed",
        ids=tuple(f"{row:03}" for row in range(ROWS)),
        texts=tuple(texts),
        vectors=vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
        tokens=np.ones(ROWS, dtype=np.int64),
        labels=None,
        ratings=ratings,
        train=np.arange(TRAIN),
        test=np.arange(TRAIN, ROWS),
    )


PROSE, DIGITS = np.arange(0, TRAIN, 2), np.arange(1, TRAIN, 2)
TEXT_CONSUMERS = [NgramPerplexity(), TINY]
ALL = [*TEXT_CONSUMERS, RatingRidgeNgrams(), RatingRidgeVectors()]


@pytest.mark.parametrize("consumer", TEXT_CONSUMERS, ids=lambda one: type(one).__name__)
def test_a_subset_like_the_held_out_texts_costs_fewer_bits_than_one_unlike_them(consumer, task):
    like, unlike = (consumer(task, [rows] * 2, 0) for rows in (PROSE, DIGITS))
    assert like < unlike - 0.5
    assert 0 < like < 8


def test_the_byte_model_learns_each_row_once_and_rs2_all_it_drew(task):
    model = NgramPerplexity()
    assert model(task, [PROSE] * 3, 0) == model(task, [PROSE], 1)
    assert model(task, [PROSE[:10], PROSE[10:]], 0) == model(task, [PROSE], 0)


@pytest.mark.parametrize("consumer", [RatingRidgeNgrams(), RatingRidgeVectors()], ids=str)
def test_a_ridge_ranks_the_held_out_ratings_and_shuffled_ratings_teach_it_nothing(consumer, task):
    honest = consumer(task, [task.train], 0)
    shuffled = task.ratings.copy()
    shuffled[:TRAIN] = np.random.default_rng(1).permutation(shuffled[:TRAIN])
    assert honest > 0.6
    assert consumer(replace(task, ratings=shuffled), [task.train], 0) < honest - 0.3


def test_constant_ratings_have_no_rank_correlation(task):
    flat = replace(task, ratings=np.ones(ROWS))
    assert RatingRidgeVectors()(flat, [task.train], 0) == 0.0


@pytest.mark.parametrize("consumer", ALL, ids=lambda one: type(one).__name__)
def test_equal_input_gives_an_equal_score_and_the_score_is_that_of_all_answers(consumer, task):
    values = consumer.answers(task, [PROSE, PROSE], 3)
    assert isinstance(consumer, RowConsumer)
    assert consumer(task, [PROSE, PROSE], 3) == consumer.score(task, values, task.test)
    assert np.array_equal(values, consumer.answers(task, [PROSE, PROSE], 3), equal_nan=True)
    assert values.shape == task.test.shape


def test_another_seed_trains_another_transformer(task):
    assert TINY(task, [PROSE], 1) != TINY(task, [PROSE], 2)


def test_rows_beyond_the_bytes_to_be_asked_are_left_out_of_the_score_for_every_subset(task):
    few = NgramPerplexity(test_bytes=200)
    asked = within(task, 200)
    assert 1 <= len(asked) < len(task.test)
    values = few.answers(task, [PROSE], 0)
    assert np.flatnonzero(~np.isnan(values)).tolist() == asked.tolist()
    whole = NgramPerplexity().answers(task, [PROSE], 0)
    assert values[asked] == pytest.approx(whole[asked])


def test_the_engine_answers_with_every_registered_consumer_of_texts(task):
    found = answer(CONSUMERS["ngram_perplexity"](), task, [PROSE], 0)
    assert len(found.without_block) > 1
    assert all(0 < value < 8 for value in found.without_block)
