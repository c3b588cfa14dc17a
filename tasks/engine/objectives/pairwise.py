"""Objectives whose gains are attraction minus likeness to the picks: graph cut, kernel herding.

With t rows picked, the gain of row j is  a_j + t r_j - c sum_{s picked} s(j, s).
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.columns import SimilarityColumns
from tasks.engine.constraints import Limits
from tasks.engine.coverage import own_similarity
from tasks.engine.mean_similarity import MeanSimilarity
from tasks.engine.objectives.part import affordable_rows, best_affordable
from tasks.engine.picked import PickedSums
from tasks.engine.pool import Pool
from tasks.engine.similarity import Similarity

ROUNDING: Final = 1e-6  # of a sum of similarities, relative


@dataclass(frozen=True)
class Terms:
    """The a, r and c of the formula above; `rises` is r + c where likeness may be as low as -1.

    `mean` is the mean similarity that a and r are made of, `perfect` what k^2 / 2 is multiplied
    with for the value of k rows that match the pool perfectly (0: submodular, no such value).
    """

    mean: MeanSimilarity
    start: Float[np.ndarray, " n"]
    rate: Float[np.ndarray, " n"] | float
    penalty: float
    rises: Float[np.ndarray, " n"] | float
    perfect: float = 0.0


class Pairwise:
    """The state of such an objective: `Terms`, and each row's likeness to the picks.

    Memory: 8 bytes per row, the waiting picks, and a cache of columns of the rows followed.
    """

    def __init__(self, rows: Float[np.ndarray, "n d"], similarity: Similarity, terms: Terms):
        self.rows, self.similarity, self.terms, self.mean = rows, similarity, terms, terms.mean
        self.rises = terms.rises
        self.sums = PickedSums(rows, similarity)
        self._known: dict[int, float] = {}  # gains at this number of picks

    def fresh(self) -> "Pairwise":
        """The same with nothing picked."""
        return Pairwise(self.rows, self.similarity, self.terms)

    def facts(self) -> dict[str, Any]:
        """The error of the mean similarities; in herding, the discrepancy and what it is worth.

        `value` is k^2 / 2 times how much smaller the squared discrepancy is than with no pick: its
        differences are the gains, up to a constant per step, whatever the order of the picks.
        """
        facts: dict[str, Any] = {"mean_error": round(self.mean.error, 6)}
        picks = self.sums.picks
        if isinstance(self.terms.rate, np.ndarray) and picks:
            m, k = self.mean.values, len(picks)
            within = float(self.sums.all()[picks].sum()) / k**2
            between = float(m[picks].mean())
            facts["mmd_squared"] = round(within - 2 * between + self.mean.over_pool, 9)
            facts["value"] = k**2 * (between - within / 2)
        return facts

    def most(self, pool: Pool, limits: Limits) -> float:
        """Sum of the best first gains that the budget can buy (submodular), or a perfect match.

        So the term does not depend on the kernel's width, or on how many rows the budget buys.
        """
        if self.terms.perfect:
            return affordable_rows(pool, limits) ** 2 / 2 * self.terms.perfect
        return best_affordable(np.maximum(self.terms.start, 0.0), pool, limits)

    def _value(self, rows: np.ndarray | slice, sums: np.ndarray) -> np.ndarray:
        rate = self.terms.rate
        rising = rate[rows] if isinstance(rate, np.ndarray) else rate
        return self.terms.start[rows] + len(self.sums.picks) * rising - self.terms.penalty * sums

    def all_gains(self) -> Float[np.ndarray, " n"]:
        """The gain of every row now."""
        return self._value(slice(None), self.sums.all())

    def all_bounds(self) -> Float[np.ndarray, " n"]:
        """The gain of every row now."""
        return self.all_gains()

    def first_bounds(self) -> Float[np.ndarray, " n"]:
        """The gain of every row now."""
        return self.all_gains()

    def ready(self, index: int) -> bool:
        """Whether the row has been compared with all picks."""
        return not self.sums.waiting or index in self._known

    def prepare(self, indices: list[int]) -> None:
        """Compare several rows with the waiting picks in one product."""
        gains = self._value(np.array(indices), self.sums.of(indices))
        self._known.update(zip(indices, gains.tolist(), strict=True))

    def gain(self, index: int) -> float:
        """The gain of one row now."""
        if index not in self._known:
            self.prepare([index])
        return self._known[index]

    def accept(self, index: int) -> None:
        """Add a row."""
        self.sums.add(index)
        self._known.clear()

    def follow(self, rows: Int[np.ndarray, " p"]) -> "FollowedPairwise":
        """Start to follow some rows."""
        return FollowedPairwise(self, rows)


class FollowedPairwise:
    """A few rows, whose likeness to each further pick among them is counted at once."""

    def __init__(self, part: Pairwise, rows: Int[np.ndarray, " p"]):
        self.part, self.rows = part, rows
        self.sums = part.sums.all()[rows]
        some = part.rows if len(rows) == len(part.rows) else part.rows[rows]
        self.columns = SimilarityColumns(some, part.similarity)

    def gains(self) -> Float[np.ndarray, " p"]:
        """The gain of each of these rows now."""
        return self.part._value(self.rows, self.sums)

    def ready(self, place: int) -> bool:
        """Whether the column of the row is kept."""
        return place in self.columns

    def prepare(self, places: list[int]) -> None:
        """Compute the columns of several rows in one product."""
        self.columns.prepare(places)

    def accept(self, place: int) -> None:
        """Count the likeness of all these rows to the one at this place."""
        self.sums += self.columns.column(place)
        self.columns.forget(place)


def graph_cut(
    rows: Float[np.ndarray, "n d"], similarity: Similarity, mean: MeanSimilarity, redundancy: float
) -> Pairwise:
    """sum_v sum_{j in S} s(v, j) - r sum_{i, j in S} s(i, j), with r the `redundancy`.

    Lin and Bilmes (2011). Submodular, as s >= 0; monotone for r <= 1/2. The gain of j is
    n mean_j - r s(j, j) - 2 r sum_{i in S} s(i, j).
    """
    reach = len(rows) * mean.values
    start = reach - redundancy * own_similarity(rows, similarity)
    start[np.abs(start) <= ROUNDING * reach] = 0.0  # as of a row that is like none but itself
    return Pairwise(rows, similarity, Terms(mean, start, 0.0, 2.0 * redundancy, 0.0))


def matching(rows: Float[np.ndarray, "n d"], kernel: Similarity, mean: MeanSimilarity) -> Pairwise:
    """Kernel herding (Welling, 2009; Chen, Welling and Smola, 2010).

    The pick is argmax m_j - sum_{s in S} k(j, s) / (t + 1); the gain told is that times t + 1. For
    rows of one length it is, up to a constant per step, how much -|S|^2 MMD^2(S, pool) / 2 grows,
    so herding and greedy minimisation of the maximum mean discrepancy pick the same rows.
    With no discrepancy that value is k^2 / 2 times the mean kernel of the pool (`perfect`).
    """
    rises = mean.values if kernel.width else mean.values + 1.0
    known = kernel.width and len(rows)  # a cosine's mean may be 0: then as of equal rows
    perfect = mean.over_pool if known else 1.0
    return Pairwise(rows, kernel, Terms(mean, mean.values, mean.values, 1.0, rises, perfect))


class Cosine(Similarity):
    """The linear kernel: the cosine as it is, in [-1, 1]; `width` must be 0."""

    def of(self, cosine: np.ndarray) -> np.ndarray:
        """The cosines themselves."""
        return cosine
