"""Selector `regularised_draw`: a draw by quality and rarity, mixed with a plain one."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Literal, get_args

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Int

from schemas.errors import SettingsError
from schemas.results import Selection
from tasks.engine.admission import Admission
from tasks.engine.draws import uniform_keys
from tasks.engine.evidence import selection_of
from tasks.engine.greedy import take_in_order
from tasks.engine.inclusion import inclusion_chances
from tasks.engine.limits import Limits
from tasks.engine.mean_similarity import mean_similarity
from tasks.engine.pivotal import draw_pivotal
from tasks.engine.pool import Pool
from tasks.engine.similarity import Similarity
from tasks.engine.similarity_order import similarity_order
from tasks.engine.watch import Watch
from tasks.selectors.mixing import check_between

Scores = Literal["standard", "rank"]
Reference = Literal["uniform", "stratum"]
LEAST: Final = 1e-12  # of a density and of a chance: what is divided by is above 0


@dataclass(frozen=True)
class RegularisedDraw:
    """Draw with chances pi_i = min(1, c p_i), p = (1 - mix) softmax(s / temperature) + mix r.

    s = (1 - w) z(quality) + w z(-log density): standard scores (or standard scores of the ranks)
    over the rows that can be chosen; density is the mean similarity to the pool, w the
    `diversity_weight`. r is uniform, or gives every stratum of `by` the same. c makes the chances
    add up to the budget, in rows exactly. Rows are drawn by pivotal sampling along an order of
    like rows, so that the draw is spread over the pool (Deville and Tillé, 1998; Shimizu et al.,
    2024). Weights are 1 / pi: sums over the draw so weighted estimate sums over the pool.

    Rows that must be included have pi = 1. Floors and caps of one column bound the sum of chances
    of their groups, and the number drawn is that sum rounded down or up: both are met, and chances
    stay true. Floors and caps of several columns, a least distance, and what a budget in tokens
    leaves over or lacks are settled afterwards: rows drawn that may not be taken are left out, and
    others put in, in an order drawn by p; pi is approximate then (`replaced` says for how many).
    In tokens sum pi_i cost_i is the budget.
    """

    version: ClassVar[str] = "1.1.0"
    draw: ClassVar[str] = "sampled"
    diversity_weight: float = 0.5  # w in [0, 1]
    temperature: float = 1.0  # in [0.01, 100]: low draws the best, high draws all alike
    mix: float = 0.2  # share of the reference in [0, 1]
    scores: Scores = "standard"
    reference: Reference = "uniform"
    by: str | list[str] = "cluster"
    centred: bool = False
    kernel_width: float = 0.1

    def __post_init__(self) -> None:
        Similarity(self.centred, self.kernel_width)
        check_between("diversity_weight", self.diversity_weight, 0, 1)
        check_between("temperature", self.temperature, 0.01, 100)
        check_between("mix", self.mix, 0, 1)
        for name, kinds in (("scores", Scores), ("reference", Reference)):
            if getattr(self, name) not in get_args(kinds):
                raise SettingsError(
                    f"{name} must be one of {get_args(kinds)}; got {getattr(self, name)!r}"
                )

    def __call__(
        self, pool: Pool, limits: Limits, seed: int, watch: Watch | None = None
    ) -> Selection:
        """Draw rows; equal seeds give equal rows. In order of falling chance, ties by id."""
        admission = Admission(pool, limits)
        given = admission.given
        weight = self._weights(pool, admission.free)
        chance = _chances(admission, weight)
        drawn = np.zeros(len(pool), dtype=bool)
        if admission.free.any() and not admission.full:
            spread = similarity_order(pool.vectors)
            drawn = draw_pivotal(chance, spread, _groups(admission), pool.ids, seed)
        with np.errstate(divide="ignore"):
            turn = -np.log1p(-uniform_keys(pool.ids, seed, "turn")) / weight  # weighted order
        key = turn if limits.in_tokens else -chance
        order = np.lexsort((np.arange(len(pool)), np.where(drawn, key, turn), ~drawn))
        take_in_order(order, admission, watch)
        taken = np.array(admission.order[given:], dtype=np.int64)
        selection = selection_of(
            self,
            admission,
            chance[admission.order],
            final_gain=chance,
            is_bound=np.zeros(len(pool), dtype=bool),
            totals=_totals(admission, chance, drawn, taken),
        )
        return replace(selection, weights=1.0 / np.maximum(selection.gains, LEAST))

    def _weights(self, pool: Pool, free: Bool[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The p of each row that can be chosen, and 0 for the others."""
        score = (1 - self.diversity_weight) * self._standard(pool.quality, free)
        if self.diversity_weight:
            similarity = Similarity(self.centred, self.kernel_width)
            density = mean_similarity(similarity.rows(pool.vectors), similarity).values
            rarity = -np.log(np.maximum(density, LEAST))
            score = score + self.diversity_weight * self._standard(rarity, free)
        weight = np.zeros(len(pool))
        if not free.any():
            return weight
        sharp = np.exp((score[free] - score[free].max()) / self.temperature)
        count = np.ones(int(free.sum()))
        if self.reference == "stratum":
            count = np.bincount(pool.stratum[free])[pool.stratum[free]].astype(np.float64)
        plain = 1.0 / count
        weight[free] = (1 - self.mix) * sharp / sharp.sum() + self.mix * plain / plain.sum()
        return weight

    def _standard(
        self, value: Float[np.ndarray, " n"], free: Bool[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """Values, or their ranks, with mean 0 and standard deviation 1 over the free rows."""
        if self.scores == "rank" and free.any():
            value = value.copy()
            value[free] = pl.Series(value[free]).rank("average").to_numpy()
        mean, spread = (value[free].mean(), value[free].std()) if free.any() else (0.0, 0.0)
        return np.asarray((value - mean) / (spread if spread > LEAST else np.inf))


def _groups(admission: Admission) -> Int[np.ndarray, " n"]:
    """Each row's bounded group counted from 1, or 0; with bounds on several columns all are 0."""
    members = admission.cells.members
    if members.shape[1] != 1:
        return np.zeros(len(admission.cost), dtype=np.int64)
    return np.asarray(members[admission.cells.cell, 0], dtype=np.int64) + 1


def _chances(admission: Admission, weight: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The chance of each row: 1 if taken already, 0 if it cannot be chosen."""
    chance = np.zeros(len(weight))
    chance[admission.order] = 1.0
    free, group = np.flatnonzero(admission.free), _groups(admission)
    least, most = np.zeros(1, dtype=np.int64), np.full(1, len(weight))
    if admission.cells.members.shape[1] == 1:
        least = np.concatenate([least, np.array(admission.need, dtype=np.int64)])
        most = np.concatenate([most, np.array(admission.room, dtype=np.int64)])
    chance[free] = inclusion_chances(
        weight[free], admission.cost[free], float(admission.left), group[free], least, most
    )
    return chance


def _totals(
    admission: Admission,
    chance: Float[np.ndarray, " n"],
    drawn: Bool[np.ndarray, " n"],
    taken: Int[np.ndarray, " k"],
) -> dict[str, Any]:
    """What the chances add up to, and how many rows were put in, or left out, after the draw."""
    replaced = int((~drawn[taken]).sum())
    return {
        "sum_of_chances": round(float(chance.sum()), 6),
        "drawn": int(drawn.sum()),
        "replaced": replaced,
        "left_out": int(drawn.sum()) - len(taken) + replaced,
        "least_chance": round(float(chance[admission.order].min(initial=1.0)), 9),
    }
