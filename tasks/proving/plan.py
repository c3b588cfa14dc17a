"""What is to be computed: budgets x methods x consumers x seeds, and the draws of each."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from schemas.errors import SettingsError
from tasks.proving.candidates import Candidates
from tasks.proving.consumers import CONSUMERS, DEAR, Consumer
from tasks.proving.guarded import Guarded
from tasks.proving.methods import FULL, UNIFORM, Contender
from tasks.proving.task import Task

MOST_DRAWS: Final = 5  # of uniform at a seed: it stands in every comparison, and small draws differ
DRAWN_SHARE: Final = 0.25  # of the pool, in all of them together
Cell = tuple[int, Contender, float]  # seed, method, budget


@dataclass(frozen=True)
class Experiment:
    """What is compared with what: `budgets` are shares of the train rows, or of their tokens."""

    task: Task
    candidates: Candidates
    contenders: Sequence[Contender]
    consumers: Mapping[str, Consumer]
    budgets: Sequence[float]
    seeds: int
    in_tokens: bool = False
    guarded: Guarded | None = None
    first_seed: int = 0

    def size(self, budget: float) -> int:
        """A budget in rows or tokens."""
        whole = int(self.candidates.pool.cost.sum()) if self.in_tokens else len(self.task.train)
        return max(1, round(budget * whole))

    @property
    def reference(self) -> Contender:
        """What all are compared with."""
        return next(each for each in self.contenders if each.name == UNIFORM)

    def draws(self, contender: Contender, budget: float) -> int:
        """How many subsets are drawn at a seed: several small ones of uniform, of others one."""
        if contender.name != UNIFORM or self.guarded:  # a guard's answers are counted
            return 1
        return int(np.clip(DRAWN_SHARE / budget, 1, MOST_DRAWS))

    def cells(self) -> Iterator[Cell]:
        """Every (seed, contender, budget); the full pool has one budget, 1."""
        for seed in range(self.first_seed, self.first_seed + self.seeds):
            for contender in self.contenders:
                for budget in [1.0] if contender.name == FULL else self.budgets:
                    yield seed, contender, budget

    @property
    def scores(self) -> int:
        """How many scores the whole experiment has."""
        draws = sum(self.draws(contender, budget) for _, contender, budget in self.cells())
        return draws * len(self.consumers)


def consumers_of(names: Sequence[str], kinds: Collection[str]) -> dict[str, Consumer]:
    """The consumers named; or those of the kinds; or, without any, the cheap ones of texts.

    `kinds` are labels, ratings or pairs. Raises `SettingsError` for a consumer that is not there or
    whose column is not.
    """
    able = [name for name, kind in CONSUMERS.items() if not kind.needs or kind.needs in kinds]
    if unknown := [name for name in names if name not in able]:
        needs = f"; it needs {CONSUMERS[unknown[0]].needs}" if unknown[0] in CONSUMERS else ""
        raise SettingsError(
            f"no consumer {unknown[0]!r} for these columns{needs}",
            expected=f"some of {', '.join(able) or '(none)'}",
            where="--consumers",
        )
    fitting = [name for name in able if CONSUMERS[name].needs]
    fitting = fitting or [name for name in able if name not in DEAR]
    return {name: CONSUMERS[name]() for name in (names or fitting)}
