"""Scorer `rules`: the surface rules by which Gopher, C4 and FineWeb clean web documents."""

import math
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from schemas.results import Method, Scores
from tasks.scorers.contract import Column, Direction, Scorer, Texts
from tasks.scorers.surface import measure

SOURCES: Final = {
    "gopher": "Rae et al. 2021",
    "c4": "Raffel et al. 2020",
    "fineweb": "Penedo et al. 2024",
}


@dataclass(frozen=True)
class Rule:
    """A measured quantity and the closed interval in which a text passes; None = no bound."""

    name: str
    low: float | None
    high: float | None
    unit: str
    meaning: str

    def passes(self, values: np.ndarray) -> np.ndarray:
        """1.0 where the value lies within the bounds, else 0.0; NaN does not pass."""
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        passed: np.ndarray = ((values >= low) & (values <= high)).astype(np.float64)
        return passed

    @property
    def source(self) -> str:
        """Author and year of the rule."""
        return SOURCES[self.name.split("_")[0]]

    @property
    def direction(self) -> Direction:
        """The better end: the middle where both ends are bounded."""
        if self.low is not None and self.high is not None:
            return "middle"
        return "lower" if self.low is None else "higher"


RULES: Final = (
    Rule("gopher_words", 50, 100_000, "words", "runs without whitespace"),
    Rule("gopher_mean_word_length", 3, 10, "characters", "characters per word"),
    Rule("gopher_hashes_per_word", None, 0.1, "per word", "signs # per word"),
    Rule("gopher_ellipses_per_word", None, 0.1, "per word", "... or … per word"),
    Rule("gopher_bullet_lines", None, 0.9, "share", "lines that start with a bullet"),
    Rule("gopher_ellipsis_lines", None, 0.3, "share", "lines that end with ... or …"),
    Rule("gopher_alphabetic_words", 0.8, None, "share", "words with at least one letter"),
    Rule("gopher_stop_words", 2, None, "words", "of the, be, to, of, and, that, have, with"),
    # C4 drops single lines; that half of a text's lines must survive is our reading.
    Rule("c4_terminal_lines", 0.5, None, "share", 'lines that end in . ? ! or "'),
    Rule("c4_long_lines", 0.5, None, "share", "lines of at least three words"),
    Rule("c4_boilerplate_lines", None, 0, "share", "lines on javascript, cookies or policies"),
    Rule("c4_lorem_ipsum", None, 0, "times", "occurrences of lorem ipsum"),
    Rule("c4_curly_brackets", None, 0, "times", "signs {, a mark of code"),
    Rule("c4_sentences", 5, None, "sentences", "runs of . ? ! before whitespace or the end"),
    Rule("fineweb_terminal_lines", 0.12, None, "share", "lines that end a sentence, any script"),
    Rule("fineweb_short_lines", None, 0.67, "share", "lines of at most 30 characters"),
    Rule("fineweb_duplicate_line_characters", None, 0.01, "share", "in lines seen before"),
    Rule("fineweb_newlines_per_word", None, 0.3, "per word", "line ends per word"),
)


def _columns(rule: Rule) -> dict[str, Column]:
    high = 1.0 if rule.unit == "share" else math.inf
    source = rule.source
    bounds = f"passes within [{rule.low}, {rule.high}]".replace("None", "-")
    return {
        rule.name: Column(rule.direction, 0.0, high, rule.unit, source, rule.meaning),
        f"{rule.name}_ok": Column("higher", 0.0, 1.0, "1 or 0", source, bounds),
    }


@dataclass(frozen=True)
class Rules(Scorer):
    """Each rule's measured quantity, its flag `<rule>_ok` (1 passed, 0 failed), and their mean.

    `rules_passed` is the share of rules passed, in [0, 1], higher is better. A quantity that a text
    cannot have (no words, no lines) is NaN and fails. The bounds are those for web documents: short
    instructions and code fail many of them by nature, so read the columns, not the mean alone.
    """

    version: ClassVar[str] = "1.0.0"
    columns: ClassVar[dict[str, Column]] = {
        **{name: column for rule in RULES for name, column in _columns(rule).items()},
        "rules_passed": Column(
            "higher", 0.0, 1.0, "share", "; ".join(SOURCES.values()), "share of the rules passed"
        ),
    }
    rules: tuple[Rule, ...] = RULES

    def __call__(self, texts: Texts) -> Scores:
        """Measure each text by itself."""
        measured = measure(texts)
        columns, flags = {}, []
        for rule in self.rules:
            flags.append(rule.passes(measured[rule.name]))
            columns[rule.name], columns[f"{rule.name}_ok"] = measured[rule.name], flags[-1]
        columns["rules_passed"] = np.mean(flags, axis=0)
        return Scores(columns, Method.of(self))
