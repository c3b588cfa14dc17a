"""What a scorer is: a frozen dataclass that turns texts into columns in three steps.

`fit` sees the whole pool once, in chunks; what it returns maps one chunk of texts to columns;
`finish` adds what only all rows together can tell. Most scorers look at one row at a time: their
`fit` returns themselves and their `finish` changes nothing, so only `__call__` is written.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np

from schemas.results import Scores

Texts = Sequence[str]
Chunks = Callable[[], Iterable[Texts]]  # each call starts again at the first row
Direction = Literal["higher", "lower", "middle", "neither"]


@dataclass(frozen=True)
class Column:
    """What a score column means: its better end, closed range, unit and source (author, year)."""

    direction: Direction
    low: float
    high: float
    unit: str
    source: str
    meaning: str


class Scorer(Protocol):
    """A scorer: its fields are its settings, `columns` declares every column it returns."""

    version: ClassVar[str]
    columns: ClassVar[dict[str, Column]]

    def fit(
        self,
        pool: Iterable[Texts],  # noqa: ARG002
        reference: Iterable[Texts] | None = None,  # noqa: ARG002
    ) -> Callable[[Texts], Scores]:
        """Learn from the reference texts, or else from the pool; here there is nothing to learn."""
        return self

    def finish(self, scores: Scores) -> Scores:
        """Add the columns that depend on the whole pool; here there are none."""
        return scores

    def __call__(self, texts: Texts) -> Scores:
        """Score texts that are a whole pool by themselves: one value per text and column."""
        ...


def score_in_chunks(
    scorers: Mapping[str, Scorer], pool: Chunks, reference: Chunks | None = None
) -> dict[str, Scores]:
    """Fit every scorer, map the pool chunk by chunk, finish: one `Scores` per scorer."""
    fitted = {
        name: scorer.fit(pool(), reference() if reference else None)
        for name, scorer in scorers.items()
    }
    parts: dict[str, list[Scores]] = {name: [] for name in scorers}
    for texts in pool():
        for name, score in fitted.items():
            parts[name].append(score(texts))
    for name, score in fitted.items():
        parts[name] = parts[name] or [score([])]
    return {name: scorers[name].finish(_joined(found)) for name, found in parts.items()}


def _joined(parts: Sequence[Scores]) -> Scores:
    names = parts[0].columns
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in names}
    return Scores(columns, parts[0].method)
