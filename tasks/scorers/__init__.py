"""Scorers: what one row is worth, as columns with a stated direction, range, unit and source."""

from typing import Final

from tasks.scorers.compression import Compression
from tasks.scorers.contract import Column, Scorer
from tasks.scorers.contribution import Isolation, VectorScorer, VendiContribution
from tasks.scorers.fluency import Fluency
from tasks.scorers.repetition import Repetition
from tasks.scorers.rules import Rules

SCORERS: Final[dict[str, type[Scorer]]] = {
    "rules": Rules,
    "repetition": Repetition,
    "compression": Compression,
    "fluency": Fluency,
}
COLUMNS: Final[dict[str, Column]] = {
    name: column for scorer in SCORERS.values() for name, column in scorer.columns.items()
}
VECTOR_SCORERS: Final[dict[str, type[VectorScorer]]] = {  # of vectors; the others see texts
    "vendi": VendiContribution,
    "isolation": Isolation,
}
VECTOR_COLUMNS: Final[dict[str, Column]] = {
    name: column for scorer in VECTOR_SCORERS.values() for name, column in scorer.columns.items()
}
