"""Do the intervals hold what they say? Nominal 95 % against actual, per metric, known population.

Each trial draws a fresh pool from one population (Gaussian clusters of power-law size on the
sphere) and takes a subset by a fixed rule that favours some clusters. The truth is the metric's
mean over other, independent trials: what the metric is for a pool and a subset of this size. An
interval covers if it holds the truth.

60 trials of 600 rows: all between 0.90 and 0.98 (the error of such a share is 0.03; that of
`coverage_relative` says nothing here, the one subset being the best known), but the share of
clusters reached, with 0.10: both cluster coverages are given none (see `NO_INTERVAL`).
"""

import argparse
from collections.abc import Iterator

import numpy as np

from tasks.metrics import METRICS, NO_INTERVAL
from tasks.metrics.compare import Subset, compare
from tasks.metrics.rows import BLOCKS, Rows

WIDTH, CLUSTERS, RADIUS = 16, 12, 0.8
SHARE = 0.2


def trials(count: int, rows: int, first_seed: int) -> Iterator[dict[str, dict[str, float]]]:
    """Every metric's record on fresh pools and subsets."""
    centres = np.random.default_rng(99).standard_normal((CLUSTERS, WIDTH))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    size = 1 / np.arange(1, CLUSTERS + 1)
    for seed in range(first_seed, first_seed + count):
        random = np.random.default_rng(seed)
        cluster = random.choice(CLUSTERS, rows, p=size / size.sum())
        vectors = centres[cluster] + random.normal(scale=0.12, size=(rows, WIDTH))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        quality = random.random(rows)
        favour = quality + 0.3 * (cluster % 3)  # the rule's taste: every third cluster more
        pool = Rows(
            vectors=vectors.astype(np.float32),
            quality=quality,
            cost=random.integers(5, 50, rows),
            group=cluster % 4,
            groups=4,
            block=random.integers(0, BLOCKS, rows),
            cluster=cluster,
            known_radius=RADIUS,
        )
        chosen = np.argsort(-favour, kind="stable")[: int(SHARE * rows)]
        records = compare(pool, [Subset("selected", [chosen])])
        yield {record["metric"]: record for record in records}


def covered_shares(count: int, rows: int) -> list[dict[str, float | str]]:
    """Per metric with an interval: truth, mean half width, and the share of trials that cover."""
    other = list(trials(count, rows, first_seed=10**6))
    mine = list(trials(count, rows, first_seed=0))
    names = [
        name for name in METRICS if name not in NO_INTERVAL and mine[0][name]["low"] is not None
    ]
    found: list[dict[str, float | str]] = []
    for name in names:
        truth = float(np.mean([trial[name]["value"] for trial in other]))
        spread = float(np.std([trial[name]["value"] for trial in mine]))
        inside = [trial[name]["low"] <= truth <= trial[name]["high"] for trial in mine]
        half = np.mean([(trial[name]["high"] - trial[name]["low"]) / 2 for trial in mine])
        found.append(
            {
                "metric": name,
                "truth": round(truth, 4),
                "sd": round(spread, 5),
                "half_width": round(float(half), 5),
                "covered": round(float(np.mean(inside)), 3),
            }
        )
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--rows", type=int, default=1000)
    asked = parser.parse_args()
    found = covered_shares(asked.trials, asked.rows)
    print(f"nominal 0.95; {asked.trials} trials of {asked.rows} rows, {SHARE:.0%} selected")
    print(f"{'metric':22}{'truth':>10}{'sd':>10}{'half width':>12}{'covered':>10}")
    for line in found:
        print(
            f"{line['metric']:22}{line['truth']:>10}{line['sd']:>10}{line['half_width']:>12}"
            f"{line['covered']:>10}"
        )


if __name__ == "__main__":
    main()
