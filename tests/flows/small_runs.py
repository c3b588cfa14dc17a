"""A checkout of one stage that does what the pipeline does to rows: a run takes a moment.

`sources` and `ingest` are the real ones; vectors are made of a hash, the page is a few lines. DVC,
git and LanceDB are real. Run as a module it is the stage.
"""

import hashlib
import html
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from schemas.manifest import Manifest
from schemas.params import Params
from tasks.stage import Paths, load_params, write_manifest

WIDTH = 8
OUTS = ("sources.json", "ingest.json", "embed.json", "documents.parquet", "quarantine.parquet",
        "vectors.parquet", "report.html")  # fmt: skip
ROOT = Path(__file__).resolve().parents[2]


def vector(text: str) -> np.ndarray:
    """Eight numbers that belong to this text alone."""
    return np.frombuffer(hashlib.sha256(text.encode()).digest(), "<u4").astype("f4") / 2**32


def make() -> None:
    """All outputs of the stage, and the rows in LanceDB."""
    from tasks import ingest, sources
    from tasks.catalog import publish_vectors
    from tasks.pages.lineage import packed
    from tasks.storage.rows import write_batches
    from tasks.storage.vectors import VectorStore, vector_array

    paths = Paths()
    params = load_params(paths.params)
    sources.run(params, paths)
    ingest.run(params, paths)
    rows = pl.read_parquet(paths.table("documents"))
    rows = rows.filter(pl.col("duplicate_of").is_null()).sort("id")
    vectors = np.stack([vector(text) for text in rows["text"]])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cache = VectorStore(paths.store("")).cache("model", WIDTH)
    new = ~rows["content_sha256"].is_in(cache.places()["content_sha256"].implode()).to_numpy()
    if new.any():
        hashes = rows["content_sha256"].filter(pl.Series(new))
        cache.add(hashes, np.ones(len(hashes), dtype=np.int64), vectors[new])
    columns = {
        "id": rows["id"].to_arrow().cast(pa.string()),
        "tokens": pa.array([params.seed] * len(rows)),
        "content_sha256": rows["content_sha256"].to_arrow().cast(pa.string()),
        "vector": vector_array(vectors),
    }
    table = pa.table(columns)
    write_batches(paths.table("vectors"), table.schema, [table])
    write_manifest(paths, Manifest("embed", "1.0.0", {}), (), (paths.table("vectors"),))
    page = [f"<p>{html.escape(row['text'])}</p>" for row in rows.head(5).to_dicts()]
    page.append(f"<script>{packed(rows['id'].to_list())}</script>")
    (paths.artifacts / "report.html").write_text("\n".join(page))
    publish_vectors(params, paths)


@dataclass(frozen=True)
class SmallRuns:
    """The checkout, which is the tests' working directory."""

    root: Path

    def finish(self, name: str, seed: int, by_dvc: bool = False) -> None:
        """A finished run of these settings, kept under a name."""
        from flows import repro
        from flows.record import record

        self.settings(seed=seed)
        if by_dvc:
            repro.reproduce("make", print)
        else:
            make()
            with repro.repository() as repo:
                repo.commit("make", force=True)
        assert record(name).name == name

    def settings(self, **choose) -> None:
        from flows.settings import save

        seed, ingest = choose.pop("seed"), {"sources": ["rows.jsonl"], "id_key": "id"}
        save(
            Params.model_validate({"seed": seed, "ingest": ingest, "choose": choose}),
            Paths().params,
        )

    def rows(self, rows: list[dict]) -> None:
        Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def make_checkout(root: Path, monkeypatch, rows: list[dict]) -> SmallRuns:
    """A checkout with one commit and no run yet."""
    from tests.flows.kept_runs import Project, _enter

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    project: Project = _enter(root, monkeypatch)
    outs = "".join(f"      - artifacts/{name}: {{persist: true}}\n" for name in OUTS)
    reads = "    deps: [rows.jsonl, takedowns]\n    params: [seed]\n"
    command = "    cmd: python -m tests.flows.small_runs\n"
    project.write("dvc.yaml", f"stages:\n  make:\n{command}{reads}    outs:\n{outs}")
    project.write("takedowns/.keep", "")
    project.write(".gitignore", "/artifacts/\n/promoted/\n/rows.jsonl\n")
    project.write(".dvc/config", "[core]\n    analytics = false\n")
    project.write(".dvc/.gitignore", "/config.local\n/tmp\n/cache\n")
    made = SmallRuns(root)
    made.rows(rows)
    made.settings(seed=0)
    for command in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "first")):
        project.git(*command)
    return made


if __name__ == "__main__":
    make()
