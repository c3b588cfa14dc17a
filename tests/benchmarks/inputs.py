"""What the benchmarks run on: synthetic vectors, embedded instruction rows, real documents.

Made once and kept in artifacts/bench-data/ (ignored by git and DVC). Vectors are .npy files, read
memory-mapped by every method, ours or a peer's.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
SEED = 20261121
PASSAGE_WORDS = 90


class Missing(Exception):
    """An input or a library that is not on this machine; its text says which."""


@dataclass(frozen=True)
class Data:
    """One input: `clustered`, `instructions` or `documents`, n rows of width d (0 for texts)."""

    name: str
    n: int
    d: int

    def path(self, folder: Path) -> Path:
        """The file that holds it, in a folder of inputs."""
        kind = "parquet" if self.name == "documents" else "npy"
        return folder / f"{self.name}-{self.n}x{self.d}.{kind}"

    def made(self, folder: Path) -> Path:
        """Make the file unless it is there; raises `Missing` where what it is made of is not."""
        path = self.path(folder)
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{os.getpid()}.{path.name}")
            try:
                {
                    "clustered": _write_clustered,
                    "instructions": _write_instructions,
                    "documents": _write_documents,
                }[self.name](self, temporary)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
        return path


def load(path: Path) -> Float[np.ndarray, "n d"]:
    """Vectors, memory-mapped and read-only."""
    return np.load(path, mmap_mode="r")


def _write_clustered(data: Data, path: Path) -> None:
    from tests.benchmarks.synthetic import clustered

    with path.open("wb") as file:
        np.save(file, clustered(data.n, data.d, SEED))


def _shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        raise Missing(f"../shared/data/{name} is not here")
    return path


def _write_instructions(data: Data, path: Path) -> None:
    """Embed the instruction rows in another process: what it imports would stay in memory."""
    rows = _shared("alpaca_52k.parquet")
    code = (
        "import sys; from tests.benchmarks import inputs; inputs.embed_instructions(*sys.argv[1:])"
    )
    command = [sys.executable, "-c", code, str(rows), str(path), str(data.n), str(data.d)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Missing(f"the instruction rows could not be embedded: {last}")


def embed_instructions(rows: str, path: str, n: str, d: str) -> None:
    """Embed (at most n) instruction rows with a static model distilled from the packaged MiniLM."""
    import tempfile

    import polars as pl
    from sentence_transformers import SentenceTransformer

    from tests.benchmarks.instruction_rows import DIMENSIONS, distil

    if int(d) != DIMENSIONS:
        raise Missing(f"the distilled model gives {DIMENSIONS} dimensions, not {d}")
    columns = ["instruction", "input", "output"]
    texts = pl.read_parquet(rows, columns=columns).select(pl.concat_str(columns, separator="\n"))
    with tempfile.TemporaryDirectory() as folder:
        distil(Path(folder))
        model = SentenceTransformer(folder, device="cpu")
        vectors = model.encode(texts.to_series().to_list(), batch_size=256)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    known = (vectors / np.where(length > 0, length, 1.0))[length[:, 0] > 0].astype(np.float32)
    order = np.sort(np.random.default_rng(SEED).permutation(len(known))[: int(n)])
    with Path(path).open("wb") as file:
        np.save(file, known[order])


def _write_documents(data: Data, path: Path) -> None:
    """Real texts: instruction rows, and passages cut from documents and their older revisions."""
    import polars as pl

    cut = [_passages(name) for name in ("docs_mix.parquet", "pep_revisions.parquet")]
    columns = ["instruction", "input", "output"]
    rows = [
        pl.read_parquet(_shared(name), columns=columns)
        .select(text=pl.concat_str(columns, separator="\n"))["text"]
        .to_list()
        for name in ("alpaca_52k.parquet", "code_instruct.parquet", "dolly_chatgpt_top3k.parquet")
    ]
    texts = [text for part in (*cut, *rows) for text in part if text and text.strip()]
    order = np.sort(np.random.default_rng(SEED).permutation(len(texts))[: data.n])
    pl.DataFrame({"text": [texts[place] for place in order]}).write_parquet(path)


def _passages(name: str) -> list[str]:
    import polars as pl

    found = []
    for text in pl.read_parquet(_shared(name), columns=["text"])["text"]:
        words = text.split()
        found += [
            " ".join(words[start : start + PASSAGE_WORDS])
            for start in range(0, len(words), PASSAGE_WORDS)
        ]
    return found
