"""Selector `mixture`: any objectives and quality together."""

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Final, get_args

import numpy as np

from schemas.errors import SettingsError
from schemas.results import Selection
from tasks.engine.coverage import Coverage
from tasks.engine.limits import Limits
from tasks.engine.objectives.choose_mixed import Mode, choose_mixed
from tasks.engine.objectives.part import Bounded, Part
from tasks.engine.pool import Pool
from tasks.engine.watch import Watch
from tasks.selectors.distribution_matching import DistributionMatching
from tasks.selectors.facility_location import FacilityLocation
from tasks.selectors.feature_based import FeatureBased
from tasks.selectors.graph_cut import GraphCut
from tasks.selectors.label_information import LabelInformation
from tasks.selectors.mixing import KernelSelector, MixingSelector, check_between
from tasks.selectors.saturated_coverage import SaturatedCoverage


@dataclass(frozen=True)
class FacilityLocationPart(KernelSelector):
    """Facility location as a part: exact, by columns and edges."""

    version: ClassVar[str] = FacilityLocation.version

    def part(self, pool: Pool) -> Bounded:
        """The objective, for no rows picked yet."""
        similarity = self.similarity()
        rows, nothing = similarity.rows(pool.vectors), np.zeros(len(pool))
        return Bounded(lambda: Coverage(rows, similarity, nothing, 1.0))


PARTS: Final[dict[str, type[MixingSelector]]] = {
    "distribution_matching": DistributionMatching,
    "facility_location": FacilityLocationPart,
    "feature_based": FeatureBased,
    "graph_cut": GraphCut,
    "label_information": LabelInformation,
    "saturated_coverage": SaturatedCoverage,
}


@dataclass(frozen=True)
class Mixture:
    """Maximise (1 - w) quality + w sum_p u_p F_p / M_p over the objectives named in `parts`.

    Their weights u_p are made to add up to 1; M_p bounds what the budget can buy of F_p, so that
    each term lies in [0, 1] (see `Mixed`; for distribution matching see there). Scales are in
    `totals`. `centred`, `kernel_width` (0: each part's own default) and `by` hold for all parts
    that have them, `part_settings` for one by its name. Submodular parts: lazy greedy, or faster
    where no part needs columns of similarities. With distribution matching gains may rise; beside
    facility location or saturated coverage every step is then exact by upper bounds, which suits
    some ten thousand rows.
    """

    version: ClassVar[str] = "1.1.0"
    draw: ClassVar[str] = "greedy"
    needs: ClassVar[tuple[str, ...]] = ("features",)
    diversity_weight: float = 0.5  # w in [0, 1]
    parts: dict[str, float] = field(
        default_factory=lambda: {"facility_location": 0.5, "feature_based": 0.5}
    )
    part_settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    centred: bool = False
    kernel_width: float = 0.0
    by: str | list[str] = "cluster"
    mode: Mode = "auto"

    def __post_init__(self) -> None:
        check_between("diversity_weight", self.diversity_weight, 0, 1)
        if self.mode not in get_args(Mode):
            raise SettingsError(f"mode must be one of {get_args(Mode)}; got {self.mode!r}")
        unknown = sorted({*self.parts, *self.part_settings} - set(PARTS))
        if unknown:
            raise SettingsError(
                f"no objective is called {unknown[0]!r}",
                expected=f"one of {', '.join(PARTS)}",
                where="choose.settings.parts",
            )
        for name, weight in self.parts.items():
            check_between(f"parts.{name}", weight, 0, 1e6)
        if not any(self.parts.values()):
            raise SettingsError(
                "parts name no objective of a weight above 0", where="choose.settings.parts"
            )
        for name in {*self.parts, *self.part_settings}:
            self._selector(name)

    def _selector(self, name: str) -> MixingSelector:
        """The part's selector with the settings that hold for it; raises `SettingsError`."""
        kind = PARTS[name]
        known = {setting.name for setting in fields(kind)}
        shared: dict[str, Any] = {"centred": self.centred, "by": self.by}
        if self.kernel_width:
            shared["kernel_width"] = self.kernel_width
        own = self.part_settings.get(name, {})
        if unknown := sorted(set(own) - known):
            raise SettingsError(
                f"{name} has no setting {unknown[0]!r}",
                expected=f"keys among {', '.join(sorted(known))}",
                where="choose.settings.part_settings",
            )
        return kind(**{key: value for key, value in {**shared, **own}.items() if key in known})

    def __call__(
        self, pool: Pool, limits: Limits, seed: int, watch: Watch | None = None
    ) -> Selection:
        """Choose rows of `pool` in order of gain; a tie goes to the lower id. `seed` is unused."""
        parts: dict[str, tuple[float, Part]] = {}
        if self.diversity_weight:
            for name in sorted(self.parts):
                if self.parts[name]:
                    parts[name] = (self.parts[name], self._selector(name).part(pool))
        return choose_mixed(self, pool, limits, parts, watch, self.mode)
