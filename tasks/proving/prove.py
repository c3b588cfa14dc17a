"""`prove`: from the settings to the table, with everything kept under artifacts/proof/."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from schemas.params import Params
from schemas.proof import ProveParams
from tasks.pages.proof import proof_page
from tasks.paths import Paths
from tasks.proving.building import build
from tasks.proving.candidates import REPLICATE_SHARE, candidates_of
from tasks.proving.engine import VERSION, Tell, experiment
from tasks.proving.guarded import guard_for
from tasks.proving.ledger import KnownScores
from tasks.proving.methods import PASSES, contenders
from tasks.proving.plan import Experiment, consumers_of
from tasks.proving.plane import plane
from tasks.proving.quantiles import quantiles
from tasks.proving.records import Record, Summary
from tasks.proving.statistics import summarise
from tasks.storage.rows import write_text


@dataclass(frozen=True)
class Proof:
    """The outcome: facts about the task and the experiment, the table, and the single scores."""

    name: str
    facts: dict[str, Any]
    summaries: list[Summary]
    records: list[Record]
    plane: list[dict[str, Any]] = field(default_factory=list)
    quantiles: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """As `artifacts/proof/<name>.json` holds it."""
        return {
            "name": self.name,
            "facts": self.facts,
            "summaries": [asdict(summary) for summary in self.summaries],
            "plane": self.plane,
            "quantiles": self.quantiles,
        }


def prove(asked: ProveParams, params: Params, paths: Paths, out: Path, tell: Tell) -> Proof:
    """Run or go on with the experiment and write `out`/<name>.json, <name>.html and `out`.jsonl.

    Scores that are known, by content, from an earlier or a killed run are not computed again.
    """
    if asked.embedder:
        embed = params.embed.model_copy(update={"model": asked.embedder, "revision": ""})
        params = params.model_copy(update={"embed": embed})
    compared = contenders(asked.selectors, params)  # a wrong name is told before any work
    consumers = consumers_of(asked.consumers, asked.kinds)
    built = build(asked, params, paths)
    task = built.task
    tell(f"{task.name}: {len(task.train):,} rows to choose from, {len(task.test):,} held out")
    plan = Experiment(
        task=task,
        candidates=candidates_of(task.unseen(), params, paths),
        contenders=compared,
        consumers=consumers,
        budgets=asked.budgets,
        seeds=asked.seeds,
        first_seed=asked.first_seed,
        in_tokens=asked.tokens,
    )
    known = KnownScores.load(out / f"{task.name}.scores.jsonl")
    with guard_for(task, asked.guard, consumers, paths) as guarded:
        plan = replace(plan, guarded=guarded)
        records = experiment(plan, known, tell)
        by_bin = quantiles(plan, known, tell) if asked.quantiles else {}
    about = {name: (each.unit, each.better) for name, each in plan.consumers.items()}
    summaries = summarise(records, about, asked.budgets)
    facts = {**built.facts, **_facts(plan, params)}
    proof = Proof(task.name, facts, summaries, records, plane(plan), by_bin)
    write_text(out / f"{task.name}.json", json.dumps(proof.as_dict(), indent=2) + "\n")
    write_text(out / f"{task.name}.html", proof_page(proof.as_dict()))
    write_lines(out.parent / f"{out.name}.jsonl", summaries)
    return proof


def _facts(plan: Experiment, params: Params) -> dict[str, Any]:
    return {
        "guard": plan.guarded.facts() if plan.guarded else None,
        "engine": VERSION,
        "task_digest": plan.task.digest,
        "embedder": params.embed.model,
        "budget_unit": "tokens" if plan.in_tokens else "rows",
        "seeds": plan.seeds,
        "first_seed": plan.first_seed,
        "uniform_draws": [plan.draws(plan.reference, budget) for budget in plan.budgets],
        "passes": PASSES,
        "replicate_share": REPLICATE_SHARE,
        "rows_with_a_better_twin": len(plan.candidates.twins),
        "methods": {each.name: each.facts() for each in plan.contenders},
        "consumers": {
            name: {"version": each.version, "unit": each.unit, "better": each.better}
            for name, each in plan.consumers.items()
        },
        "comparisons": sum(1 for each in plan.contenders if each.name not in ("uniform", "full"))
        * len(plan.budgets)
        * len(plan.consumers),
    }


def write_lines(path: Path, summaries: Sequence[Summary]) -> None:
    """Put the table into the file of all proofs, in place of an earlier one of its data set."""
    names = {summary.dataset for summary in summaries}
    before = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in before if line and json.loads(line)["dataset"] not in names]
    fresh = [json.dumps({"work": "prove", **asdict(summary)}) for summary in summaries]
    write_text(path, "\n".join([*kept, *fresh]) + "\n")
