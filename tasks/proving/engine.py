"""The experiment: budgets x methods x consumers x seeds, each score computed once and kept."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any, Final

import numpy as np

from schemas.errors import SettingsError
from tasks.proving.answers import answer
from tasks.proving.candidates import REPLICATE_SHARE, Candidates
from tasks.proving.consumers import CONSUMERS, DEAR, Consumer
from tasks.proving.guarded import Guarded
from tasks.proving.ledger import KnownScores, key_of
from tasks.proving.methods import FULL, Contender
from tasks.proving.records import Record
from tasks.proving.task import Schedule, Task

VERSION: Final = "1.0.0"  # raise it when equal settings may give other scores
TELL_SECONDS: Final = 5.0
Tell = Callable[[str], None]


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

    def cells(self) -> Iterator[tuple[int, Contender, float]]:
        """Every (seed, contender, budget); the full pool has one budget, 1."""
        for seed in range(self.first_seed, self.first_seed + self.seeds):
            for contender in self.contenders:
                for budget in [1.0] if contender.name == FULL else self.budgets:
                    yield seed, contender, budget

    @property
    def scores(self) -> int:
        """How many scores the whole experiment has."""
        return sum(1 for _ in self.cells()) * len(self.consumers)


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


def experiment(plan: Experiment, known: KnownScores, tell: Tell) -> list[Record]:
    """Compute what is not known yet; returns every record of the plan, in order of its cells."""
    digest, found, pace = _pool_digest(plan), [], _Pace(plan.scores, tell)
    for seed, contender, budget in plan.cells():
        facts = {
            "engine": VERSION,
            "task": plan.task.digest,
            "pool": digest,
            "method": contender.facts(),
            "size": [plan.size(budget), plan.in_tokens],
            "seed": seed,
        }
        if plan.guarded:  # its answers are no exact scores
            facts["guard"] = plan.guarded.guard.held_out.digest
        keys = {
            name: key_of({**facts, "consumer": [name, consumer.version, asdict(consumer)]})  # type: ignore[call-overload]
            for name, consumer in plan.consumers.items()
        }
        missing = [name for name, key in keys.items() if key not in known.known]
        if missing:
            schedule = _schedule(plan, contender, budget, seed)
        for name in missing:
            known.add(_record(plan, (seed, contender.name, budget), name, keys[name], schedule))
        for key in keys.values():  # a score may be known under another name
            found.append(replace(known.known[key], method=contender.name, budget=budget))
        pace.after(len(keys), len(missing))
    return found


def _schedule(plan: Experiment, contender: Contender, budget: float, seed: int) -> Schedule:
    part = plan.candidates.replicate(seed)
    schedule = contender.schedule(part, plan.size(budget), plan.in_tokens, seed)
    if not all(len(rows) for rows in schedule):
        raise SettingsError(
            f"the budget {budget:g} buys {contender.name} not even one row",
            where="--budgets",
            remedy="raise it",
        )
    return schedule


def _record(
    plan: Experiment, cell: tuple[int, str, float], name: str, key: str, schedule: Schedule
) -> Record:
    seed, method, budget = cell
    asked = (plan.consumers[name], plan.task, schedule, seed)
    if plan.guarded:
        given = plan.guarded(f"{method} {budget:g} {name} seed {seed}", *asked)
    else:
        given = answer(*asked)
    tokens = [int(plan.task.tokens[rows].sum()) for rows in schedule]
    return Record(
        dataset=plan.task.name,
        budget=budget,
        method=method,
        consumer=name,
        seed=seed,
        score=given.score,
        rows=round(float(np.mean([len(rows) for rows in schedule]))),
        tokens=round(float(np.mean(tokens))),
        key=key,
        without_block=given.without_block,
    )


def _pool_digest(plan: Experiment) -> str:
    """Digest of all that a selector sees."""
    candidates = plan.candidates
    pool, found = candidates.pool, sha256()
    for array in (pool.vectors, pool.quality, pool.cost, pool.group, pool.stratum, candidates.rows):
        found.update(np.ascontiguousarray(array).tobytes())
    about: list[Any] = [list(pool.ids), sorted(candidates.twins.items()), REPLICATE_SHARE]
    return key_of({"arrays": found.hexdigest(), "about": about})


class _Pace:
    """Tells every few seconds how far the experiment is; known scores take no time."""

    def __init__(self, total: int, tell: Tell):
        self.total, self.tell = total, tell
        self.done = self.made = 0
        self.began = self.told = time.monotonic()

    def after(self, scores: int, made: int) -> None:
        self.done, self.made = self.done + scores, self.made + made
        now = time.monotonic()
        if now - self.told < TELL_SECONDS and self.done < self.total:
            return
        self.told, rate = now, self.made / max(now - self.began, 1e-9)
        left = f", about {(self.total - self.done) / rate:,.0f} s left" if rate else ""
        share = 100 * self.done / self.total
        self.tell(
            f"proved: {self.done:,} of {self.total:,} scores, {share:.1f} %, "
            f"{rate:,.1f} scores/s{left}"
        )
