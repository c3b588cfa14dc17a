"""The largest codes of a block of rows, and the columns they stand in."""

from typing import Final

import numpy as np
from jaxtyping import Int

LOWEST: Final = np.iinfo(np.int32).min
ROOM: Final = 4  # times what is kept: candidates pile up before they are sifted


class Largest:
    """Per row of a block the `keep` columns of largest code, while tiles of codes pass by.

    Ties go to the lower position, whatever the order of the tiles. 32 bytes per row and column
    kept.
    """

    def __init__(self, rows: int, keep: int) -> None:
        self._keep = keep
        self._keys = np.empty((rows, max(32, ROOM * keep)), dtype=np.int64)
        self._held = np.zeros(rows, dtype=np.int64)
        self._least: np.ndarray | None = None

    def offer(
        self,
        codes: Int[np.ndarray, "b_up w_up"],
        width: int,
        lines: Int[np.ndarray, " b"],
        own: Int[np.ndarray, " b"],
        first: int,
    ) -> None:
        """Codes (C-contiguous) of the rows at `lines` with `width` positions from `first` on.

        What a padded tile holds beyond them is passed over, and so is the position of the row
        itself, `own` (-1: it has none).
        """
        from tasks.engine.kernels.largest import keep_largest

        if self._least is None:
            self._least = np.full(len(self._keys), np.iinfo(codes.dtype).min, dtype=np.int64)
        found = (self._keys, self._held, self._least)
        keep_largest(codes, width, lines, own, first, self._keep, *found)

    def positions(self, ordered: bool = True) -> Int[np.ndarray, "rows keep"]:
        """The positions, of the largest code first if `ordered`; -1 where fewer were offered."""
        from tasks.engine.kernels.largest import kept_positions

        found = np.empty((len(self._keys), self._keep), dtype=np.int32)
        kept_positions(self._keys, self._held, self._keep, ordered, found)
        return found

    def last(self, positions: Int[np.ndarray, "rows keep"]) -> Int[np.ndarray, " rows"]:
        """The least code among `positions`; LOWEST where nothing had to be left out."""
        codes = self._keys[:, self._keep - 1] >> 32
        return np.where(positions[:, -1] >= 0, codes, LOWEST).astype(np.int32)
