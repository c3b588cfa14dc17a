"""Distance of two distributions over the same groups."""

from typing import Final

import numpy as np
from jaxtyping import Shaped

PSEUDO_COUNT: Final = 0.5  # added to every group: none has probability 0 (Krichevsky, Trofimov)


def kl_divergence(one: Shaped[np.ndarray, " g"], other: Shaped[np.ndarray, " g"]) -> float:
    """Kullback-Leibler divergence sum p ln(p / q) of the shares p of `one` from q of `other`.

    Arguments are rows per group; `PSEUDO_COUNT` is added to each. Range [0, inf) nats, 0 for equal
    shares; not symmetric: it is large where `one` has rows in a group that `other` lacks.
    """
    p, q = (counts + PSEUDO_COUNT for counts in (one, other))
    p, q = p / p.sum(), q / q.sum()
    return max(0.0, float((p * np.log(p / q)).sum()))
