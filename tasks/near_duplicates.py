"""Near duplicates on arrays: word n-gram sets, candidate pairs, their similarity, their keepers."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from tasks.engine.words import cut
from tasks.pace import Pace

log = logging.getLogger("winnow")
CHUNK_ROWS: Final = 4096  # below 2^16, as _chunk sorts by row in 16 bits
WORD: Final = r"\w+"
MIX: Final = np.uint64(0x9E3779B97F4A7C15)  # odd constant of Fibonacci hashing (Knuth, 1973)


@dataclass(frozen=True)
class NgramSets:
    """Each row's distinct word n-grams as sorted 64-bit hashes, one flat array with offsets.

    Words are runs of letters, digits and underscores, lower-cased. A text of fewer than n words
    is one n-gram of all it has. Memory: 8 bytes per n-gram.
    """

    hashes: np.ndarray  # (total,) uint64
    offsets: Int[np.ndarray, " n1"]
    words: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.words)

    def row(self, index: int) -> np.ndarray:
        """The hashes of one row, sorted."""
        return self.hashes[self.offsets[index] : self.offsets[index + 1]]

    @classmethod
    def of(cls, texts: pl.Series, size: int) -> "NgramSets":
        """Hash the n-grams of all texts, chunk by chunk."""
        parts = [
            _chunk(texts.slice(start, CHUNK_ROWS), size)
            for start in _with_progress(range(0, max(len(texts), 1), CHUNK_ROWS), len(texts))
        ]
        hashes, counts, words = (np.concatenate(column) for column in zip(*parts, strict=True))
        return cls(hashes, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), words)


def _with_progress(starts: range, total: int, seconds: float = 5.0) -> Iterator[int]:
    """Yield the starts of the chunks; every few seconds log how far it is and the time left."""
    began = told = time.monotonic()
    for start in starts:
        now = time.monotonic()
        if now - told > seconds:
            told = now
            log.info(Pace.after("hashed", start, now - began, total).line())
        yield start


def _chunk(texts: pl.Series, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorted distinct n-gram hashes, their count per row and the words per row, of some texts."""
    pieces = cut(texts, WORD, lower=True)
    lengths = pieces.total().astype(np.int64)
    grams = np.maximum(lengths - size + 1, np.minimum(lengths, 1))  # a short text is one n-gram
    owner = np.repeat(np.arange(len(texts)), grams)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(grams) - grams, grams)
    start = np.repeat(np.cumsum(lengths) - lengths, grams) + within
    end = np.repeat(np.cumsum(lengths), grams)
    codes = pieces.codes()
    value = np.zeros(len(owner), dtype=np.uint64)
    for step in range(size):
        inside = start + step < end
        value[inside] = (value[inside] ^ codes[start[inside] + step]) * MIX
        value ^= value >> np.uint64(29)
    order = np.argsort(value)
    order = order[np.argsort(owner.astype(np.uint16)[order], kind="stable")]  # a radix sort
    owner, value = owner[order], value[order]
    fresh = np.ones(len(value), dtype=bool)
    fresh[1:] = (owner[1:] != owner[:-1]) | (value[1:] != value[:-1])
    return value[fresh], np.bincount(owner[fresh], minlength=len(texts)), lengths


def candidate_pairs(
    sets: NgramSets, threshold: float, permutations: int, seed: int
) -> Int[np.ndarray, "m 2"]:
    """Pairs (i < j) that share a band of their MinHash signatures, sorted, each once.

    Bands hold 4 hashes (2 below a threshold of 0.4): a pair of similarity s is found with
    probability 1 - (1 - s^4)^(permutations / 4), which is 0.9998 at s = 0.7 and 128 permutations
    (Broder, 1997; Indyk and Motwani, 1998). Memory: 4 bytes per row and permutation.
    """
    from tasks.engine.kernels.sketches import signatures

    rows = 4 if threshold >= 0.4 else 2
    sketch = signatures(sets.hashes, sets.offsets, *_permutations(permutations, seed))
    some = np.flatnonzero(np.diff(sets.offsets))  # rows without words are like no other
    found = [np.empty(0, dtype=np.int64)]
    for start in range(0, permutations - rows + 1, rows):
        band = np.zeros(len(some), dtype=np.uint64)
        for column in range(start, start + rows):
            band = (band ^ sketch[some, column]) * MIX
            band ^= band >> np.uint64(32)
        first, second = _equal_pairs(band)
        found.append(np.unique(some[first] * len(sets) + some[second]))
    codes = np.unique(np.concatenate(found))
    return np.stack([codes // max(1, len(sets)), codes % max(1, len(sets))], axis=1)


def _permutations(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Odd slopes and shifts of the maps h -> slope * h + shift mod 2^32, each a bijection."""
    random = np.random.RandomState((seed + 1) % 2**32)  # numpy's limit; this stream never changes
    slope = random.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return slope, random.randint(0, 1 << 32, count, dtype=np.uint32)


def _equal_pairs(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions (i < j) of all pairs of equal keys: runs of the sorted keys, one step at a time."""
    order = np.argsort(keys)
    keys = keys[order]
    found = [np.empty((2, 0), dtype=np.int64)]
    place, step = np.arange(len(keys)), 0
    while len(place):
        step += 1
        place = place[place + step < len(keys)]
        place = place[keys[place] == keys[place + step]]
        found.append(np.stack([order[place], order[place + step]]))
    pairs = np.concatenate(found, axis=1)
    return pairs.min(axis=0), pairs.max(axis=0)


def jaccard(sets: NgramSets, pairs: Int[np.ndarray, "m 2"]) -> Float[np.ndarray, " m"]:
    """|A and B| / |A or B| of the two rows' n-gram sets, for each pair (0 for two empty sets)."""
    from tasks.engine.kernels.sketches import shared_counts

    shared = shared_counts(sets.hashes, sets.offsets, pairs)
    either = np.diff(sets.offsets)[pairs].sum(axis=1) - shared
    similarity = np.zeros(len(pairs))
    np.divide(shared, either, out=similarity, where=either > 0)
    return similarity


def resolve(
    pairs: Int[np.ndarray, "m 2"], similarity: Float[np.ndarray, " m"], worth: Int[np.ndarray, " n"]
) -> tuple[Int[np.ndarray, " r"], Int[np.ndarray, " r"], Float[np.ndarray, " r"]]:
    """Who goes and for whom: rows in order of worth (then index); a row with a kept twin goes.

    Its keeper is, of its kept twins of more worth, the one of highest similarity (lower index on
    ties). So a keeper is never itself dropped, and chains of likeness do not collapse to one row.
    """
    twins: dict[int, list[tuple[float, int]]] = {}
    for (i, j), value in zip(pairs.tolist(), similarity.tolist(), strict=True):
        twins.setdefault(i, []).append((-value, j))
        twins.setdefault(j, []).append((-value, i))
    lost: dict[int, tuple[float, int]] = {}
    kept: set[int] = set()
    for row in sorted(twins, key=lambda row: (-int(worth[row]), row)):
        holders = [twin for twin in twins[row] if twin[1] in kept]
        if holders:
            lost[row] = min(holders)
        else:
            kept.add(row)
    rows = np.array(sorted(lost), dtype=np.int64)
    keepers = np.array([lost[row][1] for row in rows.tolist()], dtype=np.int64)
    return rows, keepers, np.array([-lost[row][0] for row in rows.tolist()])
