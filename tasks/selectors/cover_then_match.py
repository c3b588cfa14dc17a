"""Selector `cover_then_match`: a few rows that cover the pool, then its distribution."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from schemas.errors import SettingsError
from schemas.results import OUTRANKED, Selection
from tasks.engine.constraints import Limits
from tasks.engine.covering import part_to_cover
from tasks.engine.pool import Pool
from tasks.engine.watch import Watch
from tasks.selectors.distribution_matching import DistributionMatching
from tasks.selectors.facility_location import FacilityLocation


@dataclass(frozen=True)
class CoverThenMatch(DistributionMatching):
    """`distribution_matching` (see there) that goes on from rows chosen by `facility_location`.

    The first `covering_rows` (in tokens: what so many cost on average) are those of facility
    location with the same weight of quality, over the pool or a sample of 10,000 of its rows (see
    `part_to_cover`). Few rows have no distribution to speak of: while a subset is small, what is
    near none of its rows is not learnt from it; later picks make up for where the first ones lie.
    Rows that a limit forbids are passed over. No share of an optimum is guaranteed.
    """

    version: ClassVar[str] = "1.0.0"
    covering_rows: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.covering_rows < 0:
            raise SettingsError(f"covering_rows must be at least 0; got {self.covering_rows}")

    def __call__(
        self, pool: Pool, limits: Limits, seed: int, watch: Watch | None = None
    ) -> Selection:
        """Choose rows of `pool`, the covering ones first; `seed` is unused."""
        part = part_to_cover(pool, limits, self.covering_rows)
        if not self.diversity_weight or part.limits.budget < 1:
            return super().__call__(pool, limits, seed, watch)
        covering = FacilityLocation(self.diversity_weight, self.centred, mode="fast")
        cover = covering(part.pool, part.limits, seed)
        found = self.choose(pool, limits, watch, part.rows[cover.indices].tolist())
        needed = found.needed_quality.copy()  # there are two ways in: the shorter one counts
        needed[part.rows] = np.fmin(needed[part.rows], cover.needed_quality)
        needed[found.status != OUTRANKED] = np.nan
        return replace(found, needed_quality=needed)
