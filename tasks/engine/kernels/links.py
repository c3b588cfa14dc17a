"""Earlier rows that are similar enough to a row: found in tiles, the earliest of them kept."""

import numpy as np
from numba import njit

from tasks.engine.kernels.codes import any_at_least
from tasks.engine.kernels.cosines import cosine
from tasks.engine.kernels.largest import SPAN, keep_largest_keys

LATEST = 0x7FFFFFFF  # a row's complement is taken to this, so that keys stay positive


@njit(cache=True, nogil=True)
def keep_earliest(
    tile: np.ndarray,
    lines: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    numbers: np.ndarray,
    vectors: np.ndarray,
    least_code: int,
    threshold: float,
    keep: int,
    keys: np.ndarray,
    count: np.ndarray,
    latest: np.ndarray,
) -> None:
    """Keep, for each line of a tile, the earliest rows of exact cosine >= threshold.

    Line a is row `rows[a]`, column b is row `columns[b]` (a padded tile has more columns); row r
    is `vectors[numbers[r]]`. Only columns before the row count. A row's keys hold the complement
    of the other row and the bits of the cosine; once rows were left out, `latest` is the last one
    that may still be among the earliest `keep`.
    """
    room = keys.shape[1]
    for a in range(len(lines)):
        mine, me = keys[lines[a]], rows[a]
        held, last = count[lines[a]], min(latest[lines[a]], me - 1)
        one = vectors[numbers[me]]
        for start in range(0, len(columns), SPAN):
            span = tile[a, start : min(start + SPAN, len(columns))]
            if not any_at_least(span, least_code):
                continue
            for b in range(len(span)):
                other = columns[start + b]
                if span[b] < least_code or other > last:
                    continue
                value = cosine(one, vectors[numbers[other]])
                if value < threshold:
                    continue
                if held == room:
                    last = LATEST - (keep_largest_keys(mine, held, keep) >> 32)
                    held, latest[lines[a]] = keep, last
                bits = np.int64(np.float32(value).view(np.int32))  # positive: the sign bit is 0
                mine[held] = (np.int64(LATEST - other) << 32) | bits
                held += 1
        count[lines[a]] = held


@njit(cache=True, nogil=True)
def links_of(
    keys: np.ndarray, count: np.ndarray, keep: int, others: np.ndarray, cosines: np.ndarray
) -> None:
    """Each line's earliest rows, ascending, with their cosines; -1 and -inf where fewer."""
    for i in range(len(keys)):
        held = count[i]
        if held > keep:
            keep_largest_keys(keys[i], held, keep)
            held = keep
        ordered = np.sort(keys[i, :held])
        for t in range(keep):
            others[i, t], cosines[i, t] = -1, -np.inf
            if t < held:
                key = ordered[held - 1 - t]
                others[i, t] = LATEST - (key >> 32)
                cosines[i, t] = np.int32(key & LATEST).view(np.float32)


@njit(cache=True, nogil=True)
def links_of_equals(
    vectors: np.ndarray,
    group: np.ndarray,
    starts: np.ndarray,
    members: np.ndarray,
    near: tuple[np.ndarray, np.ndarray, np.ndarray],
    keep: int,
    first: int,
    stop: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
    """Later, earlier, cosine of the links of rows first to stop, and whether any were left out.

    Distinct row g has the rows `members[starts[g]:starts[g + 1]]`, ascending; `near` holds the
    bounds, distinct rows and cosines of what is near each. Equal rows are near each other.
    """
    bounds, others, values = near
    later, earlier, cosines, cut = [0], [0], [np.float32(0)], False
    for row in range(first, stop):
        mine = group[row]
        keys = np.empty((bounds[mine + 1] - bounds[mine] + 1) * (keep + 1), dtype=np.int64)
        held = 0
        for t in range(bounds[mine] - 1, bounds[mine + 1]):
            own = t < bounds[mine]
            other = mine if own else others[t]
            for m in members[starts[other] : min(starts[other + 1], starts[other] + keep + 1)]:
                if m >= row:
                    break
                value = cosine(vectors[row], vectors[row]) if own else values[t]
                keys[held] = (np.int64(m) << 32) | np.int64(np.float32(value).view(np.int32))
                held += 1
        cut = cut or held > keep
        ordered = np.sort(keys[:held])
        for t in range(min(held, keep)):
            later.append(row)
            earlier.append(ordered[t] >> 32)
            cosines.append(np.int32(ordered[t] & LATEST).view(np.float32))
    return np.array(later[1:]), np.array(earlier[1:]), np.array(cosines[1:]), cut
