"""Equal rows: found by a hash of their bits, and given the neighbours of the one searched."""

import numpy as np
from numba import njit

from tasks.engine.kernels.cosines import code_float, cosine, float_code
from tasks.engine.kernels.largest import key_of, position_of

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
SHIFT = np.uint64(29)


@njit(cache=True, nogil=True)
def mixed(number: np.uint64, bits: np.uint64) -> np.uint64:
    """A number that depends on all of both."""
    product = (number ^ bits) * MULTIPLIER
    return product ^ (product >> SHIFT)  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)
def hash_rows(bits: np.ndarray, hashes: np.ndarray) -> None:
    """A 64-bit number per row of uint32 bits, equal for equal rows.

    Four chains, which the processor runs side by side.
    """
    width = bits.shape[1] // 4 * 4
    for i in range(len(bits)):
        row = bits[i]
        a = b = c = d = np.uint64(0)
        for t in range(0, width, 4):
            a = mixed(a, np.uint64(row[t]))
            b = mixed(b, np.uint64(row[t + 1]))
            c = mixed(c, np.uint64(row[t + 2]))
            d = mixed(d, np.uint64(row[t + 3]))
        for t in range(width, len(row)):
            a = mixed(a, np.uint64(row[t]))
        hashes[i] = mixed(mixed(a, b), mixed(c, d))


@njit(cache=True, nogil=True)
def neighbours_of_equals(
    vectors: np.ndarray,
    group: np.ndarray,
    starts: np.ndarray,
    members: np.ndarray,
    near: np.ndarray,
    value: np.ndarray,
    start: int,
    index: np.ndarray,
    cosines: np.ndarray,
) -> None:
    """Neighbours among all rows, from those of the distinct rows, for rows start and following.

    Distinct row g has the rows `members[starts[g]:starts[g + 1]]`, ascending, and the distinct
    neighbours `near[g]` with their cosines `value[g]`, best first.
    """
    width = index.shape[1]
    keys = np.empty((near.shape[1] + 1) * (width + 1), dtype=np.int64)
    for line in range(len(index)):
        mine = group[start + line]
        alike = cosine(vectors[start + line], vectors[start + line])
        held, waiting, t = 0, starts[mine + 1] - starts[mine] > 1, 0
        last: float = np.float32(np.inf)  # type: ignore[assignment]
        while waiting or (t < near.shape[1] and near[mine, t] >= 0):
            more = t < near.shape[1] and near[mine, t] >= 0
            take_own = waiting and (not more or alike >= value[mine, t])
            now = alike if take_own else value[mine, t]
            if held >= width and now < last:
                break
            other = mine if take_own else near[mine, t]
            for m in members[starts[other] : min(starts[other + 1], starts[other] + width + 1)]:
                if m != start + line:
                    keys[held] = key_of(float_code(now), m)
                    held += 1
            last = now
            if take_own:
                waiting = False
            else:
                t += 1
        ordered = np.sort(keys[:held])
        for t in range(min(held, width)):
            index[line, t] = position_of(ordered[held - 1 - t])
            cosines[line, t] = code_float(ordered[held - 1 - t] >> 32)
