"""Rows with the same bounded groups form a cell: floors and caps cannot tell them apart."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Int

from tasks.engine.limits import Limits
from tasks.engine.pool import Pool

NO_CAP: Final = np.iinfo(np.int64).max // 4  # more than there are rows, and sums of it do not wrap


@dataclass(frozen=True)
class Cells:
    """The bounded groups of a pool and the cells they make.

    A bounded group has a floor above 0 or a cap; it is named by its place in `groups` (codes of
    the pool). `cell` gives each row's cell and `members` each cell's bounded group per attribute
    that has any, -1 where its value is not bounded. One attribute with bounds: cells are groups.
    """

    groups: Int[np.ndarray, " g"]
    floor: Int[np.ndarray, " g"]
    cap: Int[np.ndarray, " g"]  # NO_CAP where there is none
    cell: Int[np.ndarray, " n"]
    members: Int[np.ndarray, "m c"]

    @property
    def count(self) -> int:
        """Number of cells."""
        return len(self.members)

    def groups_of(self, cell: int) -> tuple[int, ...]:
        """The bounded groups of a cell."""
        return tuple(int(group) for group in self.members[cell] if group >= 0)

    def rows_per_group(self, cells: Int[np.ndarray, " k"]) -> Int[np.ndarray, " g"]:
        """How many of some rows, given by their cells, fall into each bounded group."""
        found = self.members[cells].ravel()
        return np.bincount(found[found >= 0], minlength=len(self.groups)).astype(np.int64)


def cells_of(pool: Pool, limits: Limits) -> Cells:
    """Lay a pool's rows into cells; without floors and caps there is one cell. O(n log n)."""
    floors = {group: floor for group, floor in limits.floors.items() if floor > 0}
    groups = np.array(sorted({*floors, *limits.caps}), dtype=np.int64)
    place = np.full(max([len(pool.group_names), *(groups + 1)]), -1, dtype=np.int64)
    place[groups] = np.arange(len(groups))
    bounded = place[pool.group]  # (n, attributes)
    cell, members = partition(bounded[:, (bounded >= 0).any(axis=0)])
    return Cells(
        groups,
        np.array([floors.get(int(group), 0) for group in groups], dtype=np.int64),
        np.array([limits.caps.get(int(group), NO_CAP) for group in groups], dtype=np.int64),
        cell.astype(np.int32),
        members,
    )


def partition(group: Int[np.ndarray, "n c"]) -> tuple[Int[np.ndarray, " n"], np.ndarray]:
    """One code per row for its combination of all attributes, and each code's combination."""
    code = np.zeros(len(group), dtype=np.int64)
    combinations = np.empty((min(1, len(group)), 0), dtype=np.int64)
    for column in group.T:
        values, place = np.unique(column, return_inverse=True)
        kept, code = np.unique(code * len(values) + place, return_inverse=True)
        before, value = np.divmod(kept, max(1, len(values)))
        combinations = np.column_stack([combinations[before], values[value]])
    return code, combinations
