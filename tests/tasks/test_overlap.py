"""N-grams shared with evaluation items: held against a search by hand, and hostile texts."""

import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import overlap
from tasks.overlap import HashSet, ItemNgrams

WORDS = st.sampled_from(["a", "B", "c", "d", "É", "x1"])
TEXTS = st.lists(
    st.builds(lambda words, glue: glue.join(words), st.lists(WORDS, max_size=9),
              st.sampled_from([" ", ", ", "\n", " <b> "])),
    max_size=6,
)  # fmt: skip


def find(rows: list[str], items: list[str], size: int, least: int, share: float) -> pl.DataFrame:
    ngrams = ItemNgrams.of(pl.Series(items, dtype=pl.String), size, least)
    return ngrams.overlaps(pl.Series(rows, dtype=pl.String), share)


def by_hand(rows: list[str], items: list[str], size: int, least: int, share: float) -> list[dict]:
    """The same by comparing every n-gram of every row with those of every item, as word lists."""

    def cut(text: str) -> list[str]:
        return re.findall(r"\w+", text.lower())

    def grams(words: list[str], length: int) -> list[tuple[str, ...]]:
        return [tuple(words[i : i + length]) for i in range(len(words) - length + 1)]

    found = []
    for row, text in enumerate(rows):
        best, count = None, 0
        for number, item in enumerate(items):
            words = cut(item)
            length = size if len(words) >= size else len(words) if len(words) >= least else 0
            own = set(grams(words, length)) if length else set()
            held = [gram for gram in grams(cut(text), length) if gram in own] if length else []
            if not held or len(set(held)) / len(own) < share:
                continue
            count += 1
            key = (-len(set(held)) / len(own), -len(set(held)), number)
            if best is None or key < best[0]:
                best = (key, len(own), " ".join(held[0]))
        if best:
            key, total, first = best
            found.append({"row": row, "item": key[2], "shared_ngrams": -key[1],
                          "item_ngrams": total, "share": -key[0], "items": count,
                          "matched": first})  # fmt: skip
    return found


@settings(max_examples=60, deadline=None)
@given(TEXTS, TEXTS, st.integers(1, 4), st.integers(1, 4), st.sampled_from([0.0, 0.4, 1.0]))
def test_it_finds_what_a_comparison_of_all_pairs_finds(rows, items, size, least, share):
    found = find(rows, items, size, least, share)
    assert found.to_dicts() == by_hand(rows, items, size, least, share)


@settings(max_examples=20, deadline=None)
@given(TEXTS, TEXTS, st.randoms())
def test_neither_the_order_of_rows_nor_what_stands_beside_them_shows(rows, items, chance):
    whole = find(rows, items, 2, 1, 0.0).to_dicts()
    order = list(range(len(rows)))
    chance.shuffle(order)
    turned = find([rows[i] for i in order], items, 2, 1, 0.0).with_columns(
        row=pl.col("row").replace_strict(dict(enumerate(order)), default=-1, return_dtype=pl.Int64)
    )
    alone = [
        {**line, "row": row} for row in range(len(rows))
        for line in find([rows[row]], items, 2, 1, 0.0).to_dicts()
    ]  # fmt: skip
    assert turned.sort("row").to_dicts() == whole == alone


ITEM = "Which planet of the solar system has the largest number of known moons today?"


@pytest.mark.parametrize(
    "row",
    [
        ITEM,
        ITEM.upper().replace("?", " !!"),
        "“" + ITEM.replace(" ", " — ") + "”",
        f"Answer briefly.\n\n{ITEM}\n\nSaturn.",
        f"<p>{ITEM}</p>",
    ],
)
def test_case_punctuation_and_a_longer_row_do_not_hide_an_item(row):
    told = find([row], [ITEM], 13, 8, 0.0)
    assert told["share"].to_list() == [1.0]
    assert told["matched"][0].startswith("which planet of the solar system has the largest")


def test_other_words_between_the_words_hide_an_item_and_markup_is_words():
    assert find([ITEM.replace(" ", "</p><p>")], [ITEM], 13, 8, 0.0).is_empty()


def test_an_item_shorter_than_an_n_gram_is_matched_whole_from_the_least_words_on():
    items = ["one two three four five six seven eight", "one two three"]
    rows = ["zero One two three, four five six seven eight nine", "one two three four five six",
            "one two three"]  # fmt: skip
    assert find(rows, items, 13, 8, 0.0).select("row", "item", "share").rows() == [(0, 0, 1.0)]
    assert find(rows, items, 13, 3, 0.0).select("row", "item").rows() == [(0, 0), (1, 1), (2, 1)]


def test_a_share_lets_rows_pass_that_hold_less_of_an_item():
    words = [f"w{i}" for i in range(23)]  # 11 n-grams of 13 words
    rows = [" ".join(words[:13]), " ".join(words[:18]), " ".join(words)]
    item = [" ".join(words)]
    assert find(rows, item, 13, 8, 0.0)["shared_ngrams"].to_list() == [1, 6, 11]
    assert find(rows, item, 13, 8, 0.5)["row"].to_list() == [1, 2]


def test_hostile_texts_are_texts():
    items = ["", " \n", "!!!", "<script>alert(1)</script> " * 3, "x" * 1_000_000, "я" * 50,
             " ".join(str(i % 97) for i in range(200_000))]  # fmt: skip
    found = find([*items, "nothing of this"], items, 5, 3, 0.0)
    assert found.select("row", "item").rows() == [(3, 3), (6, 6)]
    assert found["matched"].to_list() == ["script alert 1 script script", "0 1 2 3 4"]
    long = find(["y" * 300], ["y" * 300], 1, 1, 0.0)["matched"][0]
    assert len(long) == overlap.MATCHED_CHARS
    assert long.endswith("…")


def test_one_n_gram_in_every_item_and_every_row_stays_within_blocks(monkeypatch):
    monkeypatch.setattr(overlap, "BLOCK_ROWS", 7)
    header = "read the text and answer the question"
    items = [f"{header} number {i}" for i in range(40)]
    rows = [f"{header} of row {i}" for i in range(30)] + [items[11]]
    found = find(rows, items, 5, 5, 0.0)
    assert found["items"].to_list() == [40] * 31
    assert found["item"].to_list() == [0] * 30 + [11]


def test_equal_hashes_of_other_words_are_no_match(monkeypatch):
    """With every word's code alike all n-grams of one length collide; the words decide."""
    from tasks.engine.words import Pieces

    monkeypatch.setattr(Pieces, "codes", lambda self: np.ones(len(self.row), dtype=np.uint64))
    found = find(["a b c", "b c d"], ["x y a b", "c d e"], 2, 2, 0.0)
    assert found.select("row", "item", "matched").rows() == [(0, 0, "a b"), (1, 1, "c d")]


@settings(max_examples=30, deadline=None)
@given(
    st.sets(st.integers(0, 2**64 - 1), min_size=1, max_size=50),
    st.lists(st.integers(0, 2**64 - 1), max_size=50),
)
def test_a_set_of_hashes_finds_its_own_and_no_others(own, others):
    values = np.array([*others, *own], dtype=np.uint64)
    found = HashSet(np.array(sorted(own), dtype=np.uint64)).places_in(values)
    assert found.tolist() == [i for i, value in enumerate(values.tolist()) if value in own]
