"""How many bytes each row of an Arrow batch takes once its dictionaries are written out."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float

_VALUE_BYTES: Final = 8  # what a value without a length of its own takes, about


def slices(batch: pa.RecordBatch, limit: int) -> Iterator[pa.RecordBatch]:
    """Cut a batch into parts of at most `limit` bytes; a longer row is a part of its own."""
    sizes = sum((row_bytes(column) for column in batch.columns), np.zeros(len(batch)))
    ends, start = np.cumsum(sizes), 0
    while start < len(batch):
        before = ends[start - 1] if start else 0.0
        end = max(int(np.searchsorted(ends, before + limit, side="right")), start + 1)
        yield batch.slice(start, end - start)
        start = end


def row_bytes(column: pa.Array) -> Float[np.ndarray, " n"]:
    """Bytes of each value: of a list or struct those of all it holds."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _dictionary_bytes(column)
    if pa.types.is_struct(kind):
        return sum((row_bytes(part) for part in column.flatten()), np.zeros(len(column)))
    if pa.types.is_map(kind):
        return _list_bytes(column, row_bytes(column.keys) + row_bytes(column.items))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _list_bytes(column, row_bytes(column.values))
    if pa.types.is_fixed_size_list(kind):
        inner = row_bytes(column.flatten()).sum() / max(len(column), 1)
        return np.full(len(column), inner)
    if pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_string(kind):
        return _lengths(column)
    return np.full(len(column), float(_VALUE_BYTES))


def _lengths(column: pa.Array) -> Float[np.ndarray, " n"]:
    lengths = pc.fill_null(pc.binary_length(column), 0)
    found: np.ndarray = lengths.to_numpy(zero_copy_only=False).astype(np.float64)
    return found + _VALUE_BYTES


def _dictionary_bytes(column: pa.DictionaryArray) -> Float[np.ndarray, " n"]:
    if not len(column.dictionary):
        return np.full(len(column), float(_VALUE_BYTES))
    places = pc.fill_null(column.indices, 0).to_numpy(zero_copy_only=False)
    found: np.ndarray = row_bytes(column.dictionary)[places]
    return found


def _list_bytes(column: pa.Array, inner: Float[np.ndarray, " m"]) -> Float[np.ndarray, " n"]:
    before = np.concatenate([[0.0], np.cumsum(inner)])
    offsets = column.offsets.to_numpy(zero_copy_only=False)
    found: np.ndarray = before[offsets[1:]] - before[offsets[:-1]] + _VALUE_BYTES
    return found
