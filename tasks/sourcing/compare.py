"""One source against its target: what samples alone can tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int

from tasks.metrics.rows import blocks_of
from tasks.sourcing.discrepancy import mean_discrepancy
from tasks.sourcing.domain import FOLDS, tell_apart
from tasks.sourcing.drawing import priority
from tasks.sourcing.gain import Added, coverage_gain
from tasks.sourcing.mixture import proportion
from tasks.sourcing.pool import Sample
from tasks.sourcing.quality import quality_rank
from tasks.sourcing.vocabulary import Vocabulary, vocabulary

LEAST_ROWS: Final = 10  # on either side: with fewer nothing is measured


@dataclass(frozen=True)
class Against:
    """What a source is held to: target, rows of the pool, how well the pool covers the target."""

    target: Sample
    pool: Sample
    covered: Float[np.ndarray, " t"]


def compare(
    source: Sample,
    against: Against,
    added: tuple[Added, Added],
    weights: Mapping[str, float],
    seed: int,
) -> dict[str, Any]:
    """Fields of `Findings` that samples alone can tell; `added`: source rows, and random ones.

    Where there is too little to measure, the values say that nothing is known.
    """
    target, pool = against.target, against.pool
    found: dict[str, Any] = dict(UNKNOWN)
    if min(len(source), len(pool)) >= LEAST_ROWS:
        rank = quality_rank(source.texts, pool.texts, weights)
        found |= dict(zip(("quality", "quality_low", "quality_high"), rank, strict=True))
    if min(len(source), len(target)) < LEAST_ROWS:
        return found
    domain = tell_apart(source.vectors, target.vectors, _folds(source, seed), _folds(target, seed))
    mmd, mmd_p = mean_discrepancy(source.vectors, target.vectors, seed)
    return found | {
        "auc": domain.auc,
        "auc_low": domain.low,
        "auc_high": domain.high,
        "a_distance": domain.a_distance,
        "mmd": mmd,
        "mmd_p": mmd_p,
        "vocabulary": vocabulary(source.texts, target.texts),
        "gain": coverage_gain(target.vectors, blocks_of(target.keys), against.covered, *added),
        "like_target": proportion(-domain.of_a, -domain.of_b),
        "of_target": proportion(domain.of_b, domain.of_a),
        "of_pool": proportion(*_scores(pool if len(pool) >= LEAST_ROWS else target, source, seed)),
    }


UNKNOWN: Final[Mapping[str, Any]] = {
    "auc": 0.5, "auc_low": 0.0, "auc_high": 1.0, "a_distance": 0.0, "mmd": 0.0, "mmd_p": 1.0,
    "vocabulary": Vocabulary(0.0, 0.0, 0.0, 0.0), "gain": None, "quality": 0.5, "quality_low": 0.0,
    "quality_high": 1.0, "like_target": 1.0, "of_target": 1.0,
    "of_pool": 1.0,
}  # fmt: skip


def _scores(of: Sample, source: Sample, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """How much each row of a sample, and each of the source, looks like the source, out of fold."""
    found = tell_apart(source.vectors, of.vectors, _folds(source, seed), _folds(of, seed))
    return found.of_b, found.of_a


def _folds(sample: Sample, seed: int) -> Int[np.ndarray, " n"]:
    return np.array([priority(seed, key) % FOLDS for key in sample.keys], dtype=np.int64)
