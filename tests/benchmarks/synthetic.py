"""Clustered unit vectors, as a corpus's embeddings look: topics, clusters, outliers, copies."""

import numpy as np
from jaxtyping import Float

CLUSTERS = 2000
TOPICS = 60
OUTLIERS = 0.05
COPIES = 0.10  # rows that are near copies of another row, cosine 0.971 to 0.999
BLOCK = 50_000


def clustered(n: int, d: int, seed: int) -> Float[np.ndarray, "n d"]:
    """n unit rows of width d: clusters of power-law size around centres that share topics.

    Mean cosine inside a cluster is drawn from [0.6, 0.9]. A row depends on (n, d, seed, place).
    """
    random = np.random.default_rng(seed)
    common = _unit(random.standard_normal((1, d)))
    topics = _unit(random.standard_normal((TOPICS, d)))[random.integers(0, TOPICS, CLUSTERS)]
    own = _unit(random.standard_normal((CLUSTERS, d)))
    centres = _unit(0.30 * common + 0.45 * topics + 0.85 * own)
    closeness = random.uniform(0.6, 0.9, CLUSTERS)
    size = 1 / np.arange(1, CLUSTERS + 1) ** 0.9
    cluster = random.choice(CLUSTERS, n, p=size / size.sum())
    kind = random.random(n)
    rows = np.empty((n, d), dtype=np.float32)
    for start in range(0, n, BLOCK):
        part = slice(start, min(n, start + BLOCK))
        noise = _unit(random.standard_normal((part.stop - start, d)))
        share = closeness[cluster[part]][:, None]
        inside = np.sqrt(share) * centres[cluster[part]] + np.sqrt(1 - share) * noise
        outlier = (kind[part] < OUTLIERS)[:, None]
        rows[part] = _unit(np.where(outlier, 0.2 * common + noise, inside))
    copy = np.flatnonzero((kind >= OUTLIERS) & (kind < OUTLIERS + COPIES))
    originals = np.flatnonzero(kind >= OUTLIERS + COPIES)
    if len(originals):
        _make_copies(rows, copy, random.choice(originals, len(copy)), random)
    return rows


def _make_copies(
    rows: np.ndarray, copy: np.ndarray, source: np.ndarray, random: np.random.Generator
) -> None:
    for start in range(0, len(copy), BLOCK):
        part = slice(start, start + BLOCK)
        of = rows[source[part]]
        noise = random.standard_normal(of.shape)
        across = _unit(noise - (noise * of).sum(axis=1, keepdims=True) * of)
        cosine = random.uniform(0.971, 0.999, (len(of), 1))
        rows[copy[part]] = _unit(cosine * of + np.sqrt(1 - cosine**2) * across)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
