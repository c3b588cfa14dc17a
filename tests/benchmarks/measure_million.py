"""`measure`'s comparison at a million rows: seconds and peak memory per size, 10 % selected.

Synthetic unit vectors of width 384; subsets as the stage has them, three single ones (of which two
stand for the selection and the greedy controls), ten random draws, and the pool. Choosing the
controls is not part of it: see choose_million. One process per size, so that peaks are its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

from tasks.metrics.compare import Subset, compare
from tasks.metrics.rows import BLOCKS, Rows
from tasks.metrics.sampling import sampling_facts
from tests.benchmarks.synthetic import clustered

WIDTH, SHARE, DRAWS, CLUSTERS = 384, 0.10, 5, 1000


def pool(count: int) -> Rows:
    """A synthetic pool with every column that metrics read."""
    random = np.random.default_rng(1)
    key = random.integers(0, 2**63, count).astype(np.uint64)
    return Rows(
        vectors=clustered(count, WIDTH, seed=0),
        quality=random.random(count),
        cost=random.integers(5, 500, count),
        group=random.integers(0, 4, count),
        groups=4,
        block=(key % np.uint64(BLOCKS)).astype(np.int64),
        key=key,
        cluster=random.integers(0, CLUSTERS, count),
    )


def subsets(rows: Rows) -> list[Subset]:
    """As many subsets and draws as the stage compares."""
    random, count = np.random.default_rng(2), len(rows.vectors)
    draw = [random.permutation(count)[: int(SHARE * count)] for _ in range(2 + 2 * DRAWS)]
    best = np.argsort(-rows.quality, kind="stable")[: int(SHARE * count)]
    return [
        Subset("selected", draw[:1]),
        Subset("uniform", draw[2 : 2 + DRAWS]),
        Subset("stratified", draw[2 + DRAWS :]),
        Subset("top_quality", [best]),
        Subset("diversity_only", draw[1:2]),
        Subset("pool", [np.arange(count)]),
    ]


def measure(count: int) -> dict[str, float | str]:
    """Compare the subsets of one pool."""
    rows = pool(count)
    before, started = _peak_mb(), time.perf_counter()
    processor = time.process_time()
    records = compare(rows, subsets(rows))
    seconds = time.perf_counter() - started
    facts = sampling_facts(rows, int(SHARE * count))
    wide = next(r for r in records if r["metric"] == "coverage_mean" and r["subset"] == "selected")
    return {
        "work": "measure",
        "method": "compare",
        "n": count,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(time.process_time() - processor, 1),
        "peak_mb": _peak_mb(),
        "pool_mb": before,
        "rows_looked_at": facts["pool_rows_looked_at"],
        "coverage_half_width": round((wide["high"] - wide["low"]) / 2, 5),
    }


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Print one JSON line per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[200_000, 1_000_000])
    parser.add_argument("--here", action="store_true", help="measure in this process")
    asked = parser.parse_args()
    for count in asked.rows:
        if asked.here:
            print(json.dumps(measure(count)), flush=True)
            continue
        command = [sys.executable, "-m", __spec__.name, "--here", "--rows", str(count)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
