"""Selector `log_determinant`: rows that span the largest volume, and are good."""

from dataclasses import dataclass
from typing import ClassVar

from schemas.errors import SettingsError
from tasks.engine.objectives.log_determinant import LogDeterminant as Part
from tasks.engine.pool import Pool
from tasks.engine.similarity import Similarity
from tasks.selectors.mixing import MixingSelector, check_between


@dataclass(frozen=True)
class LogDeterminant(MixingSelector):
    """Mix quality with log det(I + c X_S X_S'): the mode of a determinantal point process.

    Kulesza and Taskar (2012); greedy as Chen, Zhang and Zhou (2018) ask for, but in the d x d dual,
    so that memory does not grow with the picks. With the identity added there is no hard limit at
    d picks; the larger `strength` c is, the more the angles alone decide. Quality is added, as in
    every selector, instead of scaling the rows. Submodular and monotone: picks are those of plain
    greedy, with its guarantees. Linear in the vectors: there is no kernel width.
    Time O(n d) per pick, most of it as matrix products, memory O(n + d^2) and a shortlist.
    """

    version: ClassVar[str] = "1.0.0"
    strength: float = 10.0  # c in [0.001, 1e6]
    centred: bool = False  # take the mean row off first

    def __post_init__(self) -> None:
        super().__post_init__()
        check_between("strength", self.strength, 1e-3, 1e6)
        if not isinstance(self.centred, bool):
            raise SettingsError(f"centred must be true or false; got {self.centred!r}")

    def part(self, pool: Pool) -> Part:
        """The objective, for no rows picked yet."""
        return Part(Similarity(self.centred).rows(pool.vectors), self.strength)
