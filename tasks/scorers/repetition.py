"""Scorer `repetition`: how much of a text says again what it said before (Gopher's rules)."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from schemas.results import Method, Scores
from tasks.engine.words import LINES, PARAGRAPHS, WORDS, cut, ratio
from tasks.scorers.contract import Column, Scorer, Texts
from tasks.scorers.ngrams import duplicate_characters, repeated_ngrams, top_characters

SOURCE: Final = "Rae et al. 2021"
TOP: Final = {2: 0.20, 3: 0.18, 4: 0.16}  # words per n-gram -> largest share of characters
DUPLICATE: Final = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}
LIMITS: Final[dict[str, float]] = {
    "duplicate_lines": 0.30,
    "duplicate_line_characters": 0.20,
    "duplicate_paragraphs": 0.30,
    "duplicate_paragraph_characters": 0.20,
    **{f"top_{n}gram_characters": limit for n, limit in TOP.items()},
    **{f"duplicate_{n}gram_characters": limit for n, limit in DUPLICATE.items()},
}


def _share(name: str, limit: float) -> Column:
    meaning = f"{name.replace('_', ' ')} as a share of the text; Gopher allows {limit}"
    return Column("lower", 0.0, 1.0, "share", SOURCE, meaning)


@dataclass(frozen=True)
class Repetition(Scorer):
    """Shares of a text that are repeats, and `repetition_free`: the share of limits kept.

    duplicate_lines, duplicate_paragraphs: pieces that stand earlier in the text / pieces, counted
    and by characters. top_<n>gram: characters inside the most frequent n-gram that occurs at least
    twice (most characters on a tie, then the earlier); duplicate_<n>gram: characters inside any
    n-gram that occurs at least twice. Words are runs without whitespace; a character covered
    twice counts once; shares are of the characters in words, so all lie in [0, 1]. NaN without
    words. A value equal to its limit passes. (Rae et al. 2021, Scaling Language Models, A1.1.)
    """

    version: ClassVar[str] = "1.0.0"
    columns: ClassVar[dict[str, Column]] = {
        **{name: _share(name, limit) for name, limit in LIMITS.items()},
        "repetition_free": Column(
            "higher", 0.0, 1.0, "share", SOURCE, f"share of the {len(LIMITS)} limits kept"
        ),
    }

    def __call__(self, texts: Texts) -> Scores:
        """Measure each text by itself."""
        shares = {**_pieces(texts), **_ngrams(texts)}
        kept = np.mean([shares[name] <= limit for name, limit in LIMITS.items()], axis=0)
        blank = np.isnan(shares["duplicate_lines"])
        free = np.where(blank, np.nan, kept)
        return Scores({**shares, "repetition_free": free}, Method.of(self))


def _pieces(texts: Texts) -> dict[str, np.ndarray]:
    shares = {}
    for name, pattern in (("line", LINES), ("paragraph", PARAGRAPHS)):
        pieces = cut(texts, pattern)
        repeated = pieces.repeated()
        shares[f"duplicate_{name}s"] = ratio(pieces.total(repeated), pieces.total())
        shares[f"duplicate_{name}_characters"] = ratio(
            pieces.total(repeated * pieces.length), pieces.total(pieces.length)
        )
    return shares


def _ngrams(texts: Texts) -> dict[str, np.ndarray]:
    words = cut(texts, WORDS)
    characters = words.total(words.length)
    shares = {}
    for grams in repeated_ngrams(words, max(DUPLICATE)):
        if grams.n in TOP:
            shares[f"top_{grams.n}gram_characters"] = ratio(top_characters(grams), characters)
        if grams.n in DUPLICATE:
            shares[f"duplicate_{grams.n}gram_characters"] = ratio(
                duplicate_characters(grams), characters
            )
    return shares
