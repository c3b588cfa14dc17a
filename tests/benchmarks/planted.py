"""Which planted faults does each selector let in? Copies, outliers, noise; rare groups, covered.

    python -m tests.benchmarks.planted [--budget 0.1] [--seeds 5] [--rows 2000]

CLINC150 with documents as strangers, and the demo's documents with questions as strangers; vectors
by a static model distilled from the packaged one. Every selector, `default` and the controls.
"""

import argparse
import gzip
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy import stats

from schemas.params import EmbedParams, Params
from tasks.encoders import load_encoder
from tasks.paths import Paths
from tasks.proving.candidates import Candidates, candidates_of
from tasks.proving.methods import FULL, RS2, UNIFORM, Contender, contenders
from tasks.selectors import SELECTORS
from tests.benchmarks.instruction_rows import distil
from tests.benchmarks.planting import COPY, NOISE, OUTLIER, Encode, Planted, Rates, plant

SHARED = Path("../shared/data")
DEMO = Path("data/demo/open_docs.jsonl.gz")
RATES = ("kept_twice", "outliers", "noise", "rare_groups")
Rows = tuple[list[str], list[str]]  # texts and their groups


@dataclass(frozen=True)
class Recovered:
    """One rate of one method at one budget: its mean over seeds, beside uniform's with an interval.

    `kept_twice`: pairs of original and copy that are both kept, among all pairs; `outliers` and
    `noise`: kept ones among those planted; `rare_groups`: those with a row in the subset.
    """

    work: str
    method: str
    budget: float
    rate: str
    share: float
    uniform: float
    delta: float
    low: float
    high: float
    seeds: int


def rates_of(planted: Planted, chosen: np.ndarray) -> dict[str, float]:
    """All rates of one subset (rows of the task)."""
    kept = np.zeros(len(planted.kind), dtype=bool)
    kept[chosen] = True
    copies = np.flatnonzero(planted.kind == COPY)
    return {
        "kept_twice": float((kept[copies] & kept[planted.original[copies]]).mean()),
        "outliers": float(kept[planted.kind == OUTLIER].mean()),
        "noise": float(kept[planted.kind == NOISE].mean()),
        "rare_groups": float(np.mean([kept[rows].any() for rows in planted.rare])),
    }


def methods(params: Params) -> list[Contender]:
    """`default`, the controls, and every selector."""
    found = contenders(list(SELECTORS), params)
    return [one for one in found if one.name not in (RS2, FULL)]


def recovered(
    pools: Sequence[Planted],
    candidates: Sequence[Candidates],
    params: Params,
    budget: float,
) -> list[Recovered]:
    """Every method on every pool (a seed each), against uniform in pairs; intervals of 95 %."""
    found: dict[str, list[list[float]]] = {}
    for method in methods(params):
        for seed, (pool, part) in enumerate(zip(pools, candidates, strict=True)):
            size = round(budget * len(pool.kind))
            rates = rates_of(pool, method.schedule(part, size, False, seed)[0])
            found.setdefault(method.name, []).append([rates[name] for name in RATES])
    uniform = np.array(found[UNIFORM])
    lines = []
    for name, values in found.items():
        shares = np.array(values)
        for place, rate in enumerate(RATES):
            delta, low, high = interval(shares[:, place] - uniform[:, place])
            means = float(shares[:, place].mean()), float(uniform[:, place].mean())
            facts = (pools[0].task.name, name, budget, rate)
            lines.append(Recovered(*facts, *means, delta, low, high, len(pools)))
    return lines


def interval(differences: np.ndarray) -> tuple[float, float, float]:
    """Mean and Student's interval of 95 %."""
    mean = float(differences.mean())
    error = float(differences.std(ddof=1)) / np.sqrt(len(differences))
    width = float(stats.t.ppf(0.975, len(differences) - 1)) * error
    return mean, mean - width, mean + width


def encoder_of(model: Path) -> Encode:
    """Texts to vectors, each text once; a text without a known word is no row here."""
    encoder, known = load_encoder(EmbedParams(model=str(model))), dict[str, np.ndarray]()

    def encode(texts: Sequence[str]) -> np.ndarray:
        new = sorted({text for text in texts if text not in known})
        for part in encoder.encode(new):
            known.update(zip([new[at] for at in part.positions], part.vectors, strict=True))
        return np.array([known[text] for text in texts])

    return encode


def clinc(rows: int) -> Rows:
    """Questions to an assistant, by intent."""
    table = pl.read_parquet(SHARED / "clinc150.parquet").filter(pl.col("label") != "oos")
    table = table.filter(pl.col("split") == "train").sample(rows, seed=0, shuffle=True)
    return table["text"].to_list(), table["label"].to_list()


def documents() -> Rows:
    """The demo's passages, by title; only titles of five passages or more."""
    table = pl.read_ndjson(gzip.decompress(DEMO.read_bytes()))
    table = table.filter(pl.col("near_duplicate_of").is_null()).sort("id")
    table = table.filter(pl.len().over("title") >= 5)
    return table["text"].to_list(), table["title"].to_list()


def show(lines: Sequence[Recovered]) -> None:
    """One row per method: each rate in per cent, with its difference from uniform."""
    head = f"{'method':<22}" + "".join(f"{name:>28}" for name in RATES)
    sys.stdout.write(f"{lines[0].work}, {lines[0].budget:.0%} of the rows\n{head}\n")
    for start in range(0, len(lines), len(RATES)):
        cells = [
            f"{100 * one.share:5.1f} ({100 * one.delta:+5.1f}: {100 * one.low:+6.1f} "
            f"{100 * one.high:+6.1f})"
            for one in lines[start : start + len(RATES)]
        ]
        sys.stdout.write(f"{lines[start].method:<22}" + "".join(f"{c:>28}" for c in cells) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Print a table per pool and write one JSON object per line of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=float, default=0.1)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=2_000, help="clean rows of CLINC150")
    parser.add_argument("--out", type=Path, default=Path("artifacts/planted.jsonl"))
    asked = parser.parse_args()
    params, passages = Params(), documents()
    with tempfile.TemporaryDirectory() as scratch:
        distil(Path(scratch) / "static")
        encode = encoder_of(Path(scratch) / "static")
        works = {"documents": (*passages, clinc(500)[0])}
        if SHARED.exists():
            works["clinc150"] = (*clinc(asked.rows), passages[0])
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        for name, rows in works.items():
            pools = [plant(name, *rows, encode, seed, Rates()) for seed in range(asked.seeds)]
            parts = [candidates_of(one.task, params, Paths(Path(scratch))) for one in pools]
            lines = recovered(pools, parts, params, asked.budget)
            show(lines)
            with asked.out.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(asdict(line)) + "\n" for line in lines)


if __name__ == "__main__":
    main()
