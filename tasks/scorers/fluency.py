"""Scorer `fluency`: how predictable a text's words are to a trigram model of the pool."""

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from schemas.errors import SettingsError
from schemas.results import Method, Scores
from tasks.engine.words import ratio
from tasks.scorers.contract import Column, Scorer, Texts, score_in_chunks
from tasks.scorers.trigrams import Events, Trigrams

SOURCE: Final = "Jelinek & Mercer 1980"
CROWDED: Final = 0.5  # share of cells in use from which a quarter of new n-grams seem known
log = logging.getLogger("winnow")


@dataclass(frozen=True)
class Fluency(Scorer):
    """log_perplexity = -(1/e) sum ln p3 over a text's e events (tokens and the end), in nats.

    typicality = -|log_perplexity - median of the pool|, in nats, at most 0, higher is better: the
    middle band and not the minimum, because repetition is easy to predict. Learnt from the pool,
    a text's own counts are taken away (leave one out), so that no text predicts itself; learnt
    from a reference, they are not. NaN for a text without tokens. Case is ignored; in scripts
    without spaces a whole phrase is one token. Memory: 24 * 2**table_bits bytes.

    The default weights are what deleted interpolation (the source's own method: expectation
    maximisation on left-out counts) gives, rounded, on mixed prose and on instructions.
    """

    version: ClassVar[str] = "1.0.0"
    columns: ClassVar[dict[str, Column]] = {
        "log_perplexity": Column(
            "middle", 0.0, math.inf, "nats per token", SOURCE, "surprise per token; trigram model"
        ),
        "typicality": Column(
            "higher", -math.inf, 0.0, "nats per token", SOURCE, "minus distance to the median"
        ),
    }
    table_bits: int = 23  # 201 MB
    unigram_weight: float = 0.8
    bigram_weight: float = 0.6
    trigram_weight: float = 0.5

    def __post_init__(self) -> None:
        """Refuse settings out of bounds."""
        weights = (self.unigram_weight, self.bigram_weight, self.trigram_weight)
        if not 8 <= self.table_bits <= 30 or not all(0 <= weight < 1 for weight in weights):
            raise SettingsError(
                f"fluency cannot work with {self}",
                expected="table_bits in [8, 30], each weight in [0, 1)",
            )

    def fit(
        self, pool: Iterable[Texts], reference: Iterable[Texts] | None = None
    ) -> "FittedFluency":
        """Learn the counts of the reference, or else of the pool."""
        model = Trigrams.learn(pool if reference is None else reference, self.table_bits)
        if (fullest := max(model.filled())) > CROWDED:
            log.warning(
                f"the language model's tables are {fullest:.0%} full: n-grams that share a cell "
                "count too often, and perplexities come out low"
            )
        return FittedFluency(self, model, reference is None)

    def finish(self, scores: Scores) -> Scores:
        """Add `typicality`, which needs the median of all rows."""
        values = scores.columns["log_perplexity"]
        middle = np.median(values[~np.isnan(values)]) if not np.isnan(values).all() else math.nan
        return Scores({**scores.columns, "typicality": -np.abs(values - middle)}, scores.method)

    def __call__(self, texts: Texts) -> Scores:
        """Score the texts as a pool by themselves."""
        return score_in_chunks({"fluency": self}, lambda: [texts])["fluency"]


@dataclass(frozen=True)
class FittedFluency:
    """A learnt model; maps any chunk of the pool's texts to `log_perplexity`."""

    scorer: Fluency
    model: Trigrams
    leave_out: bool

    def __call__(self, texts: Texts) -> Scores:
        """Score each text against the model."""
        scorer = self.scorer
        weights = (scorer.unigram_weight, scorer.bigram_weight, scorer.trigram_weight)
        events = Events.of(texts)
        chance = self.model.probabilities(events, weights, leave_out=self.leave_out)
        # bincount adds in order of place, so a sum depends on its own row alone.
        surprise = np.bincount(events.row, weights=-np.log(chance), minlength=len(texts))
        count = np.bincount(events.row, minlength=len(texts))
        return Scores({"log_perplexity": ratio(surprise, count)}, Method.of(scorer))
