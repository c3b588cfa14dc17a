"""Texts as bytes, each ended by the byte 0, and what foretelling them costs per byte."""

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
from jaxtyping import Float, Int, UInt8

from tasks.proving.task import Task

SYMBOLS: Final = 256


def joined(texts: Iterable[str]) -> tuple[UInt8[np.ndarray, " e"], Int[np.ndarray, " n"]]:
    """All texts as bytes, each with its end; and where each begins."""
    parts = [text.encode("utf-8", "replace") + b"\0" for text in texts]
    lengths = np.array([len(part) for part in parts], dtype=np.int64)
    return np.frombuffer(b"".join(parts), dtype=np.uint8), np.cumsum(lengths) - lengths


def texts_of(task: Task, rows: Int[np.ndarray, " k"]) -> list[str]:
    """The rows' texts, in the order given."""
    return [task.texts[row] for row in rows]


def bits_per_byte(task: Task, bits: Float[np.ndarray, " t"], rows: Int[np.ndarray, " t"]) -> float:
    """What the rows cost together, their ends counted as bytes; a row that is NaN was not asked."""
    asked = ~np.isnan(bits)
    codes, _ = joined(texts_of(task, rows[asked]))
    return float(bits[asked].sum() / len(codes)) if len(codes) else float("nan")


def within(task: Task, most_bytes: int) -> Int[np.ndarray, " a"]:
    """Places of the test rows to ask: a fixed random order of them, up to so many bytes."""
    order = np.random.default_rng(0).permutation(len(task.test))
    ends = np.cumsum([len(text.encode("utf-8", "replace")) + 1
                      for text in texts_of(task, task.test[order])])  # fmt: skip
    return np.sort(order[: max(1, int(np.searchsorted(ends, most_bytes, side="right")))])


def bits_per_row(
    task: Task, most_bytes: int, bits: Callable[[list[str]], Float[np.ndarray, " e"]]
) -> Float[np.ndarray, " t"]:
    """What each test row costs by `bits`, which tells it byte by byte; NaN for rows not asked."""
    asked = within(task, most_bytes)
    texts = texts_of(task, task.test[asked])
    found = np.full(len(task.test), np.nan)
    found[asked] = np.add.reduceat(bits(texts), joined(texts)[1])
    return found
