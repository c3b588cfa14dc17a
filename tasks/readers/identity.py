"""Which records are the same: exact duplicates, their keeper, and ids used for two contents."""

from typing import Final

import numpy as np
import polars as pl

from schemas.errors import ContractError

_CONTENT: Final = ["content_high", "content_low"]
KEYS: Final = ["id", "content_sha256", "twin_sha256", "file", "row", "size"]

_JUDGED: Final = {
    "rank": pl.Int64,
    "contents": pl.Int64,
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
    time; about 400 bytes a row of memory while sorting.
    """
    if keys is None:
        return pl.DataFrame(schema=_JUDGED)
    order = ["id", *_CONTENT, "twin_high", "twin_low", "file", "row"]
    rows = keys.drop("size").with_row_index("position").sort(order)
    rows = rows.select("position", "id", *_CONTENT)
    first, contents = _runs(rows)
    kept = contents == 1
    keepers = (
        rows.filter(pl.Series(first & kept))
        .unique(_CONTENT, keep="first", maintain_order=True)
        .select(*_CONTENT, keeper="id", keeper_position="position")
    )
    if keepers["keeper"].n_unique() < len(keepers):
        raise ContractError("two keepers share an id", where="tasks.readers.identity")
    rank = np.where(kept, np.cumsum(kept) - 1, -1)
    rows = rows.with_columns(rank=pl.Series(rank), contents=pl.Series(contents))
    is_keeper = pl.col("position") == pl.col("keeper_position")
    return (
        rows.join(keepers, on=_CONTENT, how="left")
        .select(
            "position",
            "rank",
            "contents",
            duplicate_of=pl.when(is_keeper).then(None).otherwise(pl.col("keeper")),
        )
        .sort("position")
        .select("rank", "contents", "duplicate_of", size=keys["size"])
    )


def _runs(rows: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Say of rows sorted by id and content: first of its id, and contents its id is used for."""
    same_id = rows.select(pl.col("id").eq_missing(pl.col("id").shift())).to_series().to_numpy()
    high, low = (rows[name].to_numpy() for name in _CONTENT)
    first = ~same_id
    first[0] = True
    new_content = first.copy()
    new_content[1:] |= (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    starts = np.flatnonzero(first)
    contents = np.add.reduceat(new_content.astype(np.int64), starts)
    return first, np.repeat(contents, np.diff(np.append(starts, len(rows))))
