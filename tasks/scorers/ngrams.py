"""Word n-grams that occur more than once within a text, for a whole chunk of texts at once.

An n-gram can only repeat where its first n - 1 words do, so each length looks only at the places
left by the one before: exact (no hashing), and little work on ordinary text.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.words import Pieces


@dataclass(frozen=True)
class NGrams:
    """The places of all n-grams that occur at least twice in their text.

    `start` is the position of an n-gram's first word among all words (ascending); `gram` numbers
    the distinct (text, n-gram) pairs.
    """

    words: Pieces
    n: int
    start: Int[np.ndarray, " p"]
    gram: Int[np.ndarray, " p"]


def repeated_ngrams(words: Pieces, longest: int) -> Iterator[NGrams]:
    """Yield the repeated 1-grams, 2-grams, ... up to `longest` words."""
    size = max(len(words.vocabulary), 1)
    start, key = np.arange(len(words.row)), words.row * size + words.index
    row_end = np.cumsum(words.total()).astype(np.int64)  # by text: one past its last word
    for n in range(1, longest + 1):
        _, gram, counts = np.unique(key, return_inverse=True, return_counts=True)
        again = counts[gram] > 1
        start, gram = start[again], gram[again]
        yield NGrams(words, n, start, gram)
        inside = start + n < row_end[words.row[start]]
        start = start[inside]
        key = gram[inside] * size + words.index[start + n]


def duplicate_characters(grams: NGrams) -> Float[np.ndarray, " n"]:
    """Characters of each text that lie inside a repeated n-gram, each counted once."""
    return _covered_characters(grams.words, grams.start, grams.n)


def top_characters(grams: NGrams) -> Float[np.ndarray, " n"]:
    """Characters of each text inside its most frequent repeated n-gram, each counted once.

    On a tie the n-gram with more characters counts, then the one that comes first.
    """
    _, first, inverse, counts = np.unique(
        grams.gram, return_index=True, return_inverse=True, return_counts=True
    )
    ends = np.concatenate([[0], np.cumsum(grams.words.length)])
    start = grams.start[first]
    characters, row = ends[start + grams.n] - ends[start], grams.words.row[start]
    order = np.lexsort((start, -characters, -counts, row))
    _, best = np.unique(row[order], return_index=True)
    chosen = np.zeros(len(first), dtype=bool)
    chosen[order[best]] = True
    return _covered_characters(grams.words, grams.start[chosen[inverse]], grams.n)


def _covered_characters(words: Pieces, start: np.ndarray, n: int) -> Float[np.ndarray, " n"]:
    change = np.zeros(len(words.row) + 1, dtype=np.int64)
    change[start] += 1  # starts are distinct, and so are ends
    change[start + n] -= 1
    return words.total((np.cumsum(change[:-1]) > 0) * words.length)
