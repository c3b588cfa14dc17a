"""Thresholdout: held-out scores that stay honest however often and adaptively they are asked.

A question gets the train estimate back unless the held-out score differs from it by more than a
noisy threshold; then it gets the held-out score with noise, and the budget falls by one (Dwork et
al., "Generalization in Adaptive Data Analysis and Holdout Reuse", 2015).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from schemas.errors import SettingsError, WinnowError
from tasks.holdout.held_out import HeldOut, hoeffding_half_width
from tasks.holdout.ledger import Ledger, Line
from tasks.holdout.noise import LaplaceNoise

THRESHOLD: Final = 4.0  # over sqrt(n): the gap that counts as overfit
SCALE: Final = 0.25  # over sqrt(n), of the noise: see `HoldoutGuard`
DECIMALS: Final = 6


class SpentError(WinnowError):
    """The budget of a held-out set is spent: no new question is answered."""


@dataclass(frozen=True)
class HoldoutGuard:
    """Answers questions about one held-out set, at most `budget` times from the set itself.

    Scores lie in [0, 1]. With T = 4 / sqrt(n), a question is answered from the held-out rows if
    |held out - train| > T + Lap(2 s) + Lap(4 s), where the first noise stays until budget is spent.
    s = 1 / (4 sqrt(n)), half of the largest standard error of a share.
    """

    held_out: HeldOut
    budget: int
    noise: LaplaceNoise
    ledger: Ledger
    threshold_factor: float = THRESHOLD
    scale_factor: float = SCALE

    def __post_init__(self) -> None:
        stated = self.ledger.budget(self.held_out.digest)
        if stated is not None and self.budget > stated:
            raise SettingsError(
                f"the budget of {self.held_out.name} was fixed when it was first asked",
                expected=f"at most {stated}",
                where=f"found {self.budget}",
                remedy="ask within it, or hold out fresh rows: a budget that grows is none",
            )

    @property
    def left(self) -> int:
        """How many answers the held-out rows themselves still give."""
        return max(0, self.budget - self.ledger.spent(self.held_out.digest))

    @property
    def yardstick(self) -> float:
        """Hoeffding's half width for as many questions as were answered, had none been adaptive."""
        return hoeffding_half_width(self.held_out.rows, self.ledger.given(self.held_out.digest))

    def answer(
        self,
        query: str,
        about: str,
        train_score: Callable[[], float],
        held_out_score: Callable[[], float],
    ) -> Line:
        """Answer one question and put it on record before the answer is seen.

        `query` identifies what is asked (`key_of`): the same question gets the same answer, costs
        nothing and evaluates nothing. Raises `SpentError` for a new one when nothing is left.
        """
        known = self.held_out
        if found := self.ledger.find(known.digest, query):
            return found
        if not self.left:
            raise self._spent()
        train, held_out = _score(train_score(), "train"), _score(held_out_score(), "held-out")
        spent = abs(held_out - train) > self._threshold(query)
        value = held_out + self._noise(1, "answer", query) if spent else train
        value = round(min(1.0, max(0.0, value)), DECIMALS)
        line = Line(known.digest, known.name, known.rows, self.budget, query, about, value, spent)
        self.ledger.add(line)
        return line

    def _threshold(self, query: str) -> float:
        """The gap beyond which this question is answered from the held-out rows."""
        times_spent = str(self.ledger.spent(self.held_out.digest))
        base = self.threshold_factor / math.sqrt(self.held_out.rows)
        return base + self._noise(2, "threshold", times_spent) + self._noise(4, "gap", query)

    def _noise(self, times: float, *about: str) -> float:
        scale = times * self.scale_factor / math.sqrt(self.held_out.rows)
        return self.noise(scale, self.held_out.digest, *about)

    def _spent(self) -> SpentError:
        given = self.ledger.given(self.held_out.digest)
        return SpentError(
            f"the held-out set {self.held_out.name} has no answers left: its budget of "
            f"{self.budget} is spent",
            where=f"set {self.held_out.digest[:12]}, {given:,} questions answered; "
            "`winnow holdout` lists them",
            remedy="hold out fresh rows that nothing has seen; questions asked before are still "
            "answered",
        )


def _score(value: float, which: str) -> float:
    if 0 <= value <= 1:
        return value
    raise WinnowError(f"a {which} score must lie in [0, 1] to be guarded; found {value:.6g}")
