"""The methods compared: `default`, the controls, and any selector by name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

import numpy as np
from jaxtyping import Int

from schemas.params import Params
from schemas.results import SEMANTIC, Method, Selection
from tasks.engine.limits import Limits, cost_of
from tasks.engine.pool import Pool
from tasks.engine.watch import Watch
from tasks.methods import selector_of
from tasks.proving.candidates import Candidates
from tasks.selectors import Selector
from tasks.selectors.facility_location import FacilityLocation
from tasks.selectors.stratified import Stratified
from tasks.selectors.top_quality import TopQuality
from tasks.selectors.uniform import Uniform

PASSES: Final = 20  # over a subset's rows, the same for every method
DEFAULT, UNIFORM, RS2, FULL = "default", "uniform", "rs2", "full"


@dataclass(frozen=True)
class BottomQuality:
    """The worst rows by quality: a score that says nothing does as well here as at the top."""

    version: ClassVar[str] = "1.0.0"
    draw: ClassVar[str] = "greedy"

    def __call__(
        self, pool: Pool, limits: Limits, seed: int, watch: Watch | None = None
    ) -> Selection:
        """Choose by falling 1 - quality. `seed` is unused."""
        return TopQuality()(replace(pool, quality=1.0 - pool.quality), limits, seed, watch)


CONTROLS: Final[dict[str, Selector]] = {
    "uniform": Uniform(),
    "stratified": Stratified(),
    "top_quality": TopQuality(),
    "bottom_quality": BottomQuality(),
    "diversity_only": FacilityLocation(diversity_weight=1.0),
}


@dataclass(frozen=True)
class Contender:
    """A method by its name in the table; `selector` is None for RS2 and the full pool.

    `as_pipeline`: rows with a better twin are not eligible, and the limits of `choose` that need no
    names hold (least quality, least distance).
    """

    name: str
    selector: Selector | None
    as_pipeline: bool = False
    min_quality: float = 0.0
    min_distance: float = 0.0

    def facts(self) -> dict[str, Any]:
        """All that the choice depends on beside the pool, budget and seed."""
        method = Method.of(self.selector) if self.selector else Method(self.name, "1.0.0", {})
        about = {"name": method.name, "version": method.version, "settings": method.settings}
        limits = [self.as_pipeline, self.min_quality, self.min_distance]
        return {**about, "limits": limits, "passes": PASSES}

    def schedule(
        self, candidates: Candidates, budget: int, in_tokens: bool, seed: int
    ) -> list[Int[np.ndarray, " k"]]:
        """Row indices of the task for every pass: equal for a fixed subset, fresh ones for RS2."""
        if self.name == FULL:
            return [candidates.rows] * PASSES
        limits = self._limits(candidates, budget, in_tokens)
        if self.selector is None:
            return [candidates.rows[part] for part in fresh(candidates.pool, limits, seed)]
        chosen = self.selector(candidates.pool, limits, seed).indices
        return [np.sort(candidates.rows[chosen])] * PASSES

    def _limits(self, candidates: Candidates, budget: int, in_tokens: bool) -> Limits:
        if not self.as_pipeline:
            return Limits(budget, in_tokens)
        return Limits(
            budget,
            in_tokens,
            closed=dict.fromkeys(candidates.twins, SEMANTIC),
            min_quality=self.min_quality,
            min_distance=self.min_distance,
        )


def contenders(names: Sequence[str], params: Params) -> list[Contender]:
    """`default`, the controls and the selectors named, each once; raises `SettingsError`."""
    choose = params.choose
    default = Contender(DEFAULT, selector_of(choose), True, choose.min_quality, choose.min_distance)
    found = [default, *(Contender(name, selector) for name, selector in CONTROLS.items())]
    found += [Contender(RS2, None), Contender(FULL, None)]
    known = {each.name for each in found}
    for name in dict.fromkeys(names):
        if name not in known:
            own = choose.model_copy(update={"selector": name, "settings": {}})
            found.append(Contender(name, selector_of(own)))
    return found


def fresh(pool: Pool, limits: Limits, seed: int) -> Iterator[Int[np.ndarray, " k"]]:
    """RS2 (Okanovic et al., 2024): each pass takes the next rows of a shuffled pool.

    No row comes twice before all came once; a slice that straddles two shuffles holds no row twice.
    In tokens a row that the rest of a pass cannot pay is left for the next, and one that costs more
    than a whole pass never comes.
    """
    random = np.random.default_rng([seed, 3])
    cost, waiting = cost_of(pool, limits), np.empty(0, dtype=np.int64)
    payable = np.flatnonzero(cost <= limits.budget)
    for _ in range(PASSES):
        taken, spent = np.empty(0, dtype=np.int64), 0
        while True:
            total = spent + np.cumsum(cost[waiting])
            here = np.searchsorted(total, limits.budget, side="right")
            taken, spent = np.append(taken, waiting[:here]), int(total[here - 1]) if here else spent
            waiting = waiting[here:]
            if len(waiting) or len(taken) == len(payable):
                break
            left = np.setdiff1d(payable, taken)
            waiting = np.append(random.permutation(left), random.permutation(taken))
            if spent + cost[left].min() > limits.budget:
                break
        yield np.sort(taken)
