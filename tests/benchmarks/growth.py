"""`make growth`: what simulated nightly runs leave on the disk, with `winnow gc` each night.

Every night some rows arrive, some are edited, some deleted; the whole pipeline runs with a small
static model, is kept, and `winnow gc --keep-runs K --embeddings` follows. The bound, checked each
night: DVC's cache at most K + 1 times the largest artifacts of a night, LanceDB at most K + 2 times
its largest growth of a night, git at most `GIT_BYTES` a run.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
WORDS: Final = ("water", "fire", "earth", "air", "light", "dark", "stone", "tree", "river", "bird")
COPIED: Final = ("schemas", "tasks", "flows", "dvc.yaml", "params.yaml", ".dvcignore")
ROWS: Final = 300
CHANGED: Final = 15  # rows that arrive, are edited, are deleted in a night, each
GIT_BYTES: Final = 200_000
IDENTITY: Final = ("-c", "user.name=growth", "-c", "user.email=growth@localhost")
PARTS: Final = ("artifacts_bytes", "cache_bytes", "lancedb_bytes", "git_bytes")
RECORD: Final = "import sys; from flows.record import record; record(sys.argv[1])"
SETTINGS: Final = """
import sys
from pathlib import Path
from flows.settings import apply_overrides, save
from tasks.stage import load_params
path = Path("params.yaml")
save(apply_overrides(load_params(path), sys.argv[1:]), path)
"""


@dataclass(frozen=True)
class Night:
    """Bytes on the disk after a night's run and gc, and whether they keep to the bound."""

    night: int
    artifacts_bytes: int
    cache_bytes: int
    lancedb_bytes: int
    git_bytes: int
    freed_bytes: int
    met: bool


def simulate(root: Path, nights: int, keep_runs: int) -> Iterator[Night]:
    """One night after the other in a new checkout under `root`."""
    _prepare(root)
    chance, rows, number = random.Random(0), {}, 0
    artifacts, store_growth, store_before = [], [], 0
    for night in range(1, nights + 1):
        for name in chance.sample(sorted(rows), min(len(rows), CHANGED)):
            del rows[name]
        for name in chance.sample(sorted(rows), min(len(rows), CHANGED)):
            rows[name] = _text(chance)
        for _ in range(ROWS if night == 1 else CHANGED):
            number, rows[f"row-{number:06}"] = number + 1, _text(chance)
        _write(root, rows)
        _python(root, "-m", "dvc", "repro", "-q")
        _python(root, "-c", RECORD, f"night-{night:03}")
        store_growth.append(size(root / "artifacts/lancedb") - store_before)
        told = _python(root, "-m", "flows.cli", "gc", "--keep-runs", str(keep_runs),
                       "--embeddings", "--grace-minutes", "0", "--json")  # fmt: skip
        store_before = size(root / "artifacts/lancedb")
        artifacts.append(size(root / "artifacts") - store_before)
        cache, git = size(root / ".dvc/cache"), size(root / ".git")
        met = (
            cache <= (keep_runs + 1) * max(artifacts)
            and store_before <= (keep_runs + 2) * max(store_growth)
            and git <= GIT_BYTES * (night + 10)
        )
        freed = json.loads(told)["bytes"]
        yield Night(night, artifacts[-1], cache, store_before, git, freed, met)


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _text(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=40)) + f" {chance.getrandbits(32)}"


def _write(root: Path, rows: dict[str, str]) -> None:
    lines = [json.dumps({"id": name, "text": text}) + "\n" for name, text in rows.items()]
    (root / "rows.jsonl").write_text("".join(lines), encoding="utf-8")


def _prepare(root: Path) -> None:
    from tests.tiny_model import save_static_model

    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, root / name)  # type: ignore[operator]
    (root / ".gitignore").write_text("/artifacts/\n/model/\n/rows.jsonl\n__pycache__/\n")
    (root / ".dvc").mkdir()
    (root / ".dvc/config").write_text("[core]\n    analytics = false\n")
    (root / ".dvc/.gitignore").write_text("/cache\n/tmp\n/config.local\n")
    save_static_model(root / "model")
    sets = ("ingest.sources=rows.jsonl", "embed.model=model", "measure.control_seeds=2",
            "validate.max_missing_groups=-1")  # fmt: skip
    _python(root, "-c", SETTINGS, *sets)
    for command in (("init", "-q"), ("add", "-A"), (*IDENTITY, "commit", "-qm", "first")):
        subprocess.run(["git", *command], cwd=root, check=True)


def _python(root: Path, *arguments: str) -> str:
    binaries = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": binaries + os.pathsep + os.environ["PATH"]}
    done = subprocess.run([sys.executable, *arguments], cwd=root, env=environment,
                          capture_output=True, text=True)  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments[:4])} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> int:
    """Print a table line and write a JSON object per night; exit 1 if the bound is ever broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--keep-runs", type=int, default=7)
    given = parser.parse_args()
    told = ROOT / "artifacts/growth.jsonl"
    told.parent.mkdir(exist_ok=True)
    print(f"{'night':>5} " + " ".join(f"{part:>15}" for part in PARTS) + "     freed_bytes  met")
    met = True
    with tempfile.TemporaryDirectory(prefix="winnow-growth-") as folder, told.open("w") as file:
        for night in simulate(Path(folder), given.nights, given.keep_runs):
            row = asdict(night)
            cells = " ".join(f"{row[part]:>15,}" for part in (*PARTS, "freed_bytes"))
            print(f"{night.night:>5} {cells}  {'yes' if night.met else 'NO'}", flush=True)
            file.write(json.dumps(row) + "\n")
            file.flush()
            met = met and night.met
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
