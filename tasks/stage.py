"""How a stage runs: params.yaml and `artifacts/` in, tables and a manifest out.

`python -m tasks.<stage>` is the only way a stage is started, by DVC or by hand.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from pydantic import ValidationError

from schemas.errors import ContractError, SettingsError, WinnowError
from schemas.manifest import Manifest, file_digest
from schemas.params import Params
from schemas.plain import plain_lines
from tasks import PIPELINE
from tasks.full_disk import disk_full_error
from tasks.history import remember
from tasks.paths import Paths as Paths
from tasks.storage.rows import write_text
from tasks.transfer import transfer_error

log = logging.getLogger("winnow")


MANIFEST_NAMES = {
    "validate": "validation",
    "gate": "gates",
}  # every other stage's manifest has the stage's name


def manifest_path(paths: Paths, stage: str) -> Path:
    """Where a stage's manifest lies."""
    return paths.json(MANIFEST_NAMES.get(stage, stage))


def load_params(path: Path) -> Params:
    """Read and validate params.yaml; raises `SettingsError` naming each wrong key."""
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Params.model_validate(loaded or {})
    except FileNotFoundError:
        raise SettingsError(
            f"no {path.name} here",
            where=str(path.parent.resolve()),
            remedy="run inside a checkout of Winnow",
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name} is not YAML: {error}", where=str(path)) from None
    except ValidationError as error:
        raise settings_error(error, path.name) from None


def settings_error(error: ValidationError, where: str) -> SettingsError:
    """Put pydantic's findings in words: key, what is wrong, what was found."""
    lines = []
    for found in error.errors():
        key = ".".join(str(part) for part in found["loc"])
        lines.append(f"{key}: {found['msg']} (found {str(found['input'])[:80]!r})")
    return SettingsError(
        "settings are not valid:\n    " + "\n    ".join(lines),
        where=where,
        remedy="`winnow run --help` and params.yaml list every key with its bounds",
    )


def write_manifest(
    paths: Paths,
    manifest: Manifest,
    inputs: tuple[Path, ...] = (),
    outputs: tuple[Path, ...] = (),
) -> Manifest:
    """Add the digests of input and output files to a manifest and write it.

    Raises `ContractError` if an input is no longer the file that its stage wrote.
    """
    read = {path.name: file_digest(path) for path in inputs}
    ensure_unaltered(paths, read)
    full = Manifest(
        **{
            **manifest.__dict__,
            "inputs": read,
            "outputs": {path.name: file_digest(path) for path in outputs},
        }
    )
    write_text(manifest_path(paths, manifest.stage), full.to_json())
    return full


def ensure_unaltered(paths: Paths, read: dict[str, str]) -> None:
    """Compare the digests of files read with those that the stages which wrote them noted.

    DVC looks at time and size before it reads a file again, so a byte that a disk flips in a file
    goes past it.
    """
    for stage in PIPELINE:
        path = manifest_path(paths, stage)
        if stage == "sources" or not path.exists():  # sources.json is a listing
            continue
        for name, digest in Manifest.read(path).outputs.items():
            if read.get(name, digest) != digest:
                raise ContractError(
                    f"{name} is not the file that stage {stage} wrote: its bytes were altered",
                    expected=f"SHA-256 {digest[:12]}…, found {read[name][:12]}…",
                    where=str(paths.artifacts / name),
                    remedy="`winnow run` replaces it, and DVC's copy of it if that is damaged",
                )


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far (`ru_maxrss` would count its parent's)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    found = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return int(found[0].split()[1]) / 1024


def process_seconds() -> float:
    """How long this process has run, its imports included; 0 where the system does not tell."""
    status = Path("/proc/self/stat")
    if not status.exists():
        return 0.0
    ticks = int(status.read_text().rpartition(")")[2].split()[19])  # starttime, see proc(5)
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


class _Plain(logging.Formatter):
    """Writes a message without anything in it that would steer a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return plain_lines(super().format(record))


def _console() -> logging.Handler:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Plain("%(message)s"))
    return handler


def run_stage(stage: str, run: Callable[[Params, Paths], Manifest]) -> None:
    """Run one stage in the current folder: log to stderr, note time and memory, exit 0, 1 or 2."""
    logging.basicConfig(level=logging.WARNING, handlers=[_console()])
    log.setLevel(logging.INFO)
    paths = Paths()
    started = time.monotonic()
    try:
        manifest = run(load_params(paths.params), paths)
    except Exception as error:
        known = error if isinstance(error, WinnowError) else None
        problem = disk_full_error(error) or known or transfer_error(error)
        if problem is None:
            raise
        print(f"\n{stage} stopped: {problem}", file=sys.stderr)
        sys.exit(problem.exit_status)
    seconds = time.monotonic() - started
    peak_mb = peak_memory_mb()
    told = round(peak_mb) if peak_mb == peak_mb else None  # not a number where it is not told
    facts = {"seconds": round(seconds, 2), "peak_mb": told}
    write_text(paths.artifacts / "facts" / f"{stage}.json", json.dumps(facts) + "\n")
    remember(paths, manifest, round(max(seconds, process_seconds()), 2), told)
    rows = " ".join(f"{name}={count:,}" for name, count in manifest.rows.items())
    log.info(f"{stage} {manifest.version}: {rows} seconds={seconds:.1f} peak_mb={peak_mb:.0f}")
