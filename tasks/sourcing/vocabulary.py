"""Words of two samples: what share of one is unseen in the other, and how their use differs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from tasks.comparing.shift import jensen_shannon
from tasks.engine.words import TOKENS, cut


@dataclass(frozen=True)
class Vocabulary:
    """`unseen`: share of the source's tokens that the target's sample does not hold, in [0, 1].

    `divergence`: Jensen-Shannon divergence of the two word distributions in bits, in [0, 1].
    `home_unseen`, `home_divergence`: the same of other rows of the target, since no sample of a
    text holds all its words: a source shifts by what lies above them.
    """

    unseen: float
    divergence: float
    home_unseen: float
    home_divergence: float


def vocabulary(source: Sequence[str], target: Sequence[str]) -> Vocabulary:
    """Compare a source with every other row of the target, and the rows between with the same."""
    known, others = counts(target[::2]), counts(target[1::2])
    unseen, divergence = compared(counts(source), known)
    return Vocabulary(unseen, divergence, *compared(others, known))


def counts(texts: Sequence[str]) -> pl.DataFrame:
    """Count tokens (runs of letters and digits, other signs one by one), lower-cased."""
    pieces = cut(texts, TOKENS, lower=True)
    rows = np.bincount(pieces.index, minlength=len(pieces.vocabulary))
    return pl.DataFrame({"word": pieces.vocabulary, "count": rows})


def compared(source: pl.DataFrame, target: pl.DataFrame) -> tuple[float, float]:
    """Share of the source's tokens that the target lacks, and the divergence; 0 without tokens."""
    both = source.join(target, on="word", how="full", coalesce=True, suffix="_target")
    wide = both.fill_null(0).sort("word")  # one order of summation
    ours, theirs = wide["count"].to_numpy(), wide["count_target"].to_numpy()
    if not ours.sum() or not theirs.sum():
        return float(bool(ours.sum())), float(bool(ours.sum()) != bool(theirs.sum()))
    unseen = float(ours[theirs == 0].sum() / ours.sum())
    return unseen, jensen_shannon(ours / ours.sum(), theirs / theirs.sum())
