"""Fast products that propose candidates: the fastest number format, with a bound on its error.

A proposal is checked by an exact cosine before anything is decided, so its format changes the
time and not the result. This is the one module of the engine that uses torch.

- `fp32`: float32 in and out.
- `bf16`: rows rounded to bfloat16, sums in float32, output rounded to bfloat16; matrix units (AMX).
- `int8`: rows as 8-bit integers of one step size, exact integer sums; twice as fast as bfloat16
  where the processor has VNNI and no matrix units. Where a few dimensions hold much larger numbers
  than the others, which would make the step and the margin large, rows are rotated first.
"""

import os
import threading
from functools import cache
from typing import Any, Final, Literal, get_args

import numpy as np
from jaxtyping import Float, Int
from scipy.fft import dct

from schemas.errors import SettingsError

Format = Literal["fp32", "bf16", "int8"]
VARIABLE: Final = "WINNOW_PRODUCTS"  # names a format, to measure or to leave units unused
STEP: Final = 32  # tiles are padded to multiples of it: each new shape costs a compilation
ENCODED_ROWS: Final = 8192  # rows rounded at a time
PEAK: Final = 127
SPIKY: Final = 8.0  # largest number of unit rows, times sqrt(d), from which on they are turned,
TURNED_PEAK: Final = 6.0  # and what it hardly ever exceeds then
ONE_IN_BF16: Final = 0x3F80


@cache
def fastest_format() -> Format:
    """The format in which this machine proposes fastest, by the processor's instructions.

    The environment variable WINNOW_PRODUCTS overrides it.
    """
    import torch

    stated = os.environ.get(VARIABLE, "")
    if stated:
        if stated not in get_args(Format):
            raise SettingsError(f"{VARIABLE} must be one of {get_args(Format)}; got {stated!r}")
        return stated  # type: ignore[return-value]
    has = torch.cpu.get_capabilities()
    if torch.cuda.is_available() or has.get("amx_bf16"):
        return "bf16"
    if has.get("avx512_vnni"):
        return "int8"
    return "bf16" if has.get("avx512_bf16") else "fp32"


