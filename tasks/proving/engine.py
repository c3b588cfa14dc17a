"""The experiment: budgets x methods x consumers x seeds, each score computed once and kept."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from typing import Any, Final

import numpy as np

from schemas.errors import SettingsError
from tasks.proving.answers import answer
from tasks.proving.candidates import REPLICATE_SHARE
from tasks.proving.ledger import KnownScores, key_of
from tasks.proving.plan import Cell, Experiment
from tasks.proving.records import Record
from tasks.proving.task import Schedule

VERSION: Final = "1.0.0"  # raise it when equal settings may give other scores
TELL_SECONDS: Final = 5.0
Tell = Callable[[str], None]


def experiment(plan: Experiment, known: KnownScores, tell: Tell) -> list[Record]:
    """Compute what is not known yet; returns every record of the plan, in order of its cells."""
    digest, found, pace = _pool_digest(plan), [], _Pace(plan.scores, tell)
    for cell in plan.cells():
        drawn = []
        for draw in range(plan.draws(*cell[1:])):
            records, made = _scored(plan, cell, draw, digest, known)
            pace.after(len(records), made)
            drawn.append(records)
        found += [mean_of(records) for records in zip(*drawn, strict=True)]
    return found


def mean_of(records: Sequence[Record]) -> Record:
    """One record for several draws of a method at one seed: their means."""
    without = np.mean([record.without_block for record in records], axis=0)
    return replace(
        records[0],
        score=float(np.mean([record.score for record in records])),
        rows=round(float(np.mean([record.rows for record in records]))),
        tokens=round(float(np.mean([record.tokens for record in records]))),
        without_block=tuple(without.tolist()),
    )


def _scored(
    plan: Experiment, cell: Cell, draw: int, pool: str, known: KnownScores
) -> tuple[list[Record], int]:
    """A record per consumer of one draw, and how many of them were not known."""
    seed, contender, budget = cell
    facts = {
        "engine": VERSION,
        "task": plan.task.digest,
        "pool": pool,
        "method": contender.facts(),
        "size": [plan.size(budget), plan.in_tokens],
        "seed": seed,
        **({"draw": draw} if draw else {}),
    }
    if plan.guarded:  # its answers are no exact scores
        facts["guard"] = plan.guarded.guard.held_out.digest
    keys = {
        name: key_of({**facts, "consumer": [name, consumer.version, asdict(consumer)]})  # type: ignore[call-overload]
        for name, consumer in plan.consumers.items()
    }
    missing = [name for name, key in keys.items() if key not in known.known]
    if missing:
        schedule = _schedule(plan, cell, draw)
    for name in missing:
        known.add(_record(plan, (seed, contender.name, budget), name, keys[name], schedule))
    # a score may be known under another name
    named = [
        replace(known.known[key], method=contender.name, budget=budget) for key in keys.values()
    ]
    return named, len(missing)


def _schedule(plan: Experiment, cell: Cell, draw: int) -> Schedule:
    seed, contender, budget = cell
    part = plan.candidates.replicate(seed)
    own = int(np.random.SeedSequence([seed, draw]).generate_state(1)[0]) if draw else seed
    schedule = contender.schedule(part, plan.size(budget), plan.in_tokens, own)
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
