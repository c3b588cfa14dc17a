"""Gopher's repetition shares, by hand at their limits and against brute force."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.scorers.repetition import DUPLICATE, LIMITS, TOP, Repetition


def one(text: str) -> dict[str, float]:
    return {name: float(values[0]) for name, values in Repetition()([text]).columns.items()}


def covered(words: list[str], starts: list[int], n: int) -> int:
    places = {start + step for start in starts for step in range(n)}
    return sum(len(words[place]) for place in places)


def brute_force(text: str, n: int) -> tuple[float, float]:
    """Shares of characters in the top repeated n-gram and in all repeated n-grams."""
    words = text.split()
    grams = [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]
    counts = Counter(grams)
    repeated = [start for start, gram in enumerate(grams) if counts[gram] > 1]
    if not repeated:
        return 0.0, 0.0
    best = max(repeated, key=lambda s: (counts[grams[s]], sum(map(len, grams[s])), -s))
    top = [start for start, gram in enumerate(grams) if gram == grams[best]]
    total = sum(map(len, words))
    return covered(words, top, n) / total, covered(words, repeated, n) / total


texts = st.lists(
    st.lists(st.sampled_from(["a", "bb", "ccc", "é"]), min_size=1, max_size=40).map(" ".join),
    min_size=1,
    max_size=5,
)


@given(texts)
def test_ngram_shares_equal_those_of_a_counter(pool: list[str]) -> None:
    found = Repetition()(pool).columns
    for row, text in enumerate(pool):
        for n in TOP:
            share = brute_force(text, n)[0]
            assert found[f"top_{n}gram_characters"][row] == pytest.approx(share, abs=1e-12)
        for n in DUPLICATE:
            share = brute_force(text, n)[1]
            assert found[f"duplicate_{n}gram_characters"][row] == pytest.approx(share, abs=1e-12)


@given(st.lists(st.sampled_from(["a", "bb", " ", "", "a b"]), min_size=1, max_size=20))
def test_line_and_paragraph_shares_equal_those_of_a_set(drawn: list[str]) -> None:
    text = "\n".join(drawn)
    lines = [line for line in drawn if line.strip()]
    blocks = [["\n".join(part)] for part in _blocks(drawn)]
    for name, pieces in (("line", lines), ("paragraph", [block[0] for block in blocks])):
        again = [piece for place, piece in enumerate(pieces) if piece in pieces[:place]]
        found = one(text)
        if not pieces:
            assert np.isnan(found[f"duplicate_{name}s"])
            continue
        assert found[f"duplicate_{name}s"] == pytest.approx(len(again) / len(pieces))
        characters = sum(map(len, again)) / sum(map(len, pieces))
        assert found[f"duplicate_{name}_characters"] == pytest.approx(characters)


def _blocks(drawn: list[str]) -> list[list[str]]:
    blocks: list[list[str]] = [[]]
    for line in drawn:
        if line.strip():
            blocks[-1].append(line)
        else:
            blocks.append([])
    return [block for block in blocks if block]


def phrase_text(n: int, characters: int, total: int) -> str:
    """A phrase of n distinct words said twice, filled up by two other words."""
    words = [chr(ord("a") + place) for place in range(n)]
    words[-1] += "z" * (characters - n)
    phrase, rest = " ".join(words), total - 2 * characters
    return f"{phrase} {'X' * (rest // 2)} {phrase} {'Y' * (rest - rest // 2)}"


NGRAMS = [(f"top_{n}gram_characters", n, limit) for n, limit in TOP.items()] + [
    (f"duplicate_{n}gram_characters", n, limit) for n, limit in DUPLICATE.items()
]


@pytest.mark.parametrize(("column", "n", "limit"), NGRAMS)
def test_an_ngram_share_passes_at_its_limit_and_fails_just_beyond(
    column: str, n: int, limit: float
) -> None:
    at = one(phrase_text(n, round(limit * 100), 200))
    beyond = one(phrase_text(n, round(limit * 100), 199))
    assert at[column] == pytest.approx(limit)
    assert at["repetition_free"] == 1.0
    assert beyond[column] > limit
    assert beyond["repetition_free"] == pytest.approx(12 / 13)


@pytest.mark.parametrize(("gap", "name"), [("\n", "line"), ("\n\n", "paragraph")])
def test_repeated_pieces_pass_at_their_limits_and_fail_just_beyond(gap: str, name: str) -> None:
    pieces = [*"abcde", "P" * 50, "Q" * 50]
    at = one(gap.join([*pieces, *"ace"]))
    beyond = one(gap.join([*pieces, *"aceb"]))
    assert at[f"duplicate_{name}s"] == pytest.approx(0.3)
    assert at["repetition_free"] == 1.0
    assert beyond[f"duplicate_{name}s"] == pytest.approx(4 / 11)
    assert beyond["repetition_free"] < 1.0
    assert LIMITS[f"duplicate_{name}s"] == 0.3
    heavy_at, heavy = (one(gap.join(["bb", "cc" * 2, "d" * filler, "bb"])) for filler in (2, 1))
    assert heavy_at[f"duplicate_{name}_characters"] == pytest.approx(0.2)
    assert heavy_at["repetition_free"] == 1.0
    assert heavy[f"duplicate_{name}_characters"] == pytest.approx(2 / 9)
    assert heavy["repetition_free"] < 1.0


def test_a_sentence_said_fifty_times_fails() -> None:
    sentence = "The quick brown fox jumps over the lazy dog near the river."
    found = one("\n".join([sentence] * 50))
    assert found["duplicate_lines"] == pytest.approx(0.98)
    assert all(found[f"duplicate_{n}gram_characters"] == 1.0 for n in DUPLICATE)
    assert found["repetition_free"] < 0.4
    assert one(sentence)["repetition_free"] == 1.0


def test_overlapping_repeats_count_each_character_once() -> None:
    assert one("a a a a")["top_2gram_characters"] == 1.0
    assert one("b a a a")["top_2gram_characters"] == 0.75


def test_blank_texts_have_no_shares() -> None:
    found = Repetition()(["", "  \n"]).columns
    assert all(np.isnan(values).all() for values in found.values())


def test_an_ngram_never_runs_over_the_end_of_a_text() -> None:
    apart = Repetition()(["a b", "a b", "a b"]).columns
    assert not np.any([apart[f"top_{n}gram_characters"] for n in TOP])
