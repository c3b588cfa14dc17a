"""Pairs of documents of Jaccard similarity at least 0.7: ours, datasketch alone, rensa.

All use 128 permutations in 32 bands of 4, so that they find a pair with equal probability, and
check candidates by the true similarity of their word 5-gram sets.
"""

import re

import numpy as np
import polars as pl

from tests.benchmarks.inputs import Missing
from tests.benchmarks.methods import Inputs, Run, once

THRESHOLD, WORDS, PERMUTATIONS, BANDS = 0.7, 5, 128, 32
WORD = re.compile(r"\w+")


def ours(inputs: Inputs) -> Run:
    """What stage `deduplicate` does with texts."""
    from tasks.near_duplicates import NgramSets, candidate_pairs, jaccard, resolve

    texts = pl.Series(inputs.texts, dtype=pl.String)

    def work() -> np.ndarray:
        sets = NgramSets.of(texts, WORDS)
        pairs = candidate_pairs(sets, THRESHOLD, PERMUTATIONS, 0)
        similarity = jaccard(sets, pairs)
        close = similarity >= THRESHOLD
        resolve(pairs[close], similarity[close], sets.words)
        return pairs[close]

    return once("", work)


def datasketch(inputs: Inputs) -> Run:
    """datasketch's MinHash and MinHashLSH as its documentation uses them."""
    try:
        from datasketch import MinHash, MinHashLSH
    except ImportError as error:
        raise Missing("datasketch is not installed") from error

    def work() -> np.ndarray:
        index = MinHashLSH(num_perm=PERMUTATIONS, params=(BANDS, PERMUTATIONS // BANDS))
        empty = MinHash(num_perm=PERMUTATIONS)
        sets = [shingles(text) for text in inputs.texts]
        found: list[tuple[int, int]] = []
        for row, own in enumerate(sets):
            if own:
                sketch = empty.copy()
                sketch.update_batch([shingle.encode() for shingle in own])
                found.extend((earlier, row) for earlier in index.query(sketch))
                index.insert(row, sketch, check_duplication=False)
        return _checked(sets, found)

    return once("", work)


def rensa(inputs: Inputs) -> Run:
    """rensa's RMinHash and RMinHashLSH, in bulk."""
    try:
        from rensa import RMinHash, RMinHashLSH
    except ImportError as error:
        raise Missing("rensa is not installed") from error

    def work() -> np.ndarray:
        sets = [shingles(text) for text in inputs.texts]
        rows = [row for row, own in enumerate(sets) if own]
        sketches = RMinHash.from_token_sets([list(sets[row]) for row in rows], PERMUTATIONS, 0)
        index = RMinHashLSH(THRESHOLD, PERMUTATIONS, BANDS)
        index.insert_many(sketches)
        found = [
            (rows[place], rows[other])
            for place, others in enumerate(index.query_all(sketches))
            for other in others
            if other > place
        ]
        return _checked(sets, found)

    return once("", work)


def shingles(text: str) -> set[str]:
    """A text's word 5-grams; of a shorter text, all its words as one."""
    words = WORD.findall(text.lower())
    if len(words) < WORDS:
        return {" ".join(words)} if words else set()
    return {" ".join(words[at : at + WORDS]) for at in range(len(words) - WORDS + 1)}


def _checked(sets: list[set[str]], candidates: list[tuple[int, int]]) -> np.ndarray:
    close = []
    for one, other in candidates:
        shared = len(sets[one] & sets[other])
        if shared >= THRESHOLD * (len(sets[one]) + len(sets[other]) - shared):
            close.append((one, other))
    return np.array(close, dtype=np.int64).reshape(-1, 2)
