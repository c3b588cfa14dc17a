"""Inner loops over edges: pairs of rows whose similarity can still add to coverage."""

import numpy as np
from numba import njit

from tasks.engine.kernels.coverage import NOTHING, REORDER
from tasks.engine.kernels.largest import key_of, position_of

GROUP = 128  # cells looked at together before any is looked at alone


@njit(cache=True, nogil=True, fastmath=REORDER)
def dot(left: np.ndarray, right: np.ndarray) -> np.float32:
    """Cosine of two unit rows: the value that decides, whatever product proposed the pair."""
    total = NOTHING
    for i in range(len(left)):
        total += left[i] * right[i]
    return total


@njit(cache=True, nogil=True)
def similarity_of(cosine: np.float32, width: np.float32) -> np.float32:
    """`Similarity.of` for one cosine."""
    if width == NOTHING:
        return max(cosine, NOTHING)
    return np.float32(np.exp((min(cosine, np.float32(1.0)) - np.float32(1.0)) / width))


@njit(cache=True, nogil=True)
def pairwise(
    vectors: np.ndarray, left: np.ndarray, right: np.ndarray, width: np.float32
) -> np.ndarray:
    """Similarity of each row `left[t]` to row `right[t]`; NaN where `right` is -1."""
    found = np.full(len(left), np.nan, np.float32)
    for t in range(len(left)):
        if right[t] >= 0:
            found[t] = similarity_of(dot(vectors[left[t]], vectors[right[t]]), width)
    return found


@njit(cache=True, nogil=True)
def _any_proposed(cells: np.ndarray, limit: float, limits: np.ndarray) -> bool:
    """Whether a cell reaches the limit of its row or of its column; several cells at a time."""
    found = False
    for b in range(len(cells)):
        found |= (cells[b] >= limit) | (cells[b] >= limits[b])
    return found


@njit(cache=True, nogil=True)
def keep_edges(
    tile: np.ndarray,
    left: tuple[np.ndarray, np.ndarray],
    right: tuple[np.ndarray, np.ndarray],
    rows: np.ndarray,
    columns: np.ndarray,
    limits: tuple[np.ndarray, np.ndarray],
    offset: int,
    covered: np.ndarray,
    width: np.float32,
    found: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> int:
    """Write (row, candidate, similarity) of the pairs of a tile that can still add to coverage.

    A cell at the limit of its row or column, or above, is proposed; the exact similarity of the
    two vectors then decides for both directions: `left` and `right` are arrays that hold them, and
    the places of the tile's rows and columns in these. Cells with column + offset < row are the
    other half of a symmetric block. `found` must have room for two edges per cell. Returns the
    number of edges.
    """
    one, other, value = found
    (left_held, left_place), (right_held, right_place) = left, right
    of_column, count = limits[1], 0
    for a in range(len(rows)):
        line, limit, start = tile[a], limits[0][a], max(0, a - offset)
        for low in range(start - start % GROUP, len(columns), GROUP):
            high = min(low + GROUP, len(columns))
            if not _any_proposed(line[low:high], limit, of_column[low:high]):
                continue
            for b in range(max(low, start), high):
                if line[b] < limit and line[b] < of_column[b]:
                    continue
                i, j = rows[a], columns[b]
                exact = similarity_of(
                    dot(left_held[left_place[a]], right_held[right_place[b]]), width
                )
                if exact > covered[i]:
                    one[count], other[count], value[count] = i, j, exact
                    count += 1
                if i != j and exact > covered[j]:
                    one[count], other[count], value[count] = j, i, exact
                    count += 1
    return count


@njit(cache=True, nogil=True)
def scatter(
    row: np.ndarray,
    candidate: np.ndarray,
    value: np.ndarray,
    place: np.ndarray,
    rows: np.ndarray,
    similarity: np.ndarray,
) -> None:
    """Write each edge to the next place of its candidate, in order; `place` moves on."""
    for t in range(len(row)):
        to = place[candidate[t]]
        rows[to], similarity[to] = row[t], value[t]
        place[candidate[t]] = to + 1


@njit(cache=True, nogil=True)
def sort_by_row(indptr: np.ndarray, rows: np.ndarray, similarity: np.ndarray) -> None:
    """Sort the edges of every candidate by row, in place; those in order already cost one look."""
    for j in range(len(indptr) - 1):
        part = slice(indptr[j], indptr[j + 1])
        own = rows[part]
        in_order = True
        for t in range(1, len(own)):
            in_order &= own[t - 1] < own[t]
        if not in_order:
            bits = similarity[part].view(np.int32)
            keys = np.empty(len(own), dtype=np.int64)
            for t in range(len(own)):
                keys[t] = key_of(own[t], bits[t])
            ordered = np.sort(keys)
            for t in range(len(own)):
                own[t], bits[t] = ordered[t] >> 32, position_of(ordered[t])


@njit(cache=True, nogil=True)
def nearest_exact(
    tile: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    vectors: np.ndarray,
    slack: float,
    proposed: np.ndarray,
    best: np.ndarray,
    where: np.ndarray,
) -> None:
    """Raise `best` to the exact cosine with the nearest of `columns`, the lower row on ties.

    `tile` holds proposed cosines; all within `slack` of a row's best proposal are looked at.
    """
    for a in range(len(rows)):
        proposed[a] = max(proposed[a], tile[a].max())
        for b in range(len(columns)):
            if tile[a, b] < proposed[a] - slack:
                continue
            exact = dot(vectors[rows[a]], vectors[columns[b]])
            if exact > best[a] or (exact == best[a] and columns[b] < where[a]):
                best[a], where[a] = exact, columns[b]
