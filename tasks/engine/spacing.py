"""The least distance between any two chosen rows."""

from typing import Final

import numpy as np
from jaxtyping import Float

NEAR_ENOUGH: Final = 1e-6  # what float32 products may be off; a distance short by less is kept
BLOCK: Final = 4096  # chosen rows compared at a time


class Spacing:
    """Remembers the vectors of chosen rows and says which other rows are too close to one.

    The distance of two rows is 1 - x . y, in [0, 2]. Chosen rows only become more, so a row found
    too close stays so, and a row is compared once with each chosen one: O(k d) per row in all.
    Every product is of two rows alone, so that its bits depend on nothing else.
    Memory: the chosen rows (doubling as they grow) and 4 bytes per row of the pool.
    """

    def __init__(self, vectors: Float[np.ndarray, "n d"], distance: float):
        self.vectors, self.distance = vectors, distance
        self.chosen = np.empty((64, vectors.shape[1]), dtype=np.float32)
        self.count = 0
        self.compared = np.zeros(len(vectors), dtype=np.int32)  # chosen rows a row was compared to

    def add(self, index: int) -> None:
        """Keep distance from this row from now on."""
        if self.count == len(self.chosen):
            more = np.empty((2 * self.count, self.chosen.shape[1]), dtype=np.float32)
            more[: self.count] = self.chosen
            self.chosen = more
        self.chosen[self.count] = self.vectors[index]
        self.count += 1

    def too_close(self, index: int) -> bool:
        """Whether a row is nearer than `distance` to one that was added."""
        highest = 1.0 - self.distance + NEAR_ENOUGH
        start, row = int(self.compared[index]), self.vectors[index]
        while start < self.count:
            stop = min(start + BLOCK, self.count)
            if float(np.vecdot(self.chosen[start:stop], row).max()) > highest:
                return True  # not noted: the row is compared with this one again, if ever asked
            self.compared[index] = start = stop
        return False
