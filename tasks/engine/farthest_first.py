"""Farthest-first traversal: exact, with most of the work in a few large matrix products.

The rows farthest from all chosen ones are followed by themselves. As distances only fall, the
farthest of them is the farthest of all rows while it is at least as far as the farthest row left
out was. All rows are brought up to date only then, with all rows chosen in between at once.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.constraints import Admission
from tasks.engine.frontier import Frontier, Place, frontier
from tasks.engine.greedy import TIE_DIGITS, fill_floors
from tasks.engine.nearest_chosen import STEP, NearestChosen, cosines_of
from tasks.engine.similarity import Similarity
from tasks.engine.tiles import TILE_COLUMNS
from tasks.engine.watch import Watch

SCALE: Final = np.float32(10.0**TIE_DIGITS)
EQUAL: Final = 10  # steps from 1 that rounding of equal rows may reach: 1e-6 is as good as equal
FOLLOWED: Final = TILE_COLUMNS  # rows, twice as many in a large pool; 4 bytes for each pair
LARGE: Final = 200_000


class FarthestFirst:
    """Adds the admissible row of largest distance 1 - similarity to the rows chosen before.

    A distance falls as the cosine grows, so the search compares closeness: the largest cosine with
    a chosen row, as a whole number of 1e-7 (`float32` holds it exactly). Rows that are all at
    distance 1 because their cosines are negative are told apart by these. Time O(n k d) in matrix
    products; memory 8 bytes per row and at most 80 MB for the rows followed.
    """

    def __init__(
        self,
        rows: Float[np.ndarray, "n d"],
        similarity: Similarity,
        admission: Admission,
        watch: Watch,
    ):
        self.rows, self.similarity = rows, similarity
        self.admission, self.watch = admission, watch
        self.nearest = NearestChosen(rows)
        self.gains: list[float] = []
        self.followed = FOLLOWED if len(rows) < LARGE else 2 * FOLLOWED

    def run(self, quality: Float[np.ndarray, " n"]) -> None:
        """Choose until nothing is left to take, beginning with the row of best quality."""
        admission, saved = self.admission, self.watch.resume()
        self.nearest.add(np.array(admission.limits.preselected, dtype=np.int64))
        self._add_given(admission.order)
        saved.replay(admission, lambda _: None)
        self._add_given(admission.order[len(self.gains) :])
        if not (admission.order or admission.limits.preselected):
            self._start(np.argsort(-quality, kind="stable"))
        while self._goes_on():
            key = np.where(admission.free, -self.closeness(), np.float32(-np.inf))
            found = frontier(key, self.followed)
            if not len(found.rows):
                break
            self.nearest.add(np.array(self._among(found), dtype=np.int64))
        if self.watch.stopped:
            order = np.argsort(self.closeness(), kind="stable")
            fill_floors(order, admission, lambda index: self._add_given([index]))

    def closeness(self) -> Float[np.ndarray, " n"]:
        """How close every row is to the chosen rows, in steps of 1e-7."""
        return self._steps(self.nearest.cosine)

    def distances(self) -> Float[np.ndarray, " n"]:
        """1 - similarity of every row to the most similar chosen row: 1 if there is none."""
        distance = self._distance(self.closeness())
        distance[[*self.admission.order, *self.admission.limits.preselected]] = 0.0
        return distance

    def _steps(self, cosine: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        steps = np.asarray(np.rint(cosine * SCALE))
        steps[steps > SCALE - EQUAL] = SCALE
        return steps

    def _distance(self, steps: np.ndarray) -> Float[np.ndarray, "..."]:
        cosine = np.array(steps, dtype=np.float64)
        cosine /= float(SCALE)
        return np.asarray(np.round(1.0 - self.similarity.of(cosine), TIE_DIGITS))

    def _goes_on(self) -> bool:
        return not (self.admission.full or self.watch.stop())

    def _add_given(self, rows: list[int]) -> None:
        """Count rows that are taken already, one after another."""
        for start in range(0, len(rows), STEP):
            some = np.array(rows[start : start + STEP], dtype=np.int64)
            near = self.closeness()[some]
            among = self._steps(cosines_of(self.rows[some], self.rows[some]))
            for place in range(len(some)):
                self.gains.append(float(self._distance(near[place])))
                near = np.maximum(near, among[place])
            self.nearest.add(some)

    def _start(self, order: Int[np.ndarray, " n"]) -> None:
        for index in order[self.admission.free[order]].tolist():
            if self.admission.full or self._take(index, 1.0):
                break
        self.nearest.add(np.array(self.admission.order, dtype=np.int64))

    def _take(self, row: int, gain: float) -> bool:
        """Take a row, or shut it out if it is not admissible."""
        rule = self.admission.refusal(row)
        if rule:
            self.admission.close(row, rule)
            return False
        self.admission.take(row)
        self.gains.append(gain)
        self.watch.tell(self.admission, gain)
        return True

    def _among(self, found: Frontier) -> list[int]:
        """Choose among the rows that lead while they do; returns the rows taken."""
        followed = Followed(self.rows[found.rows], self.closeness()[found.rows])
        taken: list[int] = []
        while self._goes_on():
            place = followed.farthest()
            row, steps = int(found.rows[place]), followed.steps[place]
            if Place(-float(steps), -row) < found.outside:
                break
            if self._take(row, float(self._distance(steps))):
                taken.append(row)
                followed.choose(place, self._steps)
            else:
                followed.leave(place)
        return taken


class Followed:
    """A few rows and their closeness to the chosen rows, kept up to date as they are chosen.

    Similarities of a row to the others are worked out when it is chosen, together with those of
    the rows likely to come next.
    """

    def __init__(self, rows: Float[np.ndarray, "p d"], steps: Float[np.ndarray, " p"]):
        self.rows, self.steps = rows, steps  # inf: the row is out
        self.among = np.empty((len(rows), len(rows)), dtype=np.float32)
        self.known = np.zeros(len(rows), dtype=bool)

    def farthest(self) -> int:
        """The row that is least close, the first of equal ones."""
        return int(self.steps.argmin())

    def leave(self, place: int) -> None:
        """Follow a row no longer."""
        self.steps[place] = np.inf

    def choose(self, place: int, in_steps: Callable[[np.ndarray], np.ndarray]) -> None:
        """Bring the others up to date with a row that is chosen now."""
        if not self.known[place]:
            waiting = frontier(np.where(self.known, -np.inf, -self.steps), STEP).rows
            self.among[waiting] = in_steps(cosines_of(self.rows[waiting], self.rows))
            self.known[waiting] = True
        np.maximum(self.steps, self.among[place], out=self.steps)
        self.leave(place)
