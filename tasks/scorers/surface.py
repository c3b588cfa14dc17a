"""The quantities that the surface rules bound: counts of words, lines and signs in a text."""

from typing import Final

import numpy as np
import polars as pl
from jaxtyping import Float

from tasks.engine.words import LINES, WORDS, Pieces, cut, ratio
from tasks.scorers.contract import Texts

STOP_WORDS: Final = ("the", "be", "to", "of", "and", "that", "have", "with")
NO_LETTERS: Final = r"^[^\p{Alphabetic}]+|[^\p{Alphabetic}]+$"
BULLET: Final = r"^(?:[•‣▪●◦○∙]|[-*]\s)"
ELLIPSIS: Final = r"\.\.\.|…"
C4_END: Final = r"[.?!\"”]$"
SENTENCE_END: Final = r"[.?!]+[\"'”’)\]]*(?:\s|$)"
ANY_END: Final = r"[.?!…\"'”’»。！？．」』।۔؟]$"  # sentence ends and closing quotes of many scripts
SHORT_LINE: Final = 30  # characters
BOILERPLATE: Final = (
    r"(?i)javascript|terms of use|privacy policy|cookie policy|use(?:s|\sof)?\scookies"
)
Columns = dict[str, Float[np.ndarray, " n"]]


def measure(texts: Texts) -> Columns:
    """Every quantity by rule name; NaN where a text has no words or no lines to divide by."""
    words, lines = cut(texts, WORDS), cut(texts, LINES)
    signs = _signs(texts)
    count = words.total()
    return {
        **_words(words, count),
        "gopher_hashes_per_word": ratio(signs["hashes"], count),
        "gopher_ellipses_per_word": ratio(signs["ellipses"], count),
        **_lines(lines),
        "c4_lorem_ipsum": signs["lorem_ipsum"],
        "c4_curly_brackets": signs["curly_brackets"],
        "c4_sentences": signs["sentences"],
        "fineweb_newlines_per_word": ratio(signs["newlines"], count),
    }


def _signs(texts: Texts) -> Columns:
    text = pl.col("text").str
    counts = pl.DataFrame({"text": texts}, schema={"text": pl.String}).select(
        hashes=text.count_matches("#", literal=True),
        ellipses=text.count_matches(ELLIPSIS),
        lorem_ipsum=text.count_matches(r"(?i)lorem ipsum"),
        curly_brackets=text.count_matches("{", literal=True),
        sentences=text.count_matches(SENTENCE_END),
        newlines=text.count_matches("\n", literal=True),
    )
    return {name: counts[name].to_numpy().astype(np.float64) for name in counts.columns}


def _words(words: Pieces, count: np.ndarray) -> Columns:
    return {
        "gopher_words": count,
        "gopher_mean_word_length": ratio(words.total(words.length), count),
        "gopher_alphabetic_words": ratio(words.total(words.where(r"\p{Alphabetic}")), count),
        "gopher_stop_words": _distinct_stop_words(words),
    }


def _distinct_stop_words(words: Pieces) -> Float[np.ndarray, " n"]:
    bare = words.vocabulary.str.replace_all(NO_LETTERS, "").str.to_lowercase()
    numbers = {word: number for number, word in enumerate(STOP_WORDS)}
    which = bare.replace_strict(numbers, default=-1, return_dtype=pl.Int64).to_numpy()[words.index]
    pairs = np.unique(words.row[which >= 0] * len(STOP_WORDS) + which[which >= 0])
    found = np.bincount(pairs // len(STOP_WORDS), minlength=words.texts)
    return found.astype(np.float64)


def _lines(lines: Pieces) -> Columns:
    count = lines.total()
    shares = {
        "gopher_bullet_lines": lines.where(BULLET),
        "gopher_ellipsis_lines": lines.where(rf"(?:{ELLIPSIS})$"),
        "c4_terminal_lines": lines.where(C4_END),
        "c4_long_lines": lines.where(r"\S\s+\S+\s+\S"),
        "c4_boilerplate_lines": lines.where(BOILERPLATE),
        "fineweb_terminal_lines": lines.where(ANY_END),
        "fineweb_short_lines": lines.length <= SHORT_LINE,
    }
    again = lines.total(lines.repeated() * lines.length)
    return {
        **{name: ratio(lines.total(hit), count) for name, hit in shares.items()},
        "fineweb_duplicate_line_characters": ratio(again, lines.total(lines.length)),
    }
