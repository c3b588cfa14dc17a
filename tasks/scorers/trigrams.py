"""A word trigram model on hashed counts: memory fixed beforehand, learnt in any order of texts.

Counts are count-min sketches (Cormode & Muthukrishnan 2005): each n-gram adds one to a cell in each
of two tables, and the smaller cell is its count, too large only where both cells are shared.

Each text is a run of events: its tokens, then an end mark. Interpolation (Jelinek & Mercer 1980),
with c the counts, V the distinct tokens plus the end mark, and one more outcome for the unknown:

    p1(w)     = a1 c(w)/N      + (1 - a1) / (V + 1)
    p2(w|v)   = a2 c(vw)/c(v)   + (1 - a2) p1(w)        p1 where v never led on
    p3(w|uv)  = a3 c(uvw)/c(uv) + (1 - a3) p2(w|v)      p2 where uv never led on
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int, UInt32, UInt64

from schemas.errors import SettingsError
from tasks.engine.words import TOKENS, cut
from tasks.scorers.contract import Texts

START: Final = np.array([0x5354415254], dtype=np.uint64)  # before the first token
END: Final = np.array([0x454E44], dtype=np.uint64)  # after the last
MOST_EVENTS: Final = 2**32 - 1  # what a cell can count
Weights = tuple[float, float, float]


@dataclass(frozen=True)
class Events:
    """The e events of a chunk: the text of each, whether it is the text's first, and its n-grams.

    `grams[k]` is a 64-bit hash of the (k + 1)-gram that ends at the event.
    """

    texts: int
    row: Int[np.ndarray, " e"]
    first: Bool[np.ndarray, " e"]
    grams: tuple[UInt64[np.ndarray, " e"], ...]

    @classmethod
    def of(cls, texts: Texts) -> "Events":
        """Cut lower-cased texts into tokens; a text without tokens has no events."""
        tokens = cut(texts, TOKENS, lower=True)
        spoken = np.flatnonzero(tokens.total())
        ends = np.cumsum(tokens.total()).astype(np.int64)[spoken]
        row = np.insert(tokens.row, ends, spoken)
        code = np.insert(tokens.codes(), ends, END[0])
        first = np.ones(len(row), dtype=bool)
        first[1:] = row[1:] != row[:-1]
        before = _shifted(code, first, START[0])
        grams = [_mix(code)]
        for context in (before, _shifted(before, first, START[0])):
            grams.append(_mix(grams[-1] * np.uint64(len(grams) * 2 + 1) ^ _mix(context)))
        return cls(len(texts), row, first, tuple(grams))


def _cells(grams: UInt64[np.ndarray, " e"], bits: int) -> tuple[Int[np.ndarray, " e"], ...]:
    """Two places for each n-gram, from the upper and from the lower bits of its hash."""
    upper = grams >> np.uint64(64 - bits)
    lower = grams & np.uint64((1 << bits) - 1)
    return upper.astype(np.int64), lower.astype(np.int64)


def _shifted(values: np.ndarray, first: np.ndarray, start: np.generic | int) -> np.ndarray:
    moved: np.ndarray = np.empty_like(values)
    moved[1:] = values[:-1]
    moved[first] = start
    return moved


def _mix(value: UInt64[np.ndarray, " e"]) -> UInt64[np.ndarray, " e"]:
    """Finaliser of SplitMix64 (Steele, Lea & Flood 2014): spreads every bit over all 64."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    value ^= value >> np.uint64(31)
    return value


@dataclass(frozen=True)
class Trigrams:
    """Counts of 1-, 2- and 3-grams, each in two tables of 2**bits cells of 4 bytes, and totals.

    `tables` has shape (3, 2, 2**bits); `vocabulary` estimates the distinct tokens and the end mark
    from the cells in use (never too many).
    """

    bits: int
    tables: UInt32[np.ndarray, "3 2 cells"]
    texts: int
    events: int
    vocabulary: int

    @classmethod
    def learn(cls, chunks: Iterable[Texts], bits: int) -> "Trigrams":
        """Count all texts; raises `SettingsError` beyond 2**32 - 1 events."""
        tables = np.zeros((3, 2, 1 << bits), dtype=np.uint32)
        texts = total = 0
        for chunk in chunks:
            events = Events.of(chunk)
            for pair, grams in zip(tables, events.grams, strict=True):
                for table, cells in zip(pair, _cells(grams, bits), strict=True):
                    np.add.at(table, cells, np.uint32(1))
            texts += int(events.first.sum())
            total += len(events.row)
        if total > MOST_EVENTS:
            raise SettingsError(
                f"the language model cannot count {total:,} tokens",
                expected=f"at most {MOST_EVENTS:,}",
                remedy="name a smaller text in score.reference",
            )
        vocabulary = max(int(np.count_nonzero(table)) for table in tables[0])
        return cls(bits, tables, texts, total, vocabulary)

    def filled(self) -> list[float]:
        """Share of cells in use per order, in [0, 1]; above about 0.5 shared cells blur counts."""
        used = np.count_nonzero(self.tables, axis=2).mean(axis=1) / (1 << self.bits)
        return [round(float(share), 6) for share in used]

    def probabilities(
        self, events: Events, weights: Weights, *, leave_out: bool
    ) -> Float[np.ndarray, " e"]:
        """p3 of each event; `leave_out` takes the text's own counts away first.

        `weights` are a1, a2, a3. Leaving out is exact for texts that were learnt exactly once.
        """
        counts = [self._counts(events, order, leave_out) for order in range(3)]
        own_texts, own_events = (1, np.bincount(events.row)[events.row]) if leave_out else (0, 0)
        starts = self.texts - own_texts
        contexts = [np.full(len(events.row), self.events, dtype=np.int64) - own_events]
        contexts += [_shifted(count, events.first, starts) for count in counts[:2]]
        chance = np.full(len(events.row), 1.0 / (self.vocabulary + 1))
        for count, context, weight in zip(counts, contexts, weights, strict=True):
            # Where cells are shared, an n-gram may seem more frequent than its context: cap it.
            share = np.minimum(count / np.maximum(context, 1), 1.0)
            chance = np.where(context > 0, weight * share + (1 - weight) * chance, chance)
        return chance

    def _counts(self, events: Events, order: int, leave_out: bool) -> Int[np.ndarray, " e"]:
        smallest = np.full(len(events.row), MOST_EVENTS, dtype=np.int64)
        for table, cells in zip(
            self.tables[order], _cells(events.grams[order], self.bits), strict=True
        ):
            counts = table[cells].astype(np.int64)
            if leave_out:
                own = (events.row << self.bits) | cells
                _, place, times = np.unique(own, return_inverse=True, return_counts=True)
                counts -= times[place]
            smallest = np.minimum(smallest, counts)
        return smallest
