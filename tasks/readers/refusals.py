"""Quarantine: conflicts found after reading, the order of its rows, and the error that shows it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa

from schemas.errors import QuarantineError
from schemas.params import IngestParams
from schemas.plain import plain
from tasks.readers.layout import REFUSED
from tasks.readers.spool import read_columns

_ORDER: Final = ["id", "file", "rule", "column", "raw_sha256", "row"]
_COLUMNS: Final = ("shape", "text_key", "instruction_key", "output_key", "messages_key")
_SETTINGS: Final = {  # settings of block ingest that may be at fault
    "bad_id": ("id_key",),
    "blank_text": _COLUMNS,
    "conflicting_id": ("id_key",),
    "missing_column": _COLUMNS,
    "missing_id": ("id_key",),
    "missing_text": _COLUMNS,
    "record_too_large": ("max_record_bytes",),
    "too_long": ("max_chars",),
    "wrong_type": (*_COLUMNS, "input_key", "source_key"),
}


def conflicts(accepted: Path, judged: pl.DataFrame, id_key: str) -> Iterator[pa.Table]:
    """Yield refused rows for all records whose id is used for more than one content."""
    start = 0
    for part in read_columns(accepted, ["id", "file", "row", "line", "record_sha256"]):
        contents = judged["contents"].slice(start, len(part))
        start += len(part)
        rows = part.with_columns(contents=contents).filter(pl.col("contents") > 1)
        hint = "no one can tell which is right: give each its own id, or name another ingest.id_key"
        found = pl.format("{} different contents", "contents")
        table = rows.with_columns(
            pl.lit("conflicting_id").alias("rule"),
            pl.lit(id_key).alias("column"),
            pl.lit("one content for one id").alias("expected"),
            found.alias("found"),
            pl.lit(hint).alias("hint"),
            pl.col("record_sha256").alias("raw_sha256"),
            pl.lit(500).alias("size"),
        )
        yield table.select(REFUSED.names).to_arrow(compat_level=pl.CompatLevel.oldest())


def order(refused: Path) -> pl.DataFrame:
    """`rank` and `size` of the spooled rows: by id, file, rule, column, hash and last by row."""
    parts = list(read_columns(refused, [*_ORDER, "size"]))
    if not parts:
        return pl.DataFrame(schema={"rank": pl.Int64, "size": pl.Int64})
    keys = pl.concat(parts).with_row_index("position")
    places = keys.sort(_ORDER).select("position").with_row_index("rank")
    ranks = places.sort("position")["rank"].cast(pl.Int64)
    return keys.select(rank=ranks, size="size")


def too_many(facts: dict[str, Any], settings: IngestParams, table: Path) -> QuarantineError | None:
    """Give the error to raise if more is refused than allowed or nothing is accepted; else None."""
    forgotten = facts["quarantined_by_rule"].get("forgotten", 0)  # taken down, not at fault
    read, refused = facts["records_read"], facts["quarantined"] - forgotten
    limit, share = settings.max_quarantine_share, refused / read
    if facts["accepted"] and share <= limit:
        return None
    rules: dict[str, int] = facts["quarantined_by_rule"]
    names = sorted({name for rule in rules for name in _SETTINGS.get(rule, ())})
    look = f"; look at {', '.join(f'ingest.{name}' for name in names)}" if names else ""
    allowed = f"at most {100 * limit:g} % refused"
    return QuarantineError(
        f"{refused:,} of {read:,} records were refused\n{_examples(table, rules)}",
        expected=f"{allowed} and at least one accepted; found {100 * share:.3g} % refused",
        where=f"every refused record is a row of {table.as_posix()}",
        remedy=f"mend the records{look}; or allow more with ingest.max_quarantine_share",
    )


def by_rule(table: Path) -> dict[str, int]:
    """Refused records per rule, in the rules' alphabetical order."""
    counts = pl.scan_parquet(table).group_by("rule").len().sort("rule").collect()
    return dict(counts.iter_rows())


def _examples(table: Path, rules: dict[str, int]) -> str:
    """One block per rule, the most frequent first: its count and the first such row."""
    first = pl.scan_parquet(table).unique("rule", keep="first", maintain_order=True).collect()
    examples = {row["rule"]: row for row in first.iter_rows(named=True)}
    lines = []
    for rule, count in sorted(rules.items(), key=lambda item: (-item[1], item[0])):
        row = examples[rule]
        lines.append(f"    {count:>9,}  {rule:<18} for example {_place(row)}")
        if row["column"]:
            lines.append(f"{'column':>24}: {row['column']}")
        lines += [f"{name:>24}: {row[name]}" for name in ("expected", "found", "hint")]
    return "\n".join(lines)


def _place(row: dict[str, Any]) -> str:
    file = plain(row["source_file"])
    if row["line"] is not None:
        return f"{file}:{row['line']}"
    return f"{file} row {row['row']}" if row["row"] else file
