"""What the machine can do: all pairs of rows by matrix products, and the rate in float32."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.benchmarks.methods import Inputs, Point, Run

TILE_ROWS, TILE_COLUMNS = 1024, 4096
TRIES = 8


def all_pairs(inputs: Inputs) -> Run:
    """One pass over all pairs (n x n, no symmetry used) in the fastest number format here."""
    import torch

    torch.set_num_threads(inputs.threads)
    forms = [Form(kind, inputs.vectors) for kind in ("float32", "bfloat16", "int8")]

    def run() -> Iterator[Point]:
        rates = {form.name: form.seconds(TRIES) for form in forms}
        form = next(form for form in forms if form.name == min(rates, key=rates.__getitem__))
        started = time.perf_counter()
        form.all_pairs()
        yield Point("", time.perf_counter() - started, None, {"format": form.name})

    return run


def float32_rate(inputs: Inputs) -> Run:
    """Seconds that all pairs would take in float32, computed from the rate of some tiles."""
    import torch

    torch.set_num_threads(inputs.threads)
    form = Form("float32", inputs.vectors[: 2 * TILE_COLUMNS])

    def run() -> Iterator[Point]:
        tile = form.seconds(5 * TRIES)
        n, d = inputs.vectors.shape
        pairs = form.rows * form.columns
        rate = 2 * pairs * d / tile / 1e9
        facts = {"gflops": round(rate, 1), "format": "float32"}
        yield Point("", n * n / pairs * tile, None, facts)

    return run


class Form:
    """Rows in one number format, and tiles of their products."""

    def __init__(self, name: str, vectors: np.ndarray) -> None:
        import torch

        self.torch, self.name = torch, name
        rows = torch.from_numpy(np.array(vectors, dtype=np.float32))
        if name == "int8":
            rows = (rows * (127 / rows.abs().max())).round()
        self.data = rows.to(getattr(torch, name))
        self.rows, self.columns = min(TILE_ROWS, len(rows)), min(TILE_COLUMNS, len(rows))
        kind = torch.int32 if name == "int8" else self.data.dtype
        self.out = torch.empty(self.rows, self.columns, dtype=kind)

    def multiply(self, rows: slice, columns: slice) -> None:
        """One tile into `out`."""
        left, right = self.data[rows], self.data[columns].T
        product: Any = self.torch._int_mm if self.name == "int8" else self.torch.mm
        whole = left.shape[0] == self.rows and right.shape[1] == self.columns
        product(left, right, out=self.out) if whole else product(left, right)

    def seconds(self, tries: int) -> float:
        """Median seconds of a whole tile."""
        taken = []
        for _ in range(tries):
            started = time.perf_counter()
            self.multiply(slice(0, self.rows), slice(0, self.columns))
            taken.append(time.perf_counter() - started)
        return float(np.median(taken))

    def all_pairs(self) -> None:
        """Every tile once."""
        for row in range(0, len(self.data), self.rows):
            for column in range(0, len(self.data), self.columns):
                self.multiply(slice(row, row + self.rows), slice(column, column + self.columns))
