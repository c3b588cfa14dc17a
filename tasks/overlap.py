"""Word n-grams that texts share with evaluation items, found by hash and confirmed word by word.

Words are runs of letters, digits and underscores in lower case, so case, punctuation, markup and
white space do not count. An item of at least `size` words is looked for by its n-grams of that
size, a shorter one of at least `least` words as one n-gram of all it has: anywhere in a text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl
from jaxtyping import Int, UInt64
from scipy import sparse

from tasks.engine.words import Pieces, cut
from tasks.near_duplicates import MIX, WORD

BLOCK_ROWS: Final = 256  # rows compared with all items at once
MATCHED_CHARS: Final = 200
FOUND: Final = {
    "row": pl.Int64,
    "item": pl.Int64,
    "shared_ngrams": pl.Int64,
    "item_ngrams": pl.Int64,
    "share": pl.Float64,
    "items": pl.Int64,
    "matched": pl.String,
}


@dataclass(frozen=True)
class HashSet:
    """Hashes behind a table of their first bits, so that most look-ups cost one read."""

    hashes: UInt64[np.ndarray, " m"]  # sorted, distinct, at least one

    @property
    def _shift(self) -> np.uint64:
        return np.uint64(60 - len(self.hashes).bit_length())  # 16 to 32 places per hash

    @cached_property
    def _table(self) -> np.ndarray:
        table = np.zeros(1 << (64 - int(self._shift)), dtype=bool)
        table[self.hashes >> self._shift] = True
        return table

    def places_in(self, values: UInt64[np.ndarray, " n"]) -> Int[np.ndarray, " k"]:
        """Where in `values` the set's hashes stand."""
        near = np.flatnonzero(self._table[values >> self._shift])
        place = np.searchsorted(self.hashes, values[near]).clip(max=len(self.hashes) - 1)
        found: np.ndarray = near[self.hashes[place] == values[near]]
        return found


