"""Vendi scores: how many different rows a subset is worth.

All orders come from the d x d Gram matrix, whose non-zero eigenvalues are those of the k x k
similarity matrix. Nothing is centred. A score is at most min(k, d): compare at equal k only.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tasks.engine.spectrum import effective_number, gram_of
from tasks.metrics.view import SubsetView


@dataclass(frozen=True)
class Vendi0:
    """Numerical rank: the eigenvalues of (1/k) sum x x^T above 1e-10 of their sum, counted.

    Range [1, min(k, d)]; higher is better, but beware: the limit of the Vendi score at order 0
    counts every direction equally, however little lies in it, so noise fills it; without the
    threshold it counts rounding errors (Friedman and Dieng, 2022; Pasarkar and Dieng, 2023).
    """

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "higher"
    label: ClassVar[str] = "Vendi score (order 0: rank)"
    bounds: ClassVar[tuple[float, float]] = (1.0, np.inf)

    def __call__(self, view: SubsetView) -> float:
        """Count the eigenvalues above the threshold."""
        return effective_number(view.spectrum, 0)


@dataclass(frozen=True)
class VendiHalf:
    """Vendi score of order 0.5, (sum sqrt(l))^2 over the eigenvalues l of (1/k) sum x x^T.

    Range [vendi_1, rank]; higher is better. Weighs rare directions more than order 1 does
    (Pasarkar and Dieng, 2023).
    """

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "higher"
    label: ClassVar[str] = "Vendi score (order 0.5)"
    bounds: ClassVar[tuple[float, float]] = (1.0, np.inf)

    def __call__(self, view: SubsetView) -> float:
        """Effective number that listens to rare directions."""
        return effective_number(view.spectrum, 0.5)


@dataclass(frozen=True)
class Vendi1:
    """Vendi score of order 1, exp(-sum l ln l) with l the eigenvalues of (1/k) sum x x^T.

    Range [1, min(k, d)]; higher is better: the number of equally common, orthogonal rows that
    would be as diverse (Friedman and Dieng, 2022).
    """

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "higher"
    label: ClassVar[str] = "Vendi score (order 1)"
    bounds: ClassVar[tuple[float, float]] = (1.0, np.inf)

    def __call__(self, view: SubsetView) -> float:
        """Entropy of the spectrum, as an effective number of rows."""
        return effective_number(view.spectrum, 1)


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


@dataclass(frozen=True)
class VendiInfinity:
    """Vendi score of order infinity, 1 / the largest eigenvalue of (1/k) sum x x^T.

    Range [1, vendi_2]; higher is better. How little the commonest direction alone accounts for
    (Pasarkar and Dieng, 2023).
    """

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "higher"
    label: ClassVar[str] = "Vendi score (order ∞)"
    bounds: ClassVar[tuple[float, float]] = (1.0, np.inf)

    def __call__(self, view: SubsetView) -> float:
        """Inverse of the largest share."""
        return effective_number(view.spectrum, np.inf)


@dataclass(frozen=True)
class VendiQuality:
    """Quality-weighted Vendi score: mean quality times the Vendi score of order 1.

    Range [0, vendi_1]; higher is better. Diversity made of poor rows counts for little (Nguyen and
    Dieng, 2024).
    """

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "higher"
    label: ClassVar[str] = "Vendi score × mean quality"
    bounds: ClassVar[tuple[float, float]] = (0.0, np.inf)

    def __call__(self, view: SubsetView) -> float:
        """Mean quality times effective number."""
        return float(view.quality.mean()) * effective_number(view.spectrum, 1)


@dataclass(frozen=True)
class VendiGaussian:
    """Vendi score of order 2 under the kernel exp(-||x - y||^2 / (2 s^2)), by random features.

    Range [1, min(k, 2 D)]; higher is better. The kernel tells near rows apart that cosines hold for
    alike, and is not capped by the width d. Of a sample of at most 2,000 rows, by D = 256 pairs of
    features and s^2 = 0.5, both recorded in measure.json: a score v comes out too low by a share
    of about v / 512 (Rahimi and Recht, 2007; Pasarkar and Dieng, 2023).
    """

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "higher"
    label: ClassVar[str] = "Vendi score (Gaussian kernel, order 2)"
    bounds: ClassVar[tuple[float, float]] = (1.0, np.inf)

    def __call__(self, view: SubsetView) -> float:
        """Inverse participation of the spectrum of the features."""
        features = view.parts.rows.features(view.sample).astype(np.float32)
        gram = gram_of([features], features.shape[1])
        return float(np.trace(gram) ** 2 / np.square(gram).sum())
