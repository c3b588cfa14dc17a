"""What "similar" means to an objective: a function of the cosine of two rows."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from schemas.errors import SettingsError

LEAST_LENGTH = 1e-6  # a row shorter than this after centring has no direction
BLOCK_ROWS = 8192  # centred at a time


@dataclass(frozen=True)
class Similarity:
    """max(0, cosine), or exp((cosine - 1) / width), the Gaussian kernel of unit vectors.

    Both lie in [0, 1] and grow with the cosine. With `centred` the mean row is taken off first and
    rows are scaled to unit length again: cosines of a narrow cone then spread over [-1, 1].
    """

    centred: bool = False
    width: float = 0.0  # 0: max(0, cosine)

    def __post_init__(self) -> None:
        if not (self.width == 0 or 0.01 <= self.width <= 10):  # exp(-2 / 0.01) is still a float64
            raise SettingsError(f"kernel_width must be 0 or lie in [0.01, 10]; got {self.width}")

    def rows(self, vectors: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
        """The rows whose cosines count; a row equal to the mean becomes a row of zeros.

        Centred rows are a copy, made block by block: no more memory than that.
        """
        if not self.centred or not len(vectors):
            return vectors
        mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        unit = np.zeros(vectors.shape, dtype=np.float32)
        for start in range(0, len(vectors), BLOCK_ROWS):
            moved = vectors[start : start + BLOCK_ROWS] - mean
            length = np.linalg.norm(moved, axis=1, keepdims=True)
            block = unit[start : start + BLOCK_ROWS]
            np.divide(moved, length, out=block, where=length > LEAST_LENGTH)
        return unit

    def of(self, cosine: np.ndarray) -> np.ndarray:
        """Similarity of each cosine, in [0, 1]; the array is overwritten."""
        if not self.width:
            np.maximum(cosine, 0.0, out=cosine)
            return cosine
        np.minimum(cosine, 1.0, out=cosine)  # rounding may pass 1
        cosine -= 1.0
        cosine /= self.width
        np.exp(cosine, out=cosine)
        return cosine

    def cosine_of(self, similarity: np.ndarray) -> np.ndarray:
        """The cosine above which similarity is greater; -1 (all of them) where none is needed."""
        if not self.width:
            return np.asarray(similarity)
        with np.errstate(divide="ignore"):
            return np.asarray(np.maximum(1.0 + self.width * np.log(similarity), -1.0))
