"""The byte model: a true distribution, and the numbers of a model worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.proving.byte_ngrams import ByteNgrams, n_grams


def test_a_unigram_model_by_hand():
    # a a end | b end: c(a) = 2, c(b) = 1, c(end) = 2, N = 5, T = 3.
    model = ByteNgrams.learn(["aa", "b"], 1)
    chance = 2.0 ** -model.bits(["a"])
    assert chance == pytest.approx([(2 + 3 / 256) / 8, (2 + 3 / 256) / 8])


def test_a_bigram_falls_back_to_the_unigram_where_the_context_was_never_met():
    model = ByteNgrams.learn(["ab"], 2)
    first, after_c, _ = 2.0 ** -model.bits(["cb"])
    one = (1 + 3 / 256) / 6  # c(b) = 1 of 3 events, 3 different ones
    assert after_c == pytest.approx(one)
    assert first == pytest.approx((0 + 1 * (0 + 3 / 256) / 6) / (1 + 1))  # the start led to a alone


@given(st.lists(st.text(max_size=6), min_size=1, max_size=5), st.text(max_size=3))
def test_the_chances_of_all_bytes_after_any_context_add_up_to_one(texts, before):
    model = ByteNgrams.learn(texts, 4)
    every_byte = np.arange(256, dtype=np.uint64)
    ends = [grams[-1] | every_byte for grams in n_grams([before], 4)]  # the end is the byte 0
    assert model.chances(ends).sum() == pytest.approx(1.0)


def test_what_was_learnt_is_less_surprising_and_nothing_learnt_costs_eight_bits():
    texts = ["the cat sat on the mat", "the dog sat on the log"]
    model = ByteNgrams.learn(texts, 5)
    assert model.bits(texts).mean() < model.bits(["zq#1 Xw!"]).mean() / 2
    assert ByteNgrams.learn([], 3).bits(["ab"]) == pytest.approx([8.0] * 3)
    assert len(model.bits([])) == 0


def test_the_order_of_texts_does_not_matter_and_a_text_does_not_reach_into_the_next():
    texts = ["alpha", "beta", "gamma"]
    one, other = ByteNgrams.learn(texts, 4), ByteNgrams.learn(texts[::-1], 4)
    assert one.bits(["alphabet"]).tolist() == other.bits(["alphabet"]).tolist()
    alone = one.bits(["beta"])
    assert one.bits(["alpha", "beta"])[-len(alone) :].tolist() == alone.tolist()