class Products:
    """Proposed cosines of rows, tile by tile, as codes: integers that order as the products do.

    Rows are kept once in the format, in the order given: d (int8), 2d or 4d bytes per row. They
    must have length at most 1. Codes are int32, or int16 for bf16.

    `margin` bounds |proposed - true product| for every pair: by Cauchy and Schwarz from the
    longest rounding error of a row, measured, plus the output's rounding. Typically 2e-5 (fp32,
    d = 384), 0.006 (bf16), 0.025 (int8); errors in practice are some ten times smaller. Where
    products are only ranked and nobody asks for the margin, `ranked` saves the rotation.
    """

    def __init__(
        self,
        vectors: Float[np.ndarray, "n d"],
        order: Int[np.ndarray, " m"] | None = None,
        form: Format | None = None,
        ranked: bool = False,
    ) -> None:
        import torch

        self.form: Format = form or fastest_format()
        self._torch = torch
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._kind = {"fp32": torch.float32, "bf16": torch.bfloat16, "int8": torch.int8}[self.form]
        self._own = threading.local()
        self._rows_of(vectors, order, ranked)

    def __len__(self) -> int:
        return self._count

    def _rows_of(self, vectors: np.ndarray, order: np.ndarray | None, ranked: bool) -> None:
        """Round all rows, block by block, and measure the longest rounding error."""
        self._count = len(vectors) if order is None else len(order)
        self._width = d = vectors.shape[1]
        most = _largest(vectors)
        self._turns = self.form == "int8" and not ranked and most * d**0.5 > SPIKY
        self._step = np.float32((TURNED_PEAK * d**-0.5 if self._turns else most) / PEAK or 1.0)
        wide = max(8, -(-d // 8) * 8)  # integer products want a multiple of 8
        self._rows = self._torch.zeros((self._count + STEP, wide), dtype=self._kind)
        worst = 0.0
        for start in range(0, self._count, ENCODED_ROWS):
            stop = min(start + ENCODED_ROWS, self._count)
            block = vectors[start:stop] if order is None else vectors[order[start:stop]]
            coded, error = self._encode(self._turned(block), np.full(len(block), self._step))
            self._rows[start:stop, :d] = coded
            worst = max(worst, error)
        self._rows = self._rows.to(self._device)
        output = 2.0**-9 if self.form == "bf16" else 0.0  # of numbers up to 1
        self.margin: float = 2 * worst + worst**2 + output + d * 2.0**-24

    def _turned(self, block: Float[np.ndarray, "b d"]) -> Float[np.ndarray, "b d"]:
        """The rows after a rotation that spreads large numbers over all dimensions, if need be.

        A cosine transform after random signs (Ailon and Chazelle, 2009).
        """
        if not self._turns:
            return block
        signs = np.random.default_rng(0).choice(np.array([-1.0, 1.0], np.float32), self._width)
        return np.asarray(dct(np.asarray(block) * signs, norm="ortho", axis=1))

    def _encode(self, block: np.ndarray, steps: np.ndarray) -> tuple[Any, float]:
        """The rows in the format, and the length of the longest rounding error."""
        block = np.require(block, np.float32, ["C", "W"])
        if self.form == "int8":
            from tasks.engine.kernels.codes import round_to_steps

            coded = np.empty(block.shape, dtype=np.int8)
            error = round_to_steps(block, steps, coded)
            return self._torch.from_numpy(coded), error
        rows = self._torch.from_numpy(block)
        if self.form == "fp32":
            return rows, 0.0
        rounded = rows.to(self._kind)
        squares = rounded.float().sub_(rows).square_().sum(dim=1)
        return rounded, float(squares.max().sqrt()) if len(squares) else 0.0

    @property
    def whole(self) -> Float[np.ndarray, "m d"] | None:
        """The rows themselves, in the order given, if they are kept as they are and in memory.

        Only contiguous ones: compiled loops sum others in another order.
        """
        if self.form != "fp32" or self._device != "cpu" or self._rows.shape[1] != self._width:
            return None
        return self._rows[: self._count].numpy()  # type: ignore[no-any-return]

    def tile(
        self, rows: slice | Int[np.ndarray, " b"], columns: slice | Int[np.ndarray, " w"]
    ) -> Int[np.ndarray, "b w"]:
        """Codes of these rows with those (positions in the order given at the start).

        The array belongs to the calling thread and its next call overwrites it.
        """
        return self.padded_tile(rows, columns)[: _size(rows), : _size(columns)]

    def padded_tile(
        self, rows: slice | Int[np.ndarray, " b"], columns: slice | Int[np.ndarray, " w"]
    ) -> Int[np.ndarray, "b_up w_up"]:
        """The same with more lines and columns, which mean nothing, so that it is contiguous.

        Compiled loops run several times faster over contiguous lines.
        """
        return self._multiply(self._take(rows), self._take(columns))

    def padded_query(self, block: Float[np.ndarray, "b d"]) -> Int[np.ndarray, "b_up n_up"]:
        """Codes of other rows with all kept ones, padded; comparable along a row only."""
        block = self._turned(block)
        high = np.abs(block).max(axis=1) / np.float32(PEAK)
        coded, _ = self._encode(block, np.where(high > 0, high, np.float32(1.0)))
        left = self._torch.zeros((_up(len(block)), self._rows.shape[1]), dtype=self._kind)
        left[: len(block), : block.shape[1]] = coded
        return self._multiply(left.to(self._device), self._take(slice(0, len(self))))

    def _take(self, rows: slice | np.ndarray) -> Any:
        """Rows and what follows them, up to a multiple of STEP: what is too much is cut later."""
        if isinstance(rows, slice):
            stop = rows.start + _up(rows.stop - rows.start)
            if stop <= len(self._rows):
                return self._rows[rows.start : stop]
            rows = np.arange(rows.start, rows.stop)
        wanted = self._torch.from_numpy(np.ascontiguousarray(rows)).to(self._device)
        padded = self._rows.new_empty((_up(len(rows)), self._rows.shape[1]))
        self._torch.index_select(self._rows, 0, wanted, out=padded[: len(rows)])
        padded[len(rows) :] = 0
        return padded

    def _multiply(self, left: Any, right: Any) -> np.ndarray:
        from tasks.engine.kernels.codes import order_bits

        torch = self._torch
        out = self._buffer(len(left), len(right))
        if self.form == "int8":
            if self._device == "cpu":
                torch._int_mm(left, right.T, out=out)
            else:  # sums of 8-bit products are exact in float32 up to d = 1040
                out = (left.float() @ right.float().T).to(torch.int32)
            return out.cpu().numpy()  # type: ignore[no-any-return]
        torch.mm(left, right.T, out=out)
        short = self.form == "bf16"
        codes: np.ndarray = out.cpu().view(torch.int16 if short else torch.int32).numpy()
        whole, most = codes.dtype.type, np.iinfo(codes.dtype).max
        # Two unit rows have no product above 1: what rounding lifts above it is 1.
        order_bits(codes, whole(most), whole(ONE_IN_BF16 if short else most))
        return codes

    def _buffer(self, rows: int, columns: int) -> Any:
        """The calling thread's tile; torch multiplies with one thread in it."""
        kind = self._torch.int32 if self.form == "int8" else self._kind
        flat = getattr(self._own, "flat", None)
        if flat is None or len(flat) < rows * columns:
            if self._torch.get_num_threads() != 1:
                self._torch.set_num_threads(1)
            flat = self._torch.empty(rows * columns, dtype=kind, device=self._device)
            self._own.flat = flat
        return flat[: rows * columns].view(rows, columns)

    def at_least(self, cosine: Float[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
        """Codes such that a pair of this or a higher true product has at least that code."""
        low = np.asarray(cosine, dtype=np.float64) - self.margin
        if self.form == "int8":
            return np.asarray(np.floor(low / float(self._step) ** 2).astype(np.int32))
        codes = _ordered(np.nextafter(low.astype(np.float32), np.float32(-np.inf)).view(np.int32))
        return codes if self.form == "fp32" else np.asarray((codes >> 16).astype(np.int16))

    def values(self, codes: Int[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """The proposed products, float32, each within `margin` of the true one."""
        if self.form == "int8":
            return np.asarray((codes * float(self._step) ** 2).astype(np.float32))
        wide = codes if self.form == "fp32" else _ordered(codes).astype(np.int32) << 16
        return np.asarray((_ordered(wide) if self.form == "fp32" else wide).view(np.float32))


def _ordered(bits: np.ndarray) -> np.ndarray:
    """Bits of floats to integers that order as they do, and back: it is its own inverse."""
    return np.asarray(bits ^ np.where(bits < 0, np.iinfo(bits.dtype).max, 0).astype(bits.dtype))


def _largest(vectors: np.ndarray) -> float:
    blocks = range(0, len(vectors), ENCODED_ROWS)
    return max((float(np.abs(vectors[a : a + ENCODED_ROWS]).max()) for a in blocks), default=0.0)


def _up(count: int) -> int:
    return -(-count // STEP) * STEP


def _size(rows: slice | np.ndarray) -> int:
    return rows.stop - rows.start if isinstance(rows, slice) else len(rows)
