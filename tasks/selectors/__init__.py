"""Selectors: which rows together. A frozen dataclass per file; the registry is a dictionary."""

from typing import ClassVar, Final, Protocol

from schemas.results import Selection
from tasks.engine.constraints import Limits
from tasks.engine.pool import Pool
from tasks.engine.watch import Watch
from tasks.selectors.cover_then_match import CoverThenMatch
from tasks.selectors.distribution_matching import DistributionMatching
from tasks.selectors.facility_location import FacilityLocation
from tasks.selectors.feature_based import FeatureBased
from tasks.selectors.graph_cut import GraphCut
from tasks.selectors.k_center import KCenter
from tasks.selectors.label_information import LabelInformation
from tasks.selectors.log_determinant import LogDeterminant
from tasks.selectors.mixture import Mixture
from tasks.selectors.regularised_draw import RegularisedDraw
from tasks.selectors.saturated_coverage import SaturatedCoverage
from tasks.selectors.stratified import Stratified
from tasks.selectors.top_quality import TopQuality
from tasks.selectors.uniform import Uniform


class Selector(Protocol):
    """Settings are fields; a call maps (pool, limits, seed) to an ordered subset with evidence.

    The watch is told of each pick and may stop the search (see tasks.engine.watch). A selector
    that reads an array of the pool that is not always filled names it in a class attribute
    `needs` (see `needs_of`).
    """

    version: ClassVar[str]  # raise it when equal input may give other output
    draw: ClassVar[str]  # greedy, sampled or stratified

    def __call__(
        self, pool: Pool, limits: Limits, seed: int, watch: Watch | None = None
    ) -> Selection:
        """Choose within `limits`; never mutates its arguments."""
        ...


SELECTORS: Final = {
    "cover_then_match": CoverThenMatch,
    "distribution_matching": DistributionMatching,
    "facility_location": FacilityLocation,
    "feature_based": FeatureBased,
    "graph_cut": GraphCut,
    "k_center": KCenter,
    "label_information": LabelInformation,
    "log_determinant": LogDeterminant,
    "mixture": Mixture,
    "regularised_draw": RegularisedDraw,
    "saturated_coverage": SaturatedCoverage,
    "stratified": Stratified,
    "top_quality": TopQuality,
    "uniform": Uniform,
}


def needs_of(selector: Selector) -> tuple[str, ...]:
    """Arrays of the pool that are to be filled for this selector alone: `features`, or none."""
    return tuple(getattr(selector, "needs", ()))
