"""Which records are the same: exact duplicates, their keeper, and ids used for two contents."""

from typing import Final

import numpy as np
import polars as pl
from jaxtyping import Bool, Int, UInt64

from schemas.errors import ContractError

KEYS: Final = ["id", "content_sha256", "twin_sha256", "file", "row", "size"]
_HALVES: Final = ("content_high", "content_low")
_ORDER: Final = ["id", *_HALVES, "twin_high", "twin_low", "file", "row"]
_JUDGED: Final = {
    "rank": pl.Int64,
    "contents": pl.Int32,
    "duplicate_of": pl.String,
    "size": pl.Int64,
}


def compact(keys: pl.DataFrame) -> pl.DataFrame:
    """Shorten both hashes to 128 bits as integers: 32 bytes a row instead of 160.

    Two different contents share 128 bits with probability n^2 / 2^129: 10^-25 at 10 million rows.
    """
    halves = [
        pl.col(f"{name}_sha256")
        .str.slice(start, 16)
        .str.to_integer(base=16, dtype=pl.UInt64)
        .alias(f"{name}_{half}")
        for name in ("content", "twin")
        for start, half in ((0, "high"), (16, "low"))
    ]
    return keys.select("id", *halves, "file", "row", "size")


def judge(keys: pl.DataFrame | None) -> pl.DataFrame:
    """Order records and find duplicates and conflicts; one row per row of `keys`, in its order.

    `rank`: place in the sorted table, -1 where the id conflicts. `duplicate_of`: id of the keeper,
    null for a keeper. `contents`: how many different contents the record's id is used for.
    The keeper of a content is its smallest id, then smallest twin digest, file and row. O(n log n)
    time and about 250 bytes a row of memory beside the keys.
    """
    if keys is None:
        return pl.DataFrame(schema=_JUDGED)
    order = keys.select(pl.arg_sort_by(_ORDER)).to_series().to_numpy()
    first, new_content = _changes(keys, order)
    starts, run = np.flatnonzero(first), np.cumsum(first) - 1  # a run: the rows of one id
    contents = np.add.reduceat(new_content.astype(np.int32), starts)
    heads = order[starts]
    high, low = (keys[name].to_numpy()[heads] for name in _HALVES)
    keeper = _keepers(high, low, contents == 1)
    kept = (contents == 1)[run]
    twin = np.flatnonzero(kept & ~(first & (keeper[run] == run)))
    if len(twin) != kept.sum() - len(np.unique(keeper[contents == 1])):
        raise ContractError("not one keeper for each content", where="tasks.readers.identity")
    positions = len(order)
    rank, spread = np.empty(positions, np.int64), np.empty(positions, np.int32)
    rank[order] = np.where(kept, np.cumsum(kept) - 1, -1)
    spread[order] = contents[run]
    of = np.full(positions, -1, np.int64)
    of[order[twin]] = heads[keeper[run[twin]]]
    named = keys["id"].gather(pl.Series(of).replace(-1, None))
    return pl.DataFrame([rank, spread, named, keys["size"]], schema=_JUDGED)


def _changes(
    keys: pl.DataFrame, order: Int[np.ndarray, " n"]
) -> tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Mark, in sorted order, the rows where a new id begins, and a new content of an id."""
    ids = keys["id"].gather(order)
    first = (ids != ids.shift(1)).fill_null(value=True).to_numpy().copy()
    new_content = first.copy()
    for name in _HALVES:
        half = keys[name].to_numpy()[order]
        new_content[1:] |= half[1:] != half[:-1]
    return first, new_content


def _keepers(
    high: UInt64[np.ndarray, " r"], low: UInt64[np.ndarray, " r"], sound: Bool[np.ndarray, " r"]
) -> Int[np.ndarray, " r"]:
    """Give each id that is used for one content the first such id of the same content, else -1."""
    ids = np.flatnonzero(sound)
    ids = ids[np.lexsort((low[ids], high[ids]))]  # stable: equal contents stay in order of id
    new = np.ones(len(ids), dtype=bool)
    new[1:] = (high[ids[1:]] != high[ids[:-1]]) | (low[ids[1:]] != low[ids[:-1]])
    keeper = np.full(len(sound), -1, dtype=np.int64)
    keeper[ids] = ids[new][np.cumsum(new) - 1]
    return keeper
