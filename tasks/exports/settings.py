"""What an export is asked for, and which column of a record held which part of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.errors import SettingsError
from schemas.params import IngestParams
from tasks.exports.choices import SHARD_ROWS, Compression, Format, Order


@dataclass(frozen=True)
class ExportSettings:
    """Settings of an export; `licence` is that of rows which name none themselves."""

    format: Format = Format.PARQUET
    compression: Compression = Compression.NONE
    shard_rows: int = SHARD_ROWS
    order: Order = Order.RANK
    licence: str = ""

    def __post_init__(self) -> None:
        if self.shard_rows < 1:
            raise SettingsError(f"a shard holds at least one row; found {self.shard_rows}")
        if self.format.is_parquet and self.compression != Compression.NONE:
            raise SettingsError(
                f"{self.format} and compression {self.compression} do not go together",
                expected="compression none: Parquet files are compressed inside",
                remedy="leave the compression out, or choose --format jsonl",
            )


@dataclass(frozen=True)
class Keys:
    """The columns of the input that `ingest` was told about."""

    id: str
    source: str
    instruction: str
    input: str
    output: str
    messages: str

    @classmethod
    def of(cls, ingest: Mapping[str, Any]) -> "Keys":
        """Take them from the settings of `ingest`; the defaults stand for what is not there."""
        known = {**IngestParams().model_dump(), **ingest}
        return cls(**{name: str(known[f"{name}_key"]) for name in cls.__dataclass_fields__})
