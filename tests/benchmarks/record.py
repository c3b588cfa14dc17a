"""Rows of artifacts/bench.jsonl, and the single runs they are made of, so that work is resumed."""

import json
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.benchmarks.inputs import ROOT
from tests.benchmarks.plan import Method, Work

CODE = ("tasks/engine", "tasks/selectors", "tasks/near_duplicates.py", "schemas/results.py")
HARNESS = ("tests/benchmarks/methods", "tests/benchmarks/worker.py", "tests/benchmarks/inputs.py",
           "tests/benchmarks/synthetic.py", "tests/benchmarks/quality.py")  # fmt: skip
FIELDS = (
    "kind", "goal_number", "work", "method", "label", "ours", "seconds", "peak_mb", "peak_rss_mb",
    "peer", "peer_seconds", "ratio", "share", "goal", "met", "objective", "recall", "reason",
    "reps", "n", "k", "d", "data", "bf16", "threads", "cpu", "code", "versions", "at",
)  # fmt: skip


def digest_of(paths: Iterable[str], root: Path = ROOT) -> str:
    """Names the state of some source files and folders."""
    found = sha256()
    for name in paths:
        path = root / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            found.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return found.hexdigest()[:12]


def processor() -> str:
    """The processor's name and what it offers for products of low precision."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    named = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    flags = {
        flag for line in text.splitlines() if line.startswith("flags") for flag in line.split()
    }
    units = [name for name in ("amx_bf16", "avx512_bf16", "avx512_vnni") if name in flags]
    return f"{(named or [platform.processor() or 'unknown'])[0]} ({', '.join(units) or 'no units'})"


@dataclass(frozen=True)
class Identity:
    """What a figure depends on: code, libraries' versions, processor, threads, memory allowed."""

    ours: str
    harness: str
    installed: str
    cpu: str
    threads: int
    memory_mb: int

    @classmethod
    def here(cls, threads: int, memory_mb: int) -> "Identity":
        """The identity of this checkout on this machine."""
        from importlib.metadata import distributions

        names = {f"{each.name}=={each.version}" for each in distributions() if each.name}
        installed = sha256("\n".join(sorted(names)).encode()).hexdigest()[:12]
        return cls(digest_of(CODE), digest_of(HARNESS), installed, processor(), threads, memory_mb)

    def code_of(self, method: Method) -> str:
        """The state of the code that a method's figure depends on."""
        return f"{self.ours}+{self.harness}" if method.ours else self.harness

    def key(self, work: Work, method: Method) -> str:
        """Names a method on a work in this state; runs of equal keys may be taken together."""
        what = (
            work.key,
            work.k,
            work.data,
            method.name,
            method.call,
            method.settings,
            method.units,
        )
        state = (self.code_of(method), self.installed, self.cpu, self.threads)
        return sha256(repr((what, state)).encode()).hexdigest()[:20]


class Lines:
    """A file of JSON objects, one a line, that only grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        whole, _, cut = text.rpartition("\n")
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in whole.splitlines()]
        if cut:  # what a killed run was writing
            path.write_text(whole + "\n" if whole else "", encoding="utf-8")

    def add(self, row: dict[str, Any]) -> None:
        """Append one object."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self.rows.append(row)


def row_of(kind: str, work: Work, identity: Identity, **known: Any) -> dict[str, Any]:
    """A row with all fields, null where it has nothing to say."""
    common = {
        "kind": kind,
        "goal_number": work.goal,
        "work": work.title,
        "n": work.data.n,
        "k": work.k,
        "d": work.data.d,
        "data": work.data.name,
        "threads": identity.threads,
        "cpu": identity.cpu,
    }
    return {**dict.fromkeys(FIELDS), **common, **known}
