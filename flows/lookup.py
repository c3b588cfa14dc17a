"""Single rows of large Parquet tables, by id: only the row groups that may hold the id are read.

Tables are sorted by id, so that is one group as a rule, found by its least and greatest id; a table
that is not sorted is found through all the same. Imports neither numpy nor polars, and of pyarrow's
functions not the Python module, which takes longer to load than a query to answer: see `start`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow._compute import call_function

BATCH_ROWS = 1024


def rows_of(table: Path, row: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """All rows of that id as dictionaries, NaN as None; an empty list where there is no table."""
    if not table.exists():
        return []
    with pq.ParquetFile(table, memory_map=True) as file:
        return [_plain(found) for found in _found(file, row, columns)]


def _found(file: pq.ParquetFile, row: str, columns: list[str] | None) -> Iterator[dict[str, Any]]:
    place = file.schema_arrow.get_field_index("id")
    for group in range(file.metadata.num_row_groups):
        known = file.metadata.row_group(group).column(place).statistics
        if known is not None and known.has_min_max and not known.min <= row <= known.max:
            continue
        ids = file.read_row_group(group, columns=["id"], use_threads=False).column(0)
        equal = call_function("equal", [ids, pa.scalar(row, ids.type)])
        hits = call_function("indices_nonzero", [equal]).to_pylist()
        if hits:
            yield from _rows(file, group, columns, hits)


def _rows(
    file: pq.ParquetFile, group: int, columns: list[str] | None, hits: list[int]
) -> Iterator[dict[str, Any]]:
    """Rows of a group by their places in it, rising; what comes after the last is not decoded."""
    start = 0
    for batch in file.iter_batches(BATCH_ROWS, [group], columns, use_threads=False):
        end = start + len(batch)
        for at in hits:
            if start <= at < end:
                yield from batch.slice(at - start, 1).to_pylist()
        if hits[-1] < end:
            return
        start = end


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    return {name: None if value != value else value for name, value in found.items()}


def all_ids(table: Path) -> list[str]:
    """The distinct ids of a table, sorted."""
    return sorted(set(pq.read_table(table, columns=["id"], use_threads=False)[0].to_pylist()))


def share_at_or_below(table: Path, name: str, value: float) -> float:
    """The percentile of a value among all rows of a column, in %; null and NaN do not count."""
    import pyarrow.compute as pc

    column = pq.read_table(table, columns=[name], use_threads=False)[0].cast(pa.float64())
    known = column.filter(pc.invert(pc.is_nan(column)))  # a null is dropped with its null test
    count = int(pc.sum(pc.less_equal(known, float(value))).as_py())
    return round(100 * count / len(known), 1)
