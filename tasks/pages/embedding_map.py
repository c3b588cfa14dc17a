"""The map: which rows are shown and where they lie. Deterministic, on one thread."""

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from jaxtyping import Float
from threadpoolctl import threadpool_limits

KINDS: Final = ("kept", "dropped", "duplicate")
FEW_ROWS: Final = 30  # below, neighbourhoods mean little: principal components alone
PCA_WIDTH: Final = 50
ITERATIONS: Final = 500  # half of the usual: the picture is the same, the wait is half
OFFSET: Final = 0.012  # of the map's width: a duplicate beside its keeper


def sample(rows: pl.DataFrame, limit: int) -> pl.DataFrame:
    """Pick at most `limit` rows of (id, kind, place_id), in proportion to their kind.

    Within a kind the smallest hashes of the id are shown; rows at whose place a shown duplicate is
    drawn come first. Every kind that occurs is shown.
    """
    rows = rows.with_columns(order=pl.col("id").map_elements(id_hash, return_dtype=pl.UInt64)).sort(
        "order", "id", "file", "row"
    )
    duplicates, embedded = (
        rows.filter(pl.col("kind") == "duplicate"),
        rows.filter(pl.col("kind") != "duplicate"),
    )
    if len(rows) <= limit:
        return rows.sort("id", "file", "row")
    twins = min(limit // 2, max(len(duplicates) * limit // len(rows), min(len(duplicates), 1)))
    shown = duplicates.head(twins)
    needed = embedded.filter(pl.col("id").is_in(shown["place_id"].to_list()))
    others = embedded.filter(~pl.col("id").is_in(needed["id"].to_list()))
    left = limit - len(shown) - len(needed)
    parts = [shown, needed]
    for kind in ("kept", "dropped"):
        of_kind = others.filter(pl.col("kind") == kind)
        parts.append(of_kind.head(round(left * len(of_kind) / max(len(others), 1))))
    return pl.concat(parts).head(limit).sort("id", "file", "row")


def id_hash(text: str) -> int:
    """64 bits that depend on the text alone: an order without preference."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def coordinates(vectors: Float[np.ndarray, "n d"], seed: int) -> Float[np.ndarray, "n 2"]:
    """Place unit vectors in the plane: t-SNE (van der Maaten and Hinton, 2008) after PCA to 50.

    Axes have no meaning; near points are near in the embedding, far distances are not to scale.
    Each axis is scaled to [-1, 1], three decimals.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    if len(vectors) < 3:
        return np.column_stack([np.arange(len(vectors), dtype=float), np.zeros(len(vectors))])
    if not np.ptp(vectors, axis=0).any():
        return np.zeros((len(vectors), 2))
    width = min(PCA_WIDTH, *vectors.shape)
    with threadpool_limits(limits=1):
        reduced = PCA(width, svd_solver="full").fit_transform(vectors.astype(np.float64))
        if len(vectors) >= FEW_ROWS:
            perplexity = min(30.0, (len(vectors) - 1) / 4)
            tsne = TSNE(
                2,
                perplexity=perplexity,
                init="pca",
                max_iter=ITERATIONS,
                random_state=seed % 2**32,
                n_jobs=1,
            )
            reduced = tsne.fit_transform(reduced.astype(np.float32)).astype(np.float64)
    flat = np.zeros((len(vectors), 2))
    flat[:, : min(2, reduced.shape[1])] = reduced[:, :2]
    centred = flat - (flat.max(axis=0) + flat.min(axis=0)) / 2
    reach = np.abs(centred).max(axis=0)
    scaled: np.ndarray = np.round(centred / np.where(reach > 0, reach, 1.0), 3) + 0.0  # no -0.0
    return scaled


def beside(places: Float[np.ndarray, "m 2"], keys: Sequence[str]) -> Float[np.ndarray, "m 2"]:
    """Move each place a little, in a direction that depends on the row alone."""
    angle = np.array([id_hash(key) / 2**64 for key in keys]) * 2 * np.pi
    step = 2 * OFFSET * np.column_stack([np.cos(angle), np.sin(angle)])
    moved: np.ndarray = np.round(places + step.reshape(places.shape), 3) + 0.0
    return moved
