"""Selector `facility_location`: cover the pool and prefer good rows."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, get_args

import numpy as np
from jaxtyping import Bool, Float

from schemas.errors import SettingsError
from schemas.results import Selection
from tasks.engine.admission import Admission
from tasks.engine.bound import connect, upper_bound
from tasks.engine.budgeted import Found, better_of
from tasks.engine.coverage import Coverage
from tasks.engine.edges import NEVER
from tasks.engine.evidence import selection_of
from tasks.engine.fast_greedy import Finished, fast_greedy
from tasks.engine.greedy import lazy_greedy, tie_unit
from tasks.engine.limits import Limits, eligible
from tasks.engine.neighbours import nearest_in
from tasks.engine.pool import Pool
from tasks.engine.similarity import Similarity
from tasks.engine.watch import Watch

Mode = Literal["auto", "exact", "fast"]
SHOWN: Final = 20  # group names in an error
EXACT_ROWS: Final = 10_000  # up to which `auto` is exact: seconds on two cores


@dataclass(frozen=True)
class FacilityLocation:
    """Maximise (1 - w) sum_{j in S} q_j / Q + w sum_i max_{j in S} s(x_i, x_j) / C.

    w is `diversity_weight`; s is max(0, cosine), or what `centred` and `kernel_width` make of it
    (see Similarity); Q is the sum of the best qualities the budget could buy and C the value of the
    whole pool, so that both terms reach 1 at best. Mode `exact` gives the picks of plain greedy, at
    least 1 - 1/e of the optimum for a budget in rows without floors and caps (Nemhauser, Wolsey,
    Fisher 1978), half of it with caps (a partition matroid). In tokens the better of two orders,
    gain per token and gain, at least (1 - 1/e) / 2 (Leskovec et al., 2007). Time O(n^2 d), memory
    O(n), a cache of columns and the edges (see Coverage). Mode `fast` (see fast_greedy) costs a
    little more than O(n d); `auto` takes it beyond 10,000 rows. Totals hold an `upper_bound` of the
    objective and the `share_of_bound` reached at least: proved, or in fast mode estimated where
    pairs were left out. With `cover`, the name of a group of choose.group_by as floors and caps
    write it, the sum over i is over that group's rows alone (a reference set; a cap of 0 keeps it
    out of the subset).
    """

    version: ClassVar[str] = "2.3.0"
    draw: ClassVar[str] = "greedy"
    diversity_weight: float = 0.5  # w in [0, 1]
    centred: bool = False
    kernel_width: float = 0.0
    mode: Mode = "auto"
    cover: str = ""  # the group to be covered; empty: all rows

    def __post_init__(self) -> None:
        Similarity(self.centred, self.kernel_width)  # refuses a width out of range
        if not 0 <= self.diversity_weight <= 1:
            raise SettingsError(f"diversity_weight must lie in [0, 1]; got {self.diversity_weight}")
        if self.mode not in get_args(Mode):
            raise SettingsError(f"mode must be one of {get_args(Mode)}; got {self.mode!r}")

    def __call__(
        self, pool: Pool, limits: Limits, seed: int, watch: Watch | None = None
    ) -> Selection:
        """Choose rows of `pool` in order of gain; a tie goes to the lower id. `seed` is unused."""
        watch, similarity = watch or Watch(), Similarity(self.centred, self.kernel_width)
        rows, mode = similarity.rows(pool.vectors), self._mode(len(pool))
        quality = best_affordable_quality(pool, limits)
        quality_scale = (1 - self.diversity_weight) / quality if quality else 0.0
        to_cover = rows_of_group(pool, self.cover) if self.cover else None

        def attempt(per_cost: bool, phase: str) -> Found:
            admission = Admission(pool, limits)
            worth = quality_scale * pool.quality
            coverage = Coverage(rows, similarity, worth, self.diversity_weight, to_cover)
            if mode == "exact" or not coverage.scale:
                renewed = coverage.renewed if coverage.crowded else None
                gains, bounds, short = lazy_greedy(
                    coverage, admission, watch, per_cost, phase, renewed
                )
                return Found(admission, gains, bounds, short, (coverage, None))
            done = fast_greedy(coverage, admission, watch, per_cost)
            return Found(admission, done.gains, done.bounds, done.shortfall, (coverage, done))

        found = better_of(attempt, limits, watch)
        left = _exact_gains_left(found)
        return selection_of(
            self,
            found.admission,
            np.array(found.gains),
            final_gain=found.bounds if left is None else left,
            is_bound=np.full(len(pool), left is None),
            quality_per_gain=quality_scale,
            shortfall=found.shortfall,
            totals={
                **found.totals,
                "mode": mode,
                **_reached(found, left),
                "quality_scale": quality_scale,
                "coverage_scale": found.objective[0].scale,
            },
        )

    def _mode(self, rows: int) -> str:
        return self.mode if self.mode != "auto" else ("exact" if rows <= EXACT_ROWS else "fast")


def rows_of_group(pool: Pool, name: str) -> Bool[np.ndarray, " n"]:
    """Which rows belong to a group; raises `SettingsError` if there is no group of this name."""
    if name not in pool.group_names:
        known = ", ".join(map(repr, pool.group_names[:SHOWN]))
        raise SettingsError(
            f"choose.settings.cover names no group: {name!r}",
            expected=f"a group by choose.group_by with eligible rows: {known or 'there is none'}",
        )
    return np.asarray((pool.group == pool.group_names.index(name)).any(axis=1))


def _exact_gains_left(found: Found) -> Float[np.ndarray, " n"] | None:
    """What every row would add to the finished set; of a chosen row what it added. None if fast."""
    coverage, done = found.objective
    if done is not None:
        return None
    gains = coverage.renewed() if coverage.crowded else coverage.gains()
    unit = tie_unit(len(gains))  # the same by edges and by columns
    gains = np.rint(gains * unit) / unit
    gains[found.admission.order] = found.gains
    return np.asarray(gains)


def _reached(found: Found, left: Float[np.ndarray, " n"] | None) -> dict[str, Any]:
    """What the chosen rows add to F, a bound that no subset exceeds, and the share reached."""
    coverage, done = found.objective
    admission: Admission = found.admission
    if done:
        coverage.settle()  # from here on the same, restarted or not
    before = _covered_before(coverage, admission)
    value = float(coverage.worth[admission.order].sum()) - before
    value += coverage.scale * coverage.total * coverage.value
    bound = _bound(found, left, value, before)
    return {
        "objective": round(value, 9),
        "upper_bound": round(bound, 9),
        "share_of_bound": round(min(1.0, value / bound), 6) if bound else 1.0,
        "bound_is": "proved" if done is None or done.captured >= 1 else "estimated",
        **(done.facts if done else {}),
    }


def _bound(
    found: Found, left: Float[np.ndarray, " n"] | None, value: float, before: float
) -> float:
    """The least upper bound known of what rows within the budget add to F."""
    coverage: Coverage = found.objective[0]
    done: Finished | None = found.objective[1]
    admission: Admission = found.admission
    cost, budget = admission.cost, admission.limits.budget
    may = eligible(admission.pool, admission.limits)
    best = coverage.scale * coverage.total + _best(np.where(may, coverage.worth, 0.0), cost, budget)
    if left is not None:
        more = np.where(may, left, 0.0)
        more[admission.order] = 0.0
        best = min(best, value + _best(more, cost, budget))
    if not coverage.scale:
        return best
    captured = done.captured if done else float(connect(coverage, admission))
    if not captured:
        return best
    bound = upper_bound(coverage, value + before, coverage.floor, cost, budget, may)
    return min(best, value + (bound - before - value) / captured)


def _covered_before(coverage: Coverage, admission: Admission) -> float:
    """What the rows chosen elsewhere cover by themselves, on the scale of the objective."""
    given = np.array(admission.limits.preselected, dtype=np.int64)
    if not (len(given) and coverage.scale):
        return 0.0
    covered = coverage.similarity.of(nearest_in(coverage.vectors, coverage.vectors[given])[1])
    return float(coverage.scale * covered[coverage.covered < NEVER].sum())


def _best(gain: Float[np.ndarray, " n"], cost: np.ndarray, budget: int) -> float:
    """What the best remaining gains that the budget buys add up to, the last one in part."""
    order = np.argsort(-gain / cost, kind="stable")
    spent = np.minimum(np.cumsum(cost[order]), budget)
    return float((np.diff(spent, prepend=0) / cost[order]) @ gain[order])


def best_affordable_quality(pool: Pool, limits: Limits) -> float:
    """Sum of the best qualities the budget could buy (in tokens: best per token, fractional)."""
    cost = pool.cost if limits.in_tokens else np.ones(len(pool))
    return _best(pool.quality, cost, limits.budget)
