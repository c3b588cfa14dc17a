"""Are the embeddings fit for distances? Measured before any distance is trusted."""

from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.spectrum import effective_number, spectrum
from tasks.health.measures import (
    nearest,
    occurrences,
    same_label,
    shared_neighbours,
    singular_rank,
    skewness,
    two_nn,
    uniformity,
    unit_rows,
    welch_bound,
    whitening,
)
from tasks.health.pooling import Pooled

NEIGHBOURS: Final = 10
MOST_CENTRES: Final = 1_000
LEAST_CENTRES: Final = 20  # fewer say nothing about their angles
ROWS_PER_CENTRE: Final = 5
SHOWN_SHARES: Final = 60  # of the spectrum, for its picture
DIGITS: Final = 5


def examine(pool: Pooled, labels: Int[np.ndarray, " m"] | None = None) -> dict[str, Any]:
    """Every measure as plain numbers. `labels`: a known grouping of the sampled rows, if any.

    Distances are between rows of unit length. About (m^2 d) for m sampled rows.
    """
    unit = unit_rows(pool.sample)
    near, cosines = nearest(unit, NEIGHBOURS)
    counts = occurrences(near)
    found = {
        **_facts(pool),
        "sampled_rows": len(unit),
        "uniformity": uniformity(unit),
        "ideal_uniformity": -4 + 8 / unit.shape[1],
        "hubness": _hubs(counts, near.shape[1]),
        "intrinsic_dimension": two_nn(cosines),
        "coherence": _coherence(unit),
        "whitening": _whitened(pool, near, counts, labels),
    }
    plain: dict[str, Any] = rounded(found)
    return plain


def _facts(pool: Pooled) -> dict[str, Any]:
    """What the moments of all rows tell."""
    least, mean, largest, deviation = pool.lengths
    found: dict[str, Any] = {
        "rows": pool.rows,
        "width": len(pool.total),
        "not_finite": pool.not_finite,
        "length": {"least": least, "mean": mean, "largest": largest, "deviation": deviation},
        "duplicates": {"rows": pool.repeats, "share": pool.repeats / max(pool.rows, 1)},
    }
    if not pool.finite or not np.trace(pool.gram) > 0:
        return {**found, "mean_cosine": None, "effective_rank": None, "spectrum": []}
    centre = pool.total / pool.finite
    shares = spectrum(pool.gram)
    spread = pool.gram / pool.finite - np.outer(centre, centre)
    varies = np.trace(spread) > 1e-9 * np.trace(pool.gram)
    return {
        **found,
        "mean_cosine": float(centre @ centre) / (np.trace(pool.gram) / pool.finite),
        "effective_rank": {
            "vendi_1": effective_number(shares, 1),
            "participation": effective_number(shares, 2),
            "singular_values": singular_rank(shares),
            "numerical": effective_number(shares, 0),
            "first_direction_share": float(shares[0]),
            "centred_vendi_1": effective_number(spectrum(spread), 1) if varies else 1.0,
        },
        "spectrum": shares[:SHOWN_SHARES].tolist(),
    }


def _hubs(counts: Int[np.ndarray, " m"], neighbours: int) -> dict[str, Any]:
    return {
        "neighbours": neighbours,
        "skewness": skewness(counts) if len(counts) else 0.0,
        "largest": int(counts.max(initial=0)),
        "never_share": float((counts == 0).mean()) if len(counts) else 0.0,
        "histogram": np.bincount(np.minimum(counts, 5 * NEIGHBOURS)).tolist(),
    }


def _coherence(unit: Float[np.ndarray, "m d"]) -> dict[str, Any] | None:
    """Largest |cosine| between centres of clusters, beside the least that is possible."""
    asked = min(MOST_CENTRES, len(unit) // ROWS_PER_CENTRE)
    if asked < LEAST_CENTRES:
        return None
    from tasks.engine.buckets import learn_centres

    centres = unit_rows(learn_centres(unit, asked, seed=0)).astype(np.float64)
    cosines = np.abs(centres @ centres.T)
    np.fill_diagonal(cosines, 0)
    pairs = len(centres) * (len(centres) - 1)
    return {
        "centres": len(centres),
        "largest": float(cosines.max()),
        "root_mean_square": float(np.sqrt(np.square(cosines).sum() / pairs)) if pairs else 0.0,
        "welch_bound": welch_bound(len(centres), unit.shape[1]),
    }


def _whitened(
    pool: Pooled,
    near: Int[np.ndarray, "m k"],
    counts: Int[np.ndarray, " m"],
    labels: Int[np.ndarray, " m"] | None,
) -> dict[str, Any] | None:
    """What whitening would do to neighbours and hubs, measured on the sample."""
    if near.shape[1] == 0:
        return None
    mean, turn = whitening(pool.total, pool.gram, pool.finite)
    unit = unit_rows((pool.sample - mean) @ turn)
    after, _ = nearest(unit, near.shape[1])
    found = {
        "directions": turn.shape[1],
        "neighbours_kept": float(shared_neighbours(near, after).mean()),
        "hubness_before": skewness(counts),
        "hubness_after": skewness(occurrences(after)),
    }
    if labels is None or len(np.unique(labels)) < 2:
        return {**found, "same_source": None}
    before, later = same_label(near, labels), same_label(after, labels)
    error = float((later - before).std() / np.sqrt(len(labels)))
    return {
        **found,
        "same_source": {
            "before": float(before.mean()),
            "after": float(later.mean()),
            "reach": 1.96 * error,  # of a 95 % interval of the difference
        },
    }


def rounded(value: Any) -> Any:
    """Round numbers to DIGITS significant ones: the last bits differ between processors."""
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return float(f"{value:.{DIGITS}g}") + 0.0 if isinstance(value, float) else value
