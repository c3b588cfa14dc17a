"""Facility location over max(0, cosine): ours in each mode, apricot and submodlib.

The peers take a kernel of all pairs, which one matrix product makes (in the clock, as what ours
does to find similarities is).
"""

from typing import Any

import numpy as np

from tests.benchmarks.inputs import Missing
from tests.benchmarks.methods import Inputs, Run, once, selector

NEIGHBOURS = 64  # of each row, for the peers' sparse forms
MODES = ("exact", "fast")


def ours(inputs: Inputs, mode: str) -> Run:
    """`facility_location` without quality. A first small run goes through every mode."""
    chosen = selector("facility_location", inputs, diversity_weight=1.0, mode=mode)
    if not inputs.warm:
        return once("", chosen)
    each = [selector("facility_location", inputs, diversity_weight=1.0, mode=m) for m in MODES]
    return once("", lambda: [choose() for choose in each])


def _kernel(vectors: np.ndarray) -> np.ndarray:
    kernel = np.asarray(vectors) @ np.asarray(vectors).T
    return np.maximum(kernel, 0.0, out=kernel)


def _sparse_kernel(vectors: np.ndarray) -> Any:
    """The largest similarities of each row, symmetric, as scipy's compressed rows."""
    from scipy import sparse

    n, parts = len(vectors), []
    keep = min(NEIGHBOURS, n - 1)
    for start in range(0, n, 1024):
        tile = np.maximum(vectors[start : start + 1024] @ vectors.T, 0.0)
        columns = np.argpartition(-tile, keep - 1, axis=1)[:, :keep]
        rows = np.repeat(np.arange(len(tile)), keep)
        values = np.take_along_axis(tile, columns, axis=1).ravel()
        parts.append(sparse.csr_array((values, (rows, columns.ravel())), shape=(len(tile), n)))
    kernel = sparse.vstack(parts, format="csr")
    kernel.setdiag(1.0)
    return sparse.csr_matrix(kernel.maximum(kernel.T))


def apricot(inputs: Inputs, optimizer: str, sparse: bool = False) -> Run:
    """apricot's FacilityLocationSelection on a precomputed kernel."""
    try:
        from apricot import FacilityLocationSelection
    except ImportError as error:
        raise Missing("apricot-select is not installed") from error

    def work() -> np.ndarray:
        kernel = (_sparse_kernel if sparse else _kernel)(inputs.vectors)
        chooser = FacilityLocationSelection(
            inputs.k, metric="precomputed", optimizer=optimizer, random_state=0
        )
        return np.asarray(chooser.fit(kernel).ranking)

    return once("", work)


def submodlib(inputs: Inputs, optimizer: str, sparse: bool = False) -> Run:
    """submodlib's FacilityLocationFunction on a precomputed kernel."""
    try:
        from submodlib.functions.facilityLocation import FacilityLocationFunction
    except ImportError as error:
        raise Missing("submodlib-py is not installed") from error

    def work() -> np.ndarray:
        n = len(inputs.vectors)
        if sparse:
            kernel: dict[str, Any] = {"mode": "sparse", "sijs": _sparse_kernel(inputs.vectors)}
            kernel["num_neighbors"] = NEIGHBOURS
        else:
            kernel = {"mode": "dense", "sijs": _kernel(inputs.vectors), "separate_rep": False}
        function = FacilityLocationFunction(n=n, **kernel)
        picks = function.maximize(budget=inputs.k, optimizer=optimizer, show_progress=False)
        return np.array([row for row, _ in picks])

    return once("", work)
