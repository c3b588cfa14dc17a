"""One pass over all vectors: their moments, lengths and repeats, and a sample by hash of id."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.spectrum import gram_of

SAMPLE_ROWS: Final = 5_000
LONG: Final = 4  # times SAMPLE_ROWS: rows held before those of larger hash are let go


@dataclass(frozen=True)
class Pooled:
    """What one pass leaves of n rows: sums, counts and a sample.

    `lengths` is (least, mean, largest, standard deviation) of the rows' lengths; `total` and
    `gram` sum x and x x^T over finite rows; `repeats` counts rows whose bits another row had before
    them; `sample` holds the rows of smallest hash of id and `sample_ids` their ids, sorted by hash.
    """

    rows: int
    not_finite: int
    lengths: tuple[float, float, float, float]
    total: Float[np.ndarray, " d"]
    gram: Float[np.ndarray, "d d"]
    repeats: int
    sample_ids: list[str]
    sample: Float[np.ndarray, "m d"]

    @property
    def finite(self) -> int:
        """Rows that the moments are of."""
        return self.rows - self.not_finite


def pool_rows(
    parts: Iterable[tuple[Sequence[str], Float[np.ndarray, "n d"]]],
    width: int,
    sample_rows: int = SAMPLE_ROWS,
) -> Pooled:
    """Go over (ids, vectors) once. O(n d^2) time; memory is the sample and 24 bytes per row."""
    gram, total = np.zeros((width, width)), np.zeros(width)
    lengths, marks, not_finite = [np.empty(0)], [np.empty(0, dtype=np.uint64)], 0
    kept = _Sample(sample_rows, width)
    for ids, vectors in parts:
        whole = np.isfinite(vectors).all(axis=1)
        not_finite += len(whole) - int(whole.sum())
        rows = np.ascontiguousarray(vectors[whole], dtype=np.float32)
        gram += gram_of([rows], width)
        total += rows.sum(axis=0, dtype=np.float64)
        lengths.append(np.linalg.norm(rows.astype(np.float64), axis=1))
        marks.append(np.array([_hash(row.tobytes()) for row in rows], dtype=np.uint64))
        kept.offer([row_id for row_id, is_whole in zip(ids, whole, strict=True) if is_whole], rows)
    all_lengths, all_marks = np.concatenate(lengths), np.concatenate(marks)
    sample_ids, sample = kept.rows()
    return Pooled(
        rows=len(all_lengths) + not_finite,
        not_finite=not_finite,
        lengths=_summary(all_lengths),
        total=total,
        gram=gram,
        repeats=len(all_marks) - len(np.unique(all_marks)),
        sample_ids=sample_ids,
        sample=sample,
    )


class _Sample:
    """The rows of smallest hash of id among those offered so far."""

    def __init__(self, size: int, width: int):
        self.size = size
        self.ids: list[str] = []
        self.hashes: Int[np.ndarray, " m"] = np.empty(0, dtype=np.uint64)
        self.vectors: Float[np.ndarray, "m d"] = np.empty((0, width), dtype=np.float32)

    def offer(self, ids: Sequence[str], vectors: Float[np.ndarray, "n d"]) -> None:
        found = np.array([_hash(row_id.encode()) for row_id in ids], dtype=np.uint64)
        near = np.arange(len(ids))
        if len(self.ids) >= self.size:
            near = np.flatnonzero(found < np.partition(self.hashes, self.size - 1)[self.size - 1])
        self.ids += [ids[int(place)] for place in near]
        self.hashes = np.concatenate([self.hashes, found[near]])
        self.vectors = np.concatenate([self.vectors, vectors[near]])
        if len(self.ids) > LONG * self.size:
            self.ids, self.vectors = self.rows()
            self.hashes = np.sort(self.hashes)[: self.size]

    def rows(self) -> tuple[list[str], Float[np.ndarray, "m d"]]:
        order = np.argsort(self.hashes, kind="stable")[: self.size]
        return [self.ids[place] for place in order], self.vectors[order]


def _hash(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest())


def _summary(lengths: Float[np.ndarray, " n"]) -> tuple[float, float, float, float]:
    if not len(lengths):
        return (0.0, 0.0, 0.0, 0.0)
    return (*map(float, (lengths.min(), lengths.mean(), lengths.max(), lengths.std())),)  # type: ignore
