"""A quadratic of the cosine that takes most of the variance out of a sampled sum."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from tasks.engine.similarity import Similarity
from tasks.engine.tiles import TILE_COLUMNS, map_row_blocks

FITTED_SHARE: Final = 0.99  # of the cosines, from the least
DIGITS: Final = 10  # moments and coefficients are rounded: libraries differ in their last bits


@dataclass(frozen=True)
class ControlVariate:
    """similarity(c) = q(c) + rest(c) of a cosine c, with q(c) = a + b c + e c^2.

    The sum of q over a pool is exact, by its first and second moments; only the rest, which varies
    less, has to be sampled (the regression estimator of survey sampling; Cochran, 1977).
    """

    similarity: Similarity
    coefficients: tuple[float, float, float]

    @classmethod
    def fit(
        cls,
        similarity: Similarity,
        cosine: Float[np.ndarray, " m"],
        weight: Float[np.ndarray, " m"],
    ) -> "ControlVariate":
        """The weighted least squares fit to the similarities at some cosines; 0 for none of them.

        Any coefficients give right sums; these leave little to be sampled for most rows. The
        largest cosines have no say: a few like pairs would bend the curve for all others.
        """
        if not len(cosine):
            return cls(similarity, (0.0, 0.0, 0.0))
        usual = cosine <= np.quantile(cosine, FITTED_SHARE)
        cosine, root = cosine[usual], np.sqrt(weight[usual])
        terms = np.stack([np.ones(len(cosine)), cosine, cosine**2], axis=1)
        wanted = root * similarity.of(cosine.copy())
        found: np.ndarray = np.linalg.lstsq(terms * root[:, None], wanted)[0]
        a, b, e = np.round(found, DIGITS).tolist()
        return cls(similarity, (a, b, e))

    def rest(self, cosine: Float[np.ndarray, "b w"]) -> Float[np.ndarray, "b w"]:
        """What the quadratic leaves of the similarities; the array is overwritten."""
        a, b, e = self.coefficients  # Python numbers: float32 stays float32
        quadratic = e * cosine
        quadratic += b
        quadratic *= cosine
        quadratic += a
        values = self.similarity.of(cosine)
        values -= quadratic
        return values

    def sums(
        self, rows: Float[np.ndarray, "n d"], weights: Float[np.ndarray, " n"] | None = None
    ) -> Float[np.ndarray, " n"]:
        """sum_y w_y q(x . y) = a sum w + b x . (sum w y) + e x' (sum w y y') x of every row x.

        O(n d^2); equal rows have equal sums, bit for bit.
        """
        from tasks.engine.kernels.products import multiply

        n, d = rows.shape
        moments = np.round(_moments(rows, weights) / max(1, n), DIGITS).astype(np.float32)
        total = n if weights is None else float(weights.sum())
        a, b, e = self.coefficients
        sums = np.empty(n)

        def count(block: slice) -> None:
            left = np.ascontiguousarray(rows[block], dtype=np.float32)
            products = np.empty((len(left), d + 1), dtype=np.float32)
            multiply(left, moments, products)
            second = (products[:, :d].astype(np.float64) * left).sum(axis=1)
            sums[block] = a * total + n * (b * products[:, d].astype(np.float64) + e * second)

        for _ in map_row_blocks(n, count, size=TILE_COLUMNS):
            pass
        return sums


def _moments(
    rows: Float[np.ndarray, "n d"], weights: Float[np.ndarray, " n"] | None
) -> Float[np.ndarray, "d+1 d"]:
    """sum_y w_y y y', and below it sum_y w_y y."""

    def of(block: slice) -> np.ndarray:
        wide = rows[block].astype(np.float64)
        heavy = wide if weights is None else wide * weights[block][:, None]
        return np.vstack([heavy.T @ wide, heavy.sum(axis=0)])

    found = np.zeros((rows.shape[1] + 1, rows.shape[1]))
    for part in map_row_blocks(len(rows), of, size=TILE_COLUMNS):
        found += part
    return found
