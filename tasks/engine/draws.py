"""Random streams that depend on (seed, purpose, row id) alone, and orders drawn from them."""

import hashlib

import numpy as np
from jaxtyping import Float, Int


def uniform_keys(ids: np.ndarray, seed: int, purpose: str) -> Float[np.ndarray, " n"]:
    """One number in [0, 1) per row id, equal whichever other rows are present."""
    salt = hashlib.blake2b(f"{seed}\0{purpose}".encode(), digest_size=16).digest()
    digests = b"".join(
        hashlib.blake2b(str(row_id).encode(), digest_size=8, salt=salt).digest() for row_id in ids
    )
    return np.frombuffer(digests, dtype=">u8") / 2.0**64


def ranks_within(key: Float[np.ndarray, " n"], group: Int[np.ndarray, " n"]) -> np.ndarray:
    """Rank from 0 of each row inside its group, by ascending key (lower index on ties)."""
    order = np.lexsort((np.arange(len(key)), key, group))
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    sizes = np.diff(np.append(starts, len(order)))
    ranks = np.empty(len(key), dtype=np.int64)
    ranks[order] = np.arange(len(order)) - np.repeat(starts, sizes)
    return ranks
