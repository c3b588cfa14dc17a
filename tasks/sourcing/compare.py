"""One source against its target: shift, share and quality on samples alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from tasks.metrics.view import blocks_of
from tasks.sourcing.discrepancy import mean_discrepancy
from tasks.sourcing.domain import FOLDS, tell_apart
from tasks.sourcing.drawing import priority
from tasks.sourcing.findings import Findings
from tasks.sourcing.gain import Added, coverage_gain
from tasks.sourcing.mixture import proportion
from tasks.sourcing.pool import Sample
from tasks.sourcing.quality import quality_rank
from tasks.sourcing.vocabulary import vocabulary


@dataclass(frozen=True)
class Against:
    """What a source is held to: target, rows of the pool, how well the pool covers the target."""

    target: Sample
    pool: Sample
    covered: Float[np.ndarray, " t"]


def compare(
    name: str,
    source: Sample,
    against: Against,
    added: tuple[Added, Added],
    weights: Mapping[str, float],
    seed: int,
) -> Findings:
    """Measure everything that needs samples alone; `added`: rows of the source, and random ones."""
    target = against.target
    domain = tell_apart(source.vectors, target.vectors, _folds(source, seed), _folds(target, seed))
    mmd, mmd_p = mean_discrepancy(source.vectors, target.vectors, seed)
    gain = coverage_gain(target.vectors, blocks_of(target.keys), against.covered, *added)
    quality, low, high = quality_rank(source.texts, against.pool.texts, weights)
    return Findings(
        name=name,
        kind="",
        rows=len(source),
        sampled=len(source),
        records=len(source),
        refused=0,
        target_rows=len(target),
        auc=domain.auc,
        auc_low=domain.low,
        auc_high=domain.high,
        a_distance=domain.a_distance,
        mmd=mmd,
        mmd_p=mmd_p,
        mmd_p_holm=mmd_p,
        vocabulary=vocabulary(source.texts, target.texts),
        gain=gain,
        gain_p_holm=gain.p if gain else 1.0,
        redundant=0.0,
        known_share=0.0,
        quality=quality,
        quality_low=low,
        quality_high=high,
        like_target=proportion(-domain.of_a, -domain.of_b),
        of_target=proportion(domain.of_b, domain.of_a),
    )


def _folds(sample: Sample, seed: int) -> Int[np.ndarray, " n"]:
    return np.array([priority(seed, key) % FOLDS for key in sample.keys], dtype=np.int64)
