"""The contract of every table: grain, key and units in the docstring, checks in the columns.

Validate collected frames only: pandera checks nothing but the schema of a LazyFrame.
"""

from schemas.tables.between_runs import Changes, PreviousRows, PreviousSelection, Survival
from schemas.tables.checking import check
from schemas.tables.chosen import Decisions, RejectedTable, Selected, SelectionTable
from schemas.tables.contract import SHA256, VERDICTS, Table
from schemas.tables.rows import (
    QUARANTINE_RULES,
    Contaminated,
    Documents,
    Duplicates,
    Quarantine,
    StandsFor,
    Vectors,
)
from schemas.tables.scored import Comparison, Profile, RowScores

__all__ = [
    "QUARANTINE_RULES",
    "SHA256",
    "VERDICTS",
    "Changes",
    "Comparison",
    "Contaminated",
    "Decisions",
    "Documents",
    "Duplicates",
    "PreviousRows",
    "PreviousSelection",
    "Profile",
    "Quarantine",
    "RejectedTable",
    "RowScores",
    "Selected",
    "SelectionTable",
    "StandsFor",
    "Survival",
    "Table",
    "Vectors",
    "check",
]