def ngrams(pieces: Pieces, lengths: set[int]) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield for each length, rising, the words where such an n-gram begins, and its hash."""
    codes = pieces.codes()
    ends = np.cumsum(pieces.total().astype(np.int64))[pieces.row]
    start = np.arange(len(codes))
    room, value = ends - start, np.zeros(len(codes), dtype=np.uint64)
    for step in range(max(lengths, default=0)):
        inside = room > step
        start, room, value = start[inside], room[inside], value[inside]
        value = (value ^ codes[start + step]) * MIX
        value ^= value >> np.uint64(29)
        if step + 1 in lengths:
            yield step + 1, start, value


def in_words(pieces: Pieces, start: Int[np.ndarray, " k"], length: int) -> pl.Series:
    """The n-grams that begin at some words, with a space between words."""
    parts = [pieces.vocabulary.gather(pieces.index[start + step]) for step in range(length)]
    return pl.select(pl.concat_str(parts, separator=" ")).to_series()


@dataclass(frozen=True)
class ItemNgrams:
    """The distinct n-grams of evaluation items, to look texts up in.

    Memory: about 150 bytes per n-gram.
    """

    known: pl.DataFrame  # ngram: its words; number
    hashes: dict[int, HashSet]  # by words per n-gram
    pairs: pl.DataFrame  # number, item: which n-gram is which item's
    sizes: Int[np.ndarray, " items"]  # distinct n-grams per item; 0: too short to be looked for

    @classmethod
    def of(cls, texts: pl.Series, size: int, least: int) -> "ItemNgrams":
        """Take the items' n-grams of `size` words, or the whole item from `least` words on."""
        pieces = cut(texts, WORD, lower=True)
        words = pieces.total().astype(np.int64)
        length = np.where(words >= size, size, np.where(words >= least, words, 0))
        hashes, parts = {}, [pl.DataFrame(schema={"ngram": pl.String, "item": pl.Int64})]
        for count, starts, values in ngrams(pieces, set(length.tolist()) - {0}):
            own = length[pieces.row[starts]] == count
            hashes[count] = HashSet(np.unique(values[own]))
            item = pl.Series("item", pieces.row[starts[own]], dtype=pl.Int64)
            parts.append(pl.DataFrame([in_words(pieces, starts[own], count).alias("ngram"), item]))
        pairs = pl.concat(parts).unique()
        known = pairs.select(pl.col("ngram").unique().sort()).with_row_index("number")
        known = known.with_columns(pl.col("number").cast(pl.Int64))
        pairs = pairs.join(known, on="ngram").select(pl.col("number", "item").cast(pl.Int64))
        sizes = np.bincount(pairs["item"].to_numpy(), minlength=len(texts))
        return cls(known, hashes, pairs, sizes)

    @cached_property
    def of_items(self) -> sparse.csr_array:
        """1 where an n-gram (row) is an item's (column)."""
        return _ones(self.pairs, (len(self.known), len(self.sizes)))

    def overlaps(self, texts: pl.Series, least_share: float) -> pl.DataFrame:
        """One line per text that holds at least one n-gram of an item, and `least_share` of all.

        `item` is the one of highest `share` (then most shared n-grams, then the first), `items`
        how many qualify, `matched` the first n-gram of the text that is that item's.
        """
        hits = self._hits(texts)
        if hits.is_empty():
            return pl.DataFrame(schema=FOUND)
        of_rows = hits.select("row", "number").unique()
        rows = of_rows["row"].unique().sort()  # few, as a rule: those with any n-gram of an item
        place = pl.Series(np.searchsorted(rows.to_numpy(), of_rows["row"].to_numpy()))
        held = _ones(of_rows.select(place, "number"), (len(rows), len(self.known)))
        blocks = range(0, len(rows), BLOCK_ROWS)
        best = pl.concat([self._best(held, start, least_share) for start in blocks])
        best = best.with_columns(row=rows.gather(best["row"]))
        return self._with_matched(best, hits)

    def _hits(self, texts: pl.Series) -> pl.DataFrame:
        """Every n-gram of an item in every text: row, first word, number; equal hashes do not do.

        Sorted by row, then by where it begins.
        """
        pieces = cut(texts, WORD, lower=True)
        kinds = {"row": pl.Int64, "start": pl.Int64, "ngram": pl.String}
        parts = [pl.DataFrame(schema=kinds)]
        for count, starts, values in ngrams(pieces, set(self.hashes)):
            start = starts[self.hashes[count].places_in(values)]
            if len(start):
                found = {"row": pieces.row[start], "start": start}
                words = in_words(pieces, start, count)
                parts.append(pl.DataFrame({**found, "ngram": words}, schema=kinds))
        return pl.concat(parts).join(self.known, on="ngram").sort("row", "start", "ngram")

    def _best(self, held: sparse.csr_array, start: int, least_share: float) -> pl.DataFrame:
        """The best item of each row of a block of rows, by their places in `held`."""
        shared = (held[start : start + BLOCK_ROWS] @ self.of_items).tocoo()
        item = shared.col.astype(np.int64)
        pairs = pl.DataFrame(
            {
                "row": shared.row.astype(np.int64) + start,
                "item": item,
                "shared_ngrams": shared.data.astype(np.int64),
                "item_ngrams": self.sizes[item].astype(np.int64),
            }
        ).with_columns(share=pl.col("shared_ngrams") / pl.col("item_ngrams"))
        best_first = pairs.filter(pl.col("share") >= least_share).sort(
            "row", "share", "shared_ngrams", "item", descending=[False, True, True, False]
        )
        counted = best_first.with_columns(items=pl.len().over("row").cast(pl.Int64))
        return counted.unique("row", keep="first", maintain_order=True)

    def _with_matched(self, best: pl.DataFrame, hits: pl.DataFrame) -> pl.DataFrame:
        """Add the first n-gram of each row that is its best item's."""
        candidates = hits.join(best.select("row", "item"), on="row", maintain_order="left")
        own = candidates.join(self.pairs, on=["number", "item"], how="semi", maintain_order="left")
        first = own.unique("row", keep="first", maintain_order=True)
        matched = first.select("row", matched=_bounded(pl.col("ngram")))
        return best.join(matched, on="row", maintain_order="left").select(FOUND.keys())


def _ones(places: pl.DataFrame, shape: tuple[int, int]) -> sparse.csr_array:
    """A matrix with a 1 at each (row, column) of a table of two columns."""
    row, column = (np.array(series) for series in places.get_columns())
    return sparse.csr_array((np.ones(len(places), dtype=np.int64), (row, column)), shape=shape)


def _bounded(text: pl.Expr) -> pl.Expr:
    short = pl.format("{}…", text.str.slice(0, MATCHED_CHARS - 1))
    return pl.when(text.str.len_chars() > MATCHED_CHARS).then(short).otherwise(text)
