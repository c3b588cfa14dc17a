"""What an export can be asked for. Imports nothing heavy: the command's help names it."""

from enum import StrEnum
from typing import Final

SHARD_ROWS: Final = 100_000


class Format(StrEnum):
    """How rows are written; `datasets` is Parquet laid out as Hugging Face's hub has it."""

    PARQUET = "parquet"
    JSONL = "jsonl"
    ALPACA = "alpaca"
    MESSAGES = "messages"
    DATASETS = "datasets"

    @property
    def is_parquet(self) -> bool:
        """Whether its files are Parquet; else they are lines of JSON."""
        return self in (Format.PARQUET, Format.DATASETS)


class Compression(StrEnum):
    """How lines of JSON are packed."""

    NONE = "none"
    GZ = "gz"
    ZST = "zst"


class Order(StrEnum):
    """By which column the rows are sorted."""

    RANK = "rank"
    ID = "id"
