"""The work itself: stages read files, call methods, write files; methods see arrays only."""

from typing import Final

PIPELINE: Final = (
    "sources",
    "ingest",
    "deduplicate",
    "embed",
    "score",
    "choose",
    "validate",
    "measure",
    "report",
)
