"""Selectors: which rows together. A frozen dataclass per file; the registry is a dictionary."""

from typing import ClassVar, Final, Protocol

from schemas.results import Selection
from tasks.engine.constraints import Limits
from tasks.engine.pool import Pool
from tasks.engine.watch import Watch
from tasks.selectors.facility_location import FacilityLocation
from tasks.selectors.k_center import KCenter
from tasks.selectors.stratified import Stratified
from tasks.selectors.top_quality import TopQuality
from tasks.selectors.uniform import Uniform


class Selector(Protocol):
    """Settings are fields; a call maps (pool, limits, seed) to an ordered subset with evidence.

    The watch is told of each pick and may stop the search (see tasks.engine.watch).
    """

    version: ClassVar[str]  # raise it when equal input may give other output
    draw: ClassVar[str]  # greedy, sampled or stratified

    def __call__(
        self, pool: Pool, limits: Limits, seed: int, watch: Watch | None = None
    ) -> Selection:
        """Choose within `limits`; never mutates its arguments."""
        ...


SELECTORS: Final = {
    "facility_location": FacilityLocation,
    "k_center": KCenter,
    "stratified": Stratified,
    "top_quality": TopQuality,
    "uniform": Uniform,
}
