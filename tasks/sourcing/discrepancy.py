"""Mean discrepancy of two samples, and how often chance alone gives as much."""

from typing import Final

import numpy as np
from jaxtyping import Float

from tasks.engine.distances import RandomFeatures

PERMUTATIONS: Final = 200


def mean_discrepancy(
    a: Float[np.ndarray, "n d"], b: Float[np.ndarray, "m d"], seed: int
) -> tuple[float, float]:
    """Squared maximum mean discrepancy (biased, in [0, 4]) and p by permutation of the labels.

    Gaussian kernel on unit rows by random features. p = (1 + permutations as large) / (1 + all),
    so at least 1/201 (Gretton et al., 2012).
    """
    features = RandomFeatures(a.shape[1], seed=seed)
    rows = np.concatenate([features(a), features(b)]).astype(np.float64)
    weight = np.repeat([1 / len(a), -1 / len(b)], [len(a), len(b)])
    random = np.random.default_rng(seed)
    weights = np.stack([weight, *(random.permutation(weight) for _ in range(PERMUTATIONS))])
    found = np.square(weights @ rows).sum(axis=1)
    found = np.round(found, 12)  # equal samples have 0, not what is left of rounding
    return float(found[0]), float((found >= found[0]).sum() / len(found))
