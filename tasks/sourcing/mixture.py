"""Mixture proportion: the largest share of one sample that another can account for."""

from typing import Final

import numpy as np
from jaxtyping import Float

GAMMA: Final = 0.01
DELTA: Final = 0.1


def proportion(of_f: Float[np.ndarray, " n"], of_h: Float[np.ndarray, " m"]) -> float:
    """Estimate kappa, the largest share with F = (1 - kappa) G + kappa H, from scores.

    Scores rise with how much a row looks like H, and must come from a classifier that did not see
    it. kappa = min over thresholds c of q_F(c) / q_H(c), q the share of scores from c up, at the c
    where that ratio and (1 + gamma) (sqrt(ln(4/delta) / 2n) + sqrt(ln(4/delta) / 2m)) / q_H are
    smallest together (best bin estimation: Garg et al., 2021). In [0, 1]; read it as an upper
    bound, since G may hold rows like H's that no score can tell apart.
    """
    cuts = np.unique(np.concatenate([of_f, of_h]))
    q_f = 1 - np.searchsorted(np.sort(of_f), cuts) / len(of_f)
    q_h = 1 - np.searchsorted(np.sort(of_h), cuts) / len(of_h)
    inside = q_h > 0
    ratio = q_f[inside] / q_h[inside]
    deviation = sum(np.sqrt(np.log(4 / DELTA) / (2 * len(side))) for side in (of_f, of_h))
    best = int(np.argmin(ratio + (1 + GAMMA) * deviation / q_h[inside]))
    return float(min(1.0, ratio[best]))
