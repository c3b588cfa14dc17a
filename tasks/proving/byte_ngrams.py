"""A byte n-gram model with exact counts: a proper distribution over all texts, whatever it learnt.

Bytes, because their number is fixed: over words, a model that learnt few of them gives each unknown
one more, and would win by knowing less. Interpolation (Witten & Bell 1991), with c the counts of
byte b after context h, T the different bytes seen after it, h' the context without its first byte:

    p(b|h) = (c(h b) + T(h) p(b|h')) / (c(h) + T(h))        p(b|h') where h was never met

and 1/256 below the shortest context. A text ends with the byte 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int, UInt64

from tasks.proving.text_bytes import SYMBOLS, joined

LONGEST: Final = 8  # bytes that fit into one number


@dataclass(frozen=True)
class Order:
    """The sorted n-grams of one length, their counts; their contexts, with c(h) and T(h)."""

    grams: UInt64[np.ndarray, " g"]
    counts: Int[np.ndarray, " g"]
    contexts: UInt64[np.ndarray, " h"]
    after: Int[np.ndarray, "2 h"]


@dataclass(frozen=True)
class ByteNgrams:
    """Counts of all n-grams up to the longest, learnt in any order of texts."""

    orders: tuple[Order, ...]

    @classmethod
    def learn(cls, texts: Sequence[str], longest: int) -> "ByteNgrams":
        """Count every text once, in O(bytes) memory; `longest` lies in [1, 8]."""
        return cls(tuple(map(_counted, n_grams(texts, longest))))

    def bits(self, texts: Sequence[str]) -> Float[np.ndarray, " e"]:
        """Surprise at each byte of the texts and at their ends, in bits."""
        return np.asarray(-np.log2(self.chances(n_grams(texts, len(self.orders)))))

    def chances(self, grams: Sequence[UInt64[np.ndarray, " e"]]) -> Float[np.ndarray, " e"]:
        """p(b|h) of e events, each given by the n-grams of every length that end at it."""
        chance = np.full(len(grams[0]), 1 / SYMBOLS)
        for order, gram in zip(self.orders, grams, strict=True):
            total, spread = _look_up(order.contexts, order.after, gram >> np.uint64(8))
            mixed = _look_up(order.grams, order.counts[None], gram)[0] + spread * chance
            np.divide(mixed, total + spread, out=chance, where=total > 0)
        return chance


def n_grams(texts: Sequence[str], longest: int) -> list[UInt64[np.ndarray, " e"]]:
    """For each length 1, 2, ...: the n-gram that ends at each byte, zeros before the first."""
    coded, starts = joined(texts)
    grams = [coded.astype(np.uint64)]
    place = np.arange(len(coded)) - np.repeat(starts, np.diff(starts, append=len(coded)))
    for n in range(1, longest):
        earlier = np.zeros(len(coded), dtype=np.uint64)
        inside = place >= n
        earlier[inside] = coded[np.flatnonzero(inside) - n]
        grams.append(grams[-1] | (earlier << np.uint64(8 * n)))
    return grams


def _counted(grams: UInt64[np.ndarray, " e"]) -> Order:
    distinct, counts = np.unique(grams, return_counts=True)
    contexts, starts = np.unique(distinct >> np.uint64(8), return_index=True)
    totals = np.add.reduceat(counts, starts) if len(counts) else counts
    return Order(
        distinct, counts, contexts, np.stack([totals, np.diff(starts, append=len(counts))])
    )


def _look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The column of values for each wanted key, zeros where it is not among the sorted keys."""
    if not len(keys):
        return np.zeros((len(values), len(wanted)), dtype=np.int64)
    place = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
    return np.where(keys[place] == wanted, values[:, place], 0)
