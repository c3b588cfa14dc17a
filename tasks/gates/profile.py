"""What a run leaves for the next one to compare with: a sample of its rows, and counts per source.

The sample holds the rows whose ids hash lowest: two runs sample the same rows as far as they have
them, so a row of this sample that the other should have and has not is new (a bottom-k sketch).
"""

import hashlib
from typing import Final

import numpy as np
import polars as pl
from jaxtyping import Bool, Float

ROWS: Final = 5_000
AXES: Final = 32  # of the projection; a test of drift needs no more, and half the rows teach it
PROJECTION_SEED: Final = 20_261_121  # one projection for all runs, or vectors do not compare
DECIMALS: Final = 5
KEYS: Final = ("id", "content_sha256")
NOT_COMPARED: Final = (
    "^nearest_similarity$|^density$|^semantic_similarity$"  # rise as pools grow
    "|^vendi_rarity$|^vendi_loss$|^isolation$"  # say how a row stands to the rest of its own pool
    "|^.*_ok$"  # thresholds of quantities that are compared themselves
)


def hash_of(row_id: str) -> int:
    """A number in [0, 2^64) for an id, the same everywhere."""
    return int.from_bytes(hashlib.blake2b(row_id.encode("utf-8"), digest_size=8).digest())


def sampled(ids: pl.Series, rows: int = ROWS) -> pl.Series:
    """The `rows` ids of lowest hash, sorted; all if there are no more."""
    hashes = np.fromiter((hash_of(row_id) for row_id in ids), np.uint64, len(ids))
    return ids.gather(np.argsort(hashes, kind="stable")[:rows]).sort()


def new_rows(now: pl.DataFrame, before: pl.DataFrame, rows: int = ROWS) -> pl.DataFrame:
    """Those rows of this run's sample that the run before had not, or with another content."""
    reach = max(map(hash_of, before["id"])) if len(before) >= rows else 2**64
    in_reach = pl.Series([hash_of(row_id) <= reach for row_id in now["id"]], dtype=pl.Boolean)
    return now.filter(in_reach).join(before, on=KEYS, how="anti")


def text_statistics(rows: pl.DataFrame) -> pl.DataFrame:
    """Replace `text` by its length in characters and words and the entropy of its signs in bits."""
    texts = rows["text"]
    statistics = {
        "text_characters": texts.str.len_chars().cast(pl.Float64),
        "text_words": texts.str.count_matches(r"\S+").cast(pl.Float64),
        "text_entropy": pl.Series([_entropy(text) for text in texts], dtype=pl.Float64),
    }
    return rows.drop("text").with_columns(**statistics)


def _entropy(text: str) -> float:
    """Shannon's entropy of a text's characters, in bits."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    shares = np.unique(codes, return_counts=True)[1] / max(len(codes), 1)
    return round(float(-(shares * np.log2(shares)).sum()) + 0.0, DECIMALS)


def projected(vectors: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n a"]:
    """Project vectors on AXES random directions (Johnson and Lindenstrauss, 1984), rounded."""
    width = vectors.shape[1]
    wide = vectors.astype(np.float64)
    if width > AXES:
        chance = np.random.default_rng(PROJECTION_SEED)
        wide = wide @ (chance.standard_normal((width, AXES)) / np.sqrt(AXES))
    narrow: np.ndarray = (np.round(wide, DECIMALS) + 0.0).astype(np.float32)
    return narrow


def first_half(ids: pl.Series) -> Bool[np.ndarray, " n"]:
    """About half of the rows, by id alone: the same row is in the same half in every run."""
    return np.array([hash_of(f"half/{row_id}") % 2 == 0 for row_id in ids], dtype=bool)


def measured_columns(*profiles: pl.DataFrame) -> list[str]:
    """The columns of numbers that all these profiles have."""
    shared = set.intersection(*(set(profile.columns) for profile in profiles))
    schema = profiles[0].schema
    return [name for name in profiles[0].columns if name in shared and schema[name].is_float()]


def survival(decisions: pl.DataFrame) -> pl.DataFrame:
    """Records read, kept and refused of each source, sorted; as a rule refused ones have none."""
    verdict = pl.col("verdict")
    return (
        decisions.group_by("source")
        .agg(
            read=pl.len().cast(pl.Int64),
            kept=(verdict == "kept").sum().cast(pl.Int64),
            quarantined=(verdict == "quarantined").sum().cast(pl.Int64),
        )
        .sort("source", nulls_last=True)
    )
