"""Texts cut into words, lines or paragraphs: flat arrays over all pieces of a chunk of texts.

Every distinct piece stands once in `vocabulary`, so what depends on the piece alone is worked out
once and taken by `index`. The expressions run in linear time (no backtracking), whatever the text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np
import polars as pl
import pyarrow.compute as pc
from jaxtyping import Bool, Float, Int, UInt64

WORDS: Final = r"\S+"  # runs without whitespace, as Gopher counts words
TOKENS: Final = r"\w+|[^\w\s]"  # runs of letters and digits; every other sign by itself
LINES: Final = r"\S[^\n]*"  # lines that are not blank, from their first visible character
PARAGRAPHS: Final = r"\S[^\n]*(?:\n[^\n]*\S[^\n]*)*"  # lines without a blank one between them


@dataclass(frozen=True)
class Pieces:
    """The m pieces of n texts in reading order; `vocabulary` holds the distinct ones.

    `row` is the text a piece comes from (ascending), `index` its place in `vocabulary`, `length`
    its characters. The vocabulary's order depends on the chunk: results must not.
    """

    texts: int
    row: Int[np.ndarray, " m"]
    index: Int[np.ndarray, " m"]
    length: Int[np.ndarray, " m"]
    vocabulary: pl.Series

    def total(self, amount: np.ndarray | None = None) -> Float[np.ndarray, " n"]:
        """Sum whole numbers (default: 1 per piece) over each text, so that the sum is exact."""
        sums: np.ndarray = np.bincount(self.row, weights=amount, minlength=self.texts)
        return sums.astype(np.float64)

    def where(self, pattern: str) -> Bool[np.ndarray, " m"]:
        """Whether the piece contains a match of the expression."""
        found: np.ndarray = self.vocabulary.str.contains(pattern).to_numpy()[self.index]
        return found

    def codes(self) -> UInt64[np.ndarray, " m"]:
        """64-bit BLAKE2b of each piece: the same in every process and for every chunking."""
        digests = b"".join(
            blake2b(piece.encode(), digest_size=8).digest() for piece in self.vocabulary.to_list()
        )
        codes: np.ndarray = np.frombuffer(digests, dtype="<u8").astype(np.uint64)[self.index]
        return codes

    def repeated(self) -> Bool[np.ndarray, " m"]:
        """Whether the same piece stands earlier in the same text."""
        key = self.row * max(len(self.vocabulary), 1) + self.index
        repeated = np.ones(len(key), dtype=bool)
        repeated[np.unique(key, return_index=True)[1]] = False
        return repeated


def cut(texts: Sequence[str] | pl.Series, pattern: str, *, lower: bool = False) -> Pieces:
    """Find the matches of `pattern` in every text, without the whitespace at their ends."""
    column = pl.Series(texts, dtype=pl.String)
    found = (column.str.to_lowercase() if lower else column).str.extract_all(pattern)
    pieces = found.explode(empty_as_null=False).str.strip_chars()
    # Arrow's encoding keeps the order of first appearance; polars' own is shared between calls.
    encoded = pc.dictionary_encode(pieces.to_arrow(compat_level=pl.CompatLevel.oldest()))
    vocabulary = pl.Series(encoded.dictionary, dtype=pl.String)
    index = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    length = vocabulary.str.len_chars().to_numpy().astype(np.int64)
    row = np.repeat(np.arange(len(texts)), found.list.len().to_numpy().astype(np.int64))
    return Pieces(len(texts), row, index, length[index], vocabulary)


def ratio(part: np.ndarray, whole: np.ndarray) -> Float[np.ndarray, " n"]:
    """Divide; NaN where there is nothing to divide by."""
    shares = np.full(len(part), np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares
