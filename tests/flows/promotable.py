"""A checkout of git and DVC with kept runs whose tables are made by hand: promoted in a moment."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import yaml

from flows.record import record
from flows.settings import apply_overrides, save
from schemas.manifest import Manifest
from schemas.params import Params
from schemas.tables import Profile, Survival, check
from tasks.gates.profile import survival
from tasks.stage import Paths, load_params, write_manifest
from tasks.storage.rows import read_rows, write_rows
from tests.flows.kept_runs import IDENTITY
from tests.ledgers import fill

TABLES = ("documents", "vectors", "scores", "selection", "decisions", "profile", "survival")
WIDTH = 4


def git(*arguments: str) -> str:
    command = ["git", *IDENTITY, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def make_checkout() -> None:
    """A project in the working directory whose one stage is said to write every table."""
    outs = [f"artifacts/{name}.parquet" for name in TABLES] + ["artifacts/gates.json"]
    stage = {
        "cmd": "true",
        "params": ["choose"],
        "outs": [{out: {"persist": True}} for out in outs],
    }
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {"make": stage}}))
    save(Params(), Path("params.yaml"))
    Path(".gitignore").write_text("/artifacts/\n/promoted/\n")
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text("[core]\n    analytics = false\n")
    Path(".dvc/.gitignore").write_text("/cache\n/tmp\n/config.local\n")
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "first")


def keep_run(name: str, rows: int, failed: tuple[str, ...] = ()) -> None:
    """Write the tables of a run that keeps a fifth of `rows`, and keep it under a name."""
    paths = Paths()
    settle(f"choose.budget={rows // 5}")
    fill(paths, rows)
    ids = read_rows(paths.table("scores"), ["id", "quality"])
    vectors = np.random.default_rng(rows).standard_normal((len(ids), WIDTH)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    documents = read_rows(paths.table("documents"), ["id", "content_sha256", "source"])
    known = ids.join(documents, on="id", how="left").sort("id")
    vector = pl.Series(vectors, dtype=pl.Array(pl.Float32, WIDTH))
    embedded = known.select("id", "content_sha256", tokens=pl.lit(9), vector=vector)
    profile = known.with_columns(kept=pl.lit(True), encoder=pl.lit("none"), vector=vector)
    write_rows(paths.table("vectors"), embedded)
    write_rows(paths.table("profile"), check(Profile, profile))
    counts = survival(read_rows(paths.table("decisions")))
    write_rows(paths.table("survival"), check(Survival, counts))
    facts = {"held": bool(failed), "failed": list(failed), "gates": [], "not_listed": 0}
    write_manifest(paths, Manifest("gate", "1.0.0", {"previous": ""}, facts=facts))
    command = [sys.executable, "-m", "dvc", "commit", "--force", "--quiet"]
    subprocess.run(command, check=True)
    record(name)


def settle(*overrides: str) -> None:
    """Change settings of the checkout."""
    path = Path("params.yaml")
    save(apply_overrides(load_params(path), overrides), path)
