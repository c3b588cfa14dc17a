"""`choose` at a million rows, end to end: vectors.parquet to selection.parquet and the evidence.

Prints seconds and peak memory of the stage in a process of its own.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from flows.settings import save
from schemas.params import Params
from schemas.tables import Contaminated
from tasks.stage import Paths
from tasks.storage.rows import write_rows
from tests.benchmarks.synthetic import clustered

ROOT = Path(__file__).resolve().parents[2]
BATCH_ROWS = 50_000


def fill(paths: Paths, rows: int) -> None:
    """Write documents, vectors and scores of a synthetic pool."""
    vectors = clustered(rows, 384, seed=0)
    ids = np.array([f"r{i:08d}" for i in range(rows)])
    sha = "a" * 64
    sources = np.array(["books", "code", "web", "forum"])[np.arange(rows) % 4]
    documents = {"id": ids, "source": sources, "metadata": "{}", "duplicate_of": None}
    write_rows(
        paths.table("documents"),
        pl.DataFrame(documents, schema_overrides={"duplicate_of": pl.String}),
    )
    quality = np.random.default_rng(1).random(rows).round(6)
    scores = {"id": ids, "quality": quality, "cluster": np.arange(rows) % 1000}
    none = {"semantic_keeper_id": pl.String, "semantic_similarity": pl.Float64}
    frame = pl.DataFrame(scores | dict.fromkeys(none), schema_overrides=none)
    write_rows(paths.table("scores"), frame)
    write_rows(paths.table("contaminated"), Contaminated.empty())
    width = vectors.shape[1]
    kinds = [pa.string(), pa.int64(), pa.string(), pa.list_(pa.float32(), width)]
    names = ["id", "tokens", "content_sha256", "vector"]
    schema = pa.schema(list(zip(names, kinds, strict=True)))
    with pq.ParquetWriter(paths.table("vectors"), schema) as file:
        for start in range(0, rows, BATCH_ROWS):
            part = slice(start, min(start + BATCH_ROWS, rows))
            flat = pa.array(vectors[part].ravel())
            columns = [ids[part], np.full(part.stop - start, 100), [sha] * (part.stop - start)]
            arrays = [pa.array(values, kind) for values, kind in zip(columns, kinds, strict=False)]
            arrays.append(pa.FixedSizeListArray.from_arrays(flat, width))
            file.write_table(pa.table(arrays, schema=schema))


def main() -> None:
    """Make the tables in a temporary folder and time the stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--budget", default="10%")
    parser.add_argument("--selector", default="facility_location")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder))
        paths.artifacts.mkdir(parents=True, exist_ok=True)
        fill(paths, asked.rows)
        choose = {"budget": asked.budget, "selector": asked.selector}
        save(Params.model_validate({"choose": choose}), Path(folder) / "params.yaml")
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "tasks.choose"],
            cwd=folder,
            check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        seconds = time.perf_counter() - started
        facts = json.loads((paths.artifacts / "choose.json").read_text("utf-8"))
        stage = json.loads(next(paths.artifacts.rglob("facts/choose.json")).read_text("utf-8"))
    peak_mb = {key: value for key, value in stage.items() if "mem" in key or "peak" in key}
    print(json.dumps({"work": "choose", "n": asked.rows, "seconds": round(seconds, 1), **peak_mb}))
    print(json.dumps(facts["facts"]["totals"]))


if __name__ == "__main__":
    main()
