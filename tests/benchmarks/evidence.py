"""The project's own evidence: which settings train better models than a random choice, and where.

    python -m tests.benchmarks.evidence FOLDER [--half report] [--only sst2] [--first-seed 100]

FOLDER holds the public data sets. Every set goes through `prove`'s engine; scores are kept under
artifacts/evidence, so that a stopped run goes on. The table goes to results/evidence.json, and
from there to the README (`tests.benchmarks.evidence_page`).
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from schemas.params import Params
from schemas.proof import ProveParams
from tasks.methods import selector_of
from tasks.paths import Paths
from tasks.proving.building import build
from tasks.proving.candidates import candidates_of, quality_of
from tasks.proving.engine import experiment
from tasks.proving.ledger import KnownScores
from tasks.proving.methods import Contender, contenders
from tasks.proving.plan import Experiment, consumers_of
from tasks.proving.records import Summary
from tasks.proving.statistics import summarise
from tasks.selectors.top_quality import TopQuality
from tests.benchmarks.evidence_page import CONTROLS, table
from tests.benchmarks.evidence_sets import DATA_SETS, DataSet

RESULTS: Final = Path("tests/benchmarks/results/evidence.json")
MAX_TOKENS: Final = 64  # of a text the encoder reads here: all sets in minutes on two cores
BUDGETS: Final = (0.01, 0.05, 0.1, 0.3)
COMPARED: Final = ("default", *CONTROLS)
MATCHING: Final = "distribution_matching"  # what the default goes on as
ABLATION: Final[dict[str, dict[str, Any]]] = {  # settings of `choose`, development half alone
    "facility_location, centred, lambda 0.97": {
        "selector": "facility_location",
        "diversity_weight": 0.97,
        "settings": {"centred": True},
    },
    f"{MATCHING}, lambda 1": {"selector": MATCHING, "diversity_weight": 1.0},
    f"{MATCHING}, not flattened": {"selector": MATCHING, "settings": {"flattening": 0.0}},
    f"{MATCHING}, kernel width 0.1": {"selector": MATCHING, "settings": {"kernel_width": 0.1}},
    f"{MATCHING}, kernel width 0.2": {"selector": MATCHING, "settings": {"kernel_width": 0.2}},
}
SCORED_BY: Final = ("rules_passed", "repetition_free", "typicality")  # columns of quality, alone


def settings() -> Params:
    """Winnow's defaults, with shorter texts for the encoder."""
    params = Params()
    embed = params.embed.model_copy(update={"max_tokens": MAX_TOKENS})
    return params.model_copy(update={"embed": embed})


def compared(half: str, params: Params) -> list[Contender]:
    """The default, its controls, matching alone; on the development half the ablation too."""
    found = [each for each in contenders([], params) if each.name in COMPARED]
    ablation = ABLATION if half == "development" else {}
    for name, changes in {MATCHING: {"selector": MATCHING}, **ablation}.items():
        choose = params.choose.model_copy(update={"settings": {}, **changes})
        found.append(Contender(name, selector_of(choose), True))
    return found


def prove(
    data: DataSet, folder: Path, seeds: int, params: Params, paths: Paths, first_seed: int = 0
) -> list[Summary]:
    """Every method at every budget on one set, for both consumers."""
    kept = paths.artifacts / "evidence"
    file = kept / f"{data.name}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    data.make(folder).write_parquet(file)
    asked = ProveParams(source=[str(file.absolute())], label="label", split="split", name=data.name)
    task = build(asked, params, paths).task
    plan = Experiment(
        task=task,
        candidates=candidates_of(task.unseen(), params, paths),
        contenders=compared(data.half, params),
        consumers=consumers_of([], asked.kinds),
        budgets=BUDGETS,
        seeds=seeds,
        first_seed=first_seed,
    )
    known = KnownScores.load(kept / f"{data.name}.scores.jsonl")
    columns = SCORED_BY if data.half == "development" else ()
    records = []
    for each in [plan, *(scored_by(plan, column, params, paths) for column in columns)]:
        records += experiment(each, known, lambda text: print(data.name, text, file=sys.stderr))
    about = {name: (each.unit, each.better) for name, each in plan.consumers.items()}
    return summarise(records, about, BUDGETS)


def scored_by(plan: Experiment, column: str, params: Params, paths: Paths) -> Experiment:
    """Matching and top_quality where quality is one score column alone."""
    score = params.score.model_copy(update={"quality_weights": {column: 1.0}})
    texts = [plan.task.texts[row] for row in plan.task.train]
    quality = quality_of(texts, params.model_copy(update={"score": score}), paths)
    pool = replace(plan.candidates.pool, quality=quality)
    matching = selector_of(params.choose.model_copy(update={"selector": MATCHING}))
    methods = [
        Contender(f"{MATCHING}, quality by {column}", matching, True),
        Contender(f"top_quality by {column}", TopQuality()),
    ]
    return replace(plan, candidates=replace(plan.candidates, pool=pool), contenders=methods)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prove, keep the table, print it; exit 2 for a set that does not exist."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, help="the folder of public data sets")
    parser.add_argument("--half", choices=("development", "report"), help="default: both")
    parser.add_argument("--only", default="", help="names, with commas between")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0, help="others repeat it all afresh")
    asked = parser.parse_args(arguments)
    only = {name for name in asked.only.split(",") if name}
    if unknown := only - {data.name for data in DATA_SETS}:
        parser.error(f"no data set is called {min(unknown)!r}")
    before = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    for data in DATA_SETS:
        if (only and data.name not in only) or (asked.half and data.half != asked.half):
            continue
        found = [
            {"half": data.half, "structure": data.structure, **asdict(summary)}
            for summary in prove(
                data, asked.folder, asked.seeds, settings(), Paths(), asked.first_seed
            )
        ]
        before = [row for row in before if row["dataset"] != data.name] + found
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text("\n".join(_lines(before)) + "\n", encoding="utf-8")
        print(table(found))
    return 0


def _lines(rows: list[dict[str, Any]]) -> list[str]:
    """A JSON list with one row per line, so that a change shows as the rows it touches."""
    text = [json.dumps(row) for row in rows]
    return ["[", ",\n".join(text), "]"]


if __name__ == "__main__":
    sys.exit(main())
