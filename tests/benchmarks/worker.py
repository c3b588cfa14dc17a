"""One run of one method in a process of its own: `python -m tests.benchmarks.worker SPEC FD`.

Tells its parent, one JSON object per line on the descriptor: `warm` when ready (libraries loaded,
loops compiled by a small run), `point` for each result with its measures, `failed` with the reason.
"""

import gc
import importlib
import json
import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.inputs import Missing, load
from tests.benchmarks.methods import Inputs

WARM_ROWS = 4096
WARM_K = 20


@dataclass(frozen=True)
class Spec:
    """What to run: a method's `module:function`, its settings, the input and the limits."""

    call: str
    settings: dict[str, Any]
    subject: str
    data: str  # path of the input
    k: int
    threads: int
    memory_mb: int


def main(spec: Spec, out: int) -> None:
    """Run and report; always ends with exit status 0 unless the process is killed."""

    def say(event: str, **facts: Any) -> None:
        os.write(out, (json.dumps({"event": event, **facts}, default=str) + "\n").encode())

    try:
        _run(spec, say)
    except Missing as error:
        say("missing", reason=str(error))
    except MemoryError as error:
        say("failed", reason=f"MemoryError{_first_line(error)}")
    except Exception as error:  # a peer may raise anything: it becomes a row with the reason
        say("failed", reason=f"{type(error).__name__}{_first_line(error)}")


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f": {text[0][:160]}" if text else ""


def _run(spec: Spec, say: Any) -> None:
    limit_memory(spec.memory_mb)
    inputs, small = read(spec)
    module, _, name = spec.call.partition(":")
    method = getattr(importlib.import_module(module), name)
    for _ in method(small, **spec.settings)():
        pass
    work = method(inputs, **spec.settings)
    gc.collect()
    reset = reset_peak()
    say("warm", versions=versions(), peak_reset=reset)
    for point in work():
        peak = status("VmHWM")
        say("measured", seconds=point.seconds)
        if spec.subject in ("", "none"):
            found: dict[str, Any] = {}
        else:
            from tests.benchmarks.quality import judge

            found = judge(spec.subject, inputs, point.output, Path(spec.data))
        facts = {**point.facts, **found}
        say("point", label=point.label, seconds=point.seconds, peak_rss_mb=peak, facts=facts)


def read(spec: Spec) -> tuple[Inputs, Inputs]:
    """The input and a small part of it."""
    path = Path(spec.data)
    if path.suffix == ".parquet":
        import polars as pl

        texts = pl.read_parquet(path)["text"].to_list()
        none = np.empty((0, 0), dtype=np.float32)
        small = Inputs(none, 0, spec.threads, True, texts[:WARM_ROWS])
        return Inputs(none, 0, spec.threads, texts=texts), small
    vectors = load(path)
    # mapped and read-only as the whole is: numba compiles a loop anew for arrays that are not
    part = vectors[: min(WARM_ROWS, len(vectors) // 2)]
    small = Inputs(part, min(spec.k, WARM_K, len(part) // 2), spec.threads, True)
    return Inputs(vectors, spec.k, spec.threads), small


def limit_memory(megabytes: int) -> None:
    """Refuse more private memory than this: an allocation fails, the machine does not."""
    resource.setrlimit(resource.RLIMIT_DATA, (megabytes * 2**20, resource.RLIM_INFINITY))


def reset_peak() -> bool:
    """Let VmHWM count from now on, where the kernel allows it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def status(name: str, process: str = "self") -> float:
    """A size of /proc/<process>/status in MB."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    return 0.0


def versions() -> dict[str, str]:
    """Versions of what may do the work, of what is loaded."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": sys.version.split()[0]}
    for package, module in LIBRARIES.items():
        if module in sys.modules:
            try:
                found[package] = version(package)
            except PackageNotFoundError:
                found[package] = "unknown"
    return found


LIBRARIES = {
    "apricot-select": "apricot",
    "datasketch": "datasketch",
    "faiss-cpu": "faiss",
    "hnswlib": "hnswlib",
    "numba": "numba",
    "numpy": "numpy",
    "polars": "polars",
    "pynndescent": "pynndescent",
    "rensa": "rensa",
    "scikit-learn": "sklearn",
    "scipy": "scipy",
    "submodlib-py": "submodlib",
    "torch": "torch",
}


if __name__ == "__main__":
    main(Spec(**json.loads(sys.argv[1])), int(sys.argv[2]))
