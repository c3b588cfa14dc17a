"""Vendi scores: how many different rows a subset is worth."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from threadpoolctl import threadpool_limits

from tasks.metrics.view import SubsetView

TINY: Final = 1e-10  # eigenvalues below it are rounding errors of a float64 d x d matrix


@dataclass(frozen=True)
class Vendi1:
    """Vendi score of order 1, exp(-sum l ln l) with l the eigenvalues of (1/k) sum x x^T.

    Range [1, min(k, d)]; higher is better: the number of equally common, orthogonal rows that
    would be as diverse (Friedman and Dieng, 2022). Exact, from the d x d matrix, whose non-zero
    eigenvalues are those of the k x k similarity matrix. Compare only at equal k.
    """

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "higher"
    label: ClassVar[str] = "Vendi score (order 1)"
    bounds: ClassVar[tuple[float, float]] = (1.0, np.inf)

    def __call__(self, view: SubsetView) -> float:
        """Entropy of the spectrum, as an effective number of rows."""
        with threadpool_limits(limits=1):
            shares = np.linalg.eigvalsh(view.gram) / np.trace(view.gram)
        shares = shares[shares > TINY]
        shares = shares / shares.sum()
        return float(np.exp(-(shares * np.log(shares)).sum()))


@dataclass(frozen=True)
class Vendi2:
    """Vendi score of order 2, 1 / sum l^2 = (trace G)^2 / ||G||_F^2 with G = sum x x^T.

    Range [1, vendi_1]; higher is better. Weighs common directions more than order 1 and is less
    inflated by noise, so it counts modes better (Pasarkar and Dieng, 2023).
    """

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "higher"
    label: ClassVar[str] = "Vendi score (order 2)"
    bounds: ClassVar[tuple[float, float]] = (1.0, np.inf)

    def __call__(self, view: SubsetView) -> float:
        """Inverse participation of the spectrum, without an eigenvalue solver."""
        return float(np.trace(view.gram) ** 2 / np.square(view.gram).sum())
