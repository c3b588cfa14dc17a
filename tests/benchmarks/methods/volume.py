"""Greedy log-determinant of I + X_S X_S': ours and the numpy form of Chen et al. (2018)."""

import numpy as np

from tests.benchmarks.methods import Inputs, Run, once, selector


def ours(inputs: Inputs) -> Run:
    """`log_determinant` without quality, of the same matrix."""
    return once("", selector("log_determinant", inputs, diversity_weight=1.0, strength=1.0))


def chen(inputs: Inputs) -> Run:
    """Fast greedy MAP inference, updating all rows for each pick; kernel rows as they are needed.

    Row j of the kernel I + XX' is one product; memory is one float32 per row and pick.
    """

    def work() -> np.ndarray:
        vectors, k = np.asarray(inputs.vectors), inputs.k
        n = len(vectors)
        factors = np.zeros((k, n), dtype=np.float32)
        residual = 1.0 + np.einsum("ij,ij->i", vectors, vectors)
        picks = np.empty(k, dtype=np.int64)
        for step in range(k):
            pick = picks[step] = int(residual.argmax())
            if step + 1 == k:
                break
            row = vectors @ vectors[pick] - factors[:step, pick] @ factors[:step]
            row[pick] += 1.0  # the unit matrix of the kernel
            factors[step] = row / np.sqrt(residual[pick])
            residual -= factors[step] ** 2
            residual[picks[: step + 1]] = -np.inf
        return picks

    return once("", work)
