"""What the selectors have in common that mix quality with one objective."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from schemas.errors import SettingsError
from schemas.results import Selection
from tasks.engine.constraints import Limits
from tasks.engine.objectives.choose_mixed import Mode, choose_mixed
from tasks.engine.objectives.part import Part
from tasks.engine.pool import Pool
from tasks.engine.similarity import Similarity
from tasks.engine.watch import Watch


def check_between(name: str, value: float, low: float, high: float) -> None:
    """Raise `SettingsError` unless a setting lies in [low, high]."""
    if not low <= value <= high:
        raise SettingsError(f"{name} must lie in [{low:g}, {high:g}]; got {value}")


@dataclass(frozen=True)
class MixingSelector(ABC):
    """Maximise (1 - w) quality + w objective, both scaled to [0, 1] (see `Mixed`), greedily."""

    version: ClassVar[str]
    draw: ClassVar[str] = "greedy"
    diversity_weight: float = 0.5  # w in [0, 1]

    def __post_init__(self) -> None:
        check_between("diversity_weight", self.diversity_weight, 0, 1)

    @abstractmethod
    def part(self, pool: Pool) -> Part:
        """The objective, for no rows picked yet."""

    def search_mode(self) -> Mode:
        """How to search where gains may rise (see `choose_mixed`)."""
        return "auto"

    def __call__(
        self, pool: Pool, limits: Limits, seed: int, watch: Watch | None = None
    ) -> Selection:
        """Choose rows of `pool` in order of gain; a tie goes to the lower id. `seed` is unused."""
        return self.choose(pool, limits, watch)

    def choose(
        self, pool: Pool, limits: Limits, watch: Watch | None, first: Sequence[int] = ()
    ) -> Selection:
        """The same after taking the rows `first`, in this order."""
        name = type(self).__name__
        parts = {name: (1.0, self.part(pool))} if self.diversity_weight else {}
        return choose_mixed(self, pool, limits, parts, watch, self.search_mode(), first)


@dataclass(frozen=True)
class KernelSelector(MixingSelector):
    """The same for an objective of similarities: max(0, cosine), or a Gaussian kernel."""

    centred: bool = False  # take the mean row off before cosines are taken
    kernel_width: float = 0.0  # 0, or w in [0.01, 10] of exp((cosine - 1) / w)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.similarity()

    def similarity(self) -> Similarity:
        """What "similar" means; raises `SettingsError` for a width out of bounds."""
        return Similarity(self.centred, self.kernel_width)
